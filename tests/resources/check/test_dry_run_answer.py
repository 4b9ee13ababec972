"""Texts are those of Falco 0.44.1."""

import signal

import pytest

from resources.check.dry_run_answer import (
    DryRun,
    FalcoWarning,
    NoAnswer,
    Refusal,
    Taken,
    answer,
)

LOG = "Thu Nov 26 10:42:37 2026: Falco version: 0.44.1 (x86_64)\n"
FILE = "/etc/falco/rules.d/50-03-r-inline.yaml"
CONDITION = f"""\
Error: {FILE}: Invalid
1 Errors:
In rules content: ({FILE}:0:0)
    rule 'One': ({FILE}:0:2)
    rule condition: ({FILE}:2:13)
    condition expression: ("evt.type = open a...":3:34)
------
evt.type = open and no.such = a
                              ^
------
LOAD_ERR_COMPILE_CONDITION (Error compiling condition): filter_check called with nonexistent field \
no.such
"""
SCHEMA = f"""\
Error: {FILE}: Invalid
3 Schema warnings:
------
failed for <root>[0][capture_duration]: Value type not permitted by 'type' constraint.
------
1 Errors:
In rules content: ({FILE}:0:0)
    rule 'One': ({FILE}:4:2)
------
- rule: One
  ^
------
LOAD_ERR_YAML_VALIDATE (Error validating internal structure of YAML file): Mapping for key \
'capture_duration' is empty
"""
TIME = "Thu Nov 26 13:08:54 2026: "
CONFIG = "/etc/falco/config.d/50-03-a-inline.yaml"
WARNED = f"""\
{LOG}{TIME}Falco initialized with configuration files:
{TIME}   {CONFIG} | schema validation: failed for <root>[http_output][url]: Value type not \
permitted by 'type' constraint.
{TIME}   /etc/falco/falco.yaml | schema validation: ok
{TIME}Loading rules from:
{TIME}   {FILE} | schema validation: ok
{TIME}{FILE}: Ok, with warnings
2 Warnings:
In rules content: ({FILE}:0:0)
    list 'my list': ({FILE}:0:2)
------
- list: my list
  ^
------
LOAD_INVALID_LIST_NAME (Invalid list name): List has an invalid name.
In rules content: ({FILE}:0:0)
    rule 'One': ({FILE}:4:2)
    rule condition: ({FILE}:6:13)
    condition expression: ("evt.type = open a...":3:34)
------
evt.type = open and no.such = a
                              ^
------
LOAD_UNKNOWN_FILTER (Unknown field or event-type in condition or output): filter_check called with \
nonexistent field no.such
{TIME}Invalid (positive) syscall names: warning (base_syscalls override): nosuchcall
{TIME}Setting metrics interval to 1h, equivalent to 3600000 (ms)
"""
PLUGIN = (
    "Thu Nov 26 10:42:38 2026: Runtime error: cannot load plugin /usr/share/falco/plugins/a.so: "
    "can't load plugin dynamic library: /usr/share/falco/plugins/a.so: invalid ELF header. Exiting."
)
INIT = "x: Runtime error: error in plugin json init config: In <root>, Value type not permitted."
ABSENT = "x: Runtime error: cannot load plugin /x.so: /x.so: cannot open shared object file: No"


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (DryRun(0, LOG), Taken(is_silent=True)),
        (
            DryRun(1, LOG + CONDITION),
            Refusal(
                'rule "One" (line 3): Falco refuses it: LOAD_ERR_COMPILE_CONDITION: filter_check '
                "called with nonexistent field no.such",
                FILE,
            ),
        ),
        (
            DryRun(1, LOG + SCHEMA),
            Refusal(
                'rule "One" (line 5): Falco refuses it: LOAD_ERR_YAML_VALIDATE: Mapping for key '
                "'capture_duration' is empty",
                FILE,
            ),
        ),
        (
            DryRun(1, "Error: Unknown log level WARN\n"),
            Refusal("Falco refuses it: Unknown log level WARN"),
        ),
        (
            DryRun(1, PLUGIN),
            Refusal(
                "Falco refuses it: cannot load plugin /usr/share/falco/plugins/a.so: can't load "
                "plugin dynamic library: /usr/share/falco/plugins/a.so: invalid ELF header",
                "/usr/share/falco/plugins/a.so",
            ),
        ),
        (
            DryRun(1, INIT),
            Refusal(
                "Falco refuses it: error in plugin json init config: In <root>, Value type not "
                "permitted.",
                plugin="json",
            ),
        ),
        (DryRun(-signal.SIGSEGV, LOG), Refusal("Falco crashes of it (SIGSEGV)")),
        (
            DryRun(-signal.SIGABRT, "JSON value is not an object.\n"),
            Refusal("Falco crashes of it (SIGABRT): JSON value is not an object."),
        ),
    ],
)
def test_an_answer_names_the_file_the_item_its_line_and_the_code(run, expected):
    assert answer(run) == expected


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (DryRun(None, LOG), "too long"),
        (DryRun(-signal.SIGKILL, LOG), "too much memory"),
        (DryRun(-signal.SIGABRT, "terminate: std::bad_alloc"), "too much memory"),
        (DryRun(1, ABSENT), "lacks a file: cannot load plugin /x.so"),
        (DryRun(127, "falco: error while loading shared libraries: libcurl.so.4"), "lacks a file"),
        (DryRun(1, f"{INIT} dial tcp: address family not supported"), "what a plugin needs"),
        (DryRun(1, f"{INIT} open /var/x: no such file or directory"), "what a plugin needs"),
        (DryRun(2, "?"), "exit code 2"),
        (DryRun(1, ""), "exit code 1"),
        (DryRun(-signal.SIGXFSZ, "x"), "exit code -25"),
    ],
)
def test_a_run_that_was_cut_off_or_lacks_something_is_no_answer(run, reason):
    with pytest.raises(NoAnswer, match=reason):
        answer(run)


def test_the_first_error_counts_whatever_a_quoted_line_of_the_file_says():
    forged = CONDITION.replace("evt.type = open and no.such = a", "Error: /etc/x.yaml: Invalid")
    assert answer(DryRun(1, forged)) == answer(DryRun(1, CONDITION))


def test_what_falco_warns_of_names_the_file_the_item_its_line_and_the_code():
    assert answer(DryRun(0, WARNED)) == Taken(
        (
            FalcoWarning(
                'list "my list" (line 1): Falco warns: LOAD_INVALID_LIST_NAME: List has an invalid '
                "name.",
                FILE,
            ),
            FalcoWarning(
                'rule "One" (line 7): Falco warns: LOAD_UNKNOWN_FILTER: filter_check called with '
                "nonexistent field no.such",
                FILE,
            ),
            FalcoWarning(
                "Falco warns: schema validation: failed for <root>[http_output][url]: Value type "
                "not permitted by 'type' constraint.",
                CONFIG,
            ),
            FalcoWarning(
                "Falco warns: Invalid (positive) syscall names: warning (base_syscalls override): "
                "nosuchcall"
            ),
        )
    )
