"""What `kubectl falco analyze` finds in files, and on which line."""

from __future__ import annotations

import textwrap
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.analyze import findings as codes
from cli.analyze.analysis import analyzed
from cli.analyze.contents import Contents

RULE = """\
- rule: A shell
  desc: Somebody starts a shell.
  condition: evt.type = execve and proc.name in (sh, bash)
  output: A shell (%proc.cmdline)
  priority: NOTICE
"""
BAD_RULE = RULE.replace("proc.name", "proc.nmae")
NO_FIELD = 'rule "A shell" (line {}): key condition: there is no field "proc.nmae"'


def manifest(kind, spec, group="artifact", **metadata):
    head = f"apiVersion: {group}.falcosecurity.dev/v1alpha1\nkind: {kind}\nmetadata:\n"
    metadata = {"name": "mine", **metadata}
    lines = "".join(f"  {key}: {value}\n" for key, value in metadata.items())
    return f"{head}{lines}spec:\n{textwrap.indent(spec, '  ')}"


def found(*texts, falco_version="", **files):
    """Code, line and text of each finding, in files of these names or of numbers."""
    contents = Contents()
    for number, text in enumerate(texts):
        contents.add(f"{number}.yaml", text.encode())
    for name, text in files.items():
        contents.add(name.replace("_yaml", ".yaml"), text.encode())
    return [(one.code, one.line, one.text) for one in analyzed(contents, falco_version)]


def inline(rules, **metadata):
    return manifest("Rulesfile", "inlineRules:\n" + rules, **metadata)


def test_sound_files_have_no_findings():
    plugin = manifest("Plugin", "config:\n  initConfig: {a: 1}\n")
    config = manifest("Config", "config:\n  json_output: true\n")
    falco = manifest("Falco", "type: Deployment\n", "instance")
    component = manifest("Component", "component: {type: metacollector}\n", "instance")
    assert found(inline(RULE), plugin, config, falco, component, RULE) == []


@pytest.mark.parametrize("rules", [RULE + BAD_RULE.replace("A shell", "Another"), BAD_RULE])
def test_a_rules_file_is_checked_as_it_stands(rules):
    line = 6 if rules.startswith(RULE) else 1
    text = NO_FIELD.format(line).replace("A shell", "Another" if line == 6 else "A shell")
    assert found(rules) == [(codes.RULES_REFUSED, line, text)]


def test_a_finding_in_a_resource_is_on_the_line_of_the_item():
    text = inline(textwrap.dedent("# a comment\n" + RULE + "\n# another\n" + BAD_RULE))
    line = 1 + text.splitlines().index("  - rule: A shell", text.count("\n") // 2)
    assert found(text) == [(codes.RULES_REFUSED, line, NO_FIELD.format(line))]


def test_a_finding_in_a_text_is_on_its_line():
    text = manifest("Rulesfile", "inlineRules: |\n" + textwrap.indent(BAD_RULE, "  "))
    line = 1 + text.splitlines().index("    - rule: A shell")
    assert (codes.RULES_REFUSED, line, NO_FIELD.format(line)) in found(text)


def test_a_finding_in_a_config_map_is_on_a_line_of_the_config_map():
    data = textwrap.indent(BAD_RULE, "    ")
    config_map = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: r\ndata:\n  rules.yaml: |\n{data}"
    )
    rulesfile = manifest("Rulesfile", "configMapRef: {name: r}\n")
    told = found(rulesfile, config_map)
    assert told == [(codes.RULES_REFUSED, 7, NO_FIELD.format(7))]
    assert found(config_map) == []


def test_the_binary_data_of_a_config_map_is_checked_as_its_data():
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: r\nbinaryData:\n  rules.yaml: "
    rulesfile = manifest("Rulesfile", "configMapRef: {name: r}\n")
    encoded = b64encode(BAD_RULE.encode()).decode()
    assert [code for code, *_ in found(rulesfile, f"{head}{encoded}\n")] == [codes.RULES_REFUSED]
    for data in ("gA==", "5", "'%%'"):
        assert [code for code, *_ in found(rulesfile, f"{head}{data}\n")] == [codes.NOT_AT_HAND]
    assert [code for code, *_ in found(rulesfile, head.replace("  rules.yaml: ", "- 1\n"))] == [
        codes.NOT_AT_HAND
    ]


def test_a_key_of_a_configuration_is_on_its_line():
    text = manifest("Config", "config:\n  json_output: true\n  log_level: loud\n")
    [(code, line, told)] = found(text)
    assert (code, line) == (codes.CONFIG_REFUSED, 8)
    assert told.startswith('key log_level (line 8): "loud" is not possible')


def test_a_configuration_is_known_by_its_name():
    text = "log_level: loud\n"
    assert found(falco_yaml=text)[0][0] is codes.CONFIG_REFUSED
    assert found(**{"config.d/a_yaml": text})[0][0] is codes.CONFIG_REFUSED
    assert found(values_yaml=text) == []


def test_all_of_a_namespace_are_checked_together():
    macro = inline("- macro: mine\n  condition: proc.pid > 1\n", name="first")
    rule = RULE.replace("condition: ", "condition: mine and ")
    assert found(macro, inline(rule, name="second")) == []
    unused, refused = found(macro, inline(rule, name="second", namespace="other"))
    assert (unused[0], refused[0]) == (codes.RULES_DOUBTFUL, codes.RULES_REFUSED)
    assert "mine" in unused[2]
    assert "mine" in refused[2]


def test_what_is_not_at_hand_is_said_and_may_have_what_is_missing():
    image = "ociArtifact: {image: {repository: falcosecurity/rules/falco-rules, tag: '3'}}\n"
    rule = RULE.replace("condition: ", "condition: spawned_process and ")
    first, second = found(manifest("Rulesfile", image, name="official"), inline(rule))
    where = "ghcr.io/falcosecurity/rules/falco-rules:3"
    assert first[0] is codes.NOT_AT_HAND
    assert first[2] == f"the content is not checked: it is in the registry: {where}"
    assert second[0] is codes.NOT_TOLD
    assert "spawned_process" in second[2]
    assert "unless Rulesfile/default/official helps" in second[2]
    lacks = manifest("Rulesfile", "configMapRef: {name: r}\n")
    assert [one[0] for one in found(lacks)] == [codes.NOT_AT_HAND]


def test_the_release_is_that_of_the_falcos_in_the_files_or_what_is_asked_for():
    config = manifest("Config", "config:\n  capture: {enabled: true}\n")
    old = manifest("Falco", "version: 0.40.0\n", "instance")
    assert found(config) == []
    told = found(config, old)
    assert told
    assert found(config, falco_version="0.40.0") == told
    assert found(config, old, falco_version="0.44.1") == []


def test_a_resource_that_is_not_valid_is_said_to_be():
    bad = manifest("Falco", "version: not a tag!\n", "instance")
    wrong = manifest("Rulesfile", "priority: high\n", name="wrong")
    whole = "ociArtifact: {image: {repository: 'oci://ghcr.io/a/b:1'}}\n"
    registry = manifest("Plugin", whole, name="whole")
    told = found(bad, wrong, registry)
    assert [one[0] for one in told] == [codes.INVALID] * 3
    assert "spec.version" in told[0][2]
    assert "priority" in told[1][2]
    assert "registry" in told[2][2]


def test_a_resource_that_is_there_twice_is_said_with_the_other_place():
    assert found(inline(RULE), inline(RULE)) == [
        (codes.DUPLICATE, 1, "it is in 0.yaml, line 1, too")
    ]


def test_an_annotation_suppresses_what_it_names_of_its_resource_only():
    annotated = "\n    falcosecurity.dev/suppress: FAL0101, FAL0201"
    text = inline(BAD_RULE, annotations=annotated)
    assert found(text) == []
    assert len(found(text, inline(BAD_RULE, name="other"))) == 1


def test_rules_that_need_a_plugin_are_checked_as_if_it_were_there():
    need = "- required_plugin_versions:\n  - name: json\n    version: 0.7.0\n"
    assert found(need + RULE) == []
    [(code, _, told)] = found(inline(need + RULE))
    assert code is codes.RULES_REFUSED
    assert "json" in told


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("kind: [\n", 2, "did not find expected node content"),
        ("kind: !!python/object:os.system {}\n", 1, "could not determine a constructor"),
        ("kind: x\na: " + "[" * 200 + "]" * 200, 2, "nested deeper than"),
        ("kind: x\na: " + "[" * 100_000, 2, "nested deeper than"),
        ("kind: {? [a] : b}\n", 1, "unhashable key"),
        (
            f"kind: x\na: &a [{'1,' * 100}]\nb: &b [{'*a,' * 100}]\nc: [{'*b,' * 100}]",
            1,
            "more than 100000 values",
        ),
        ("kind: x\na: &a [*a]\n", 1, "the document"),
        ("kind: x\na: \x00\n", 1, "control characters are not allowed"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_with_its_line(text, line, told):
    [(code, at, why)] = found(text)
    assert (code, at) == (codes.UNREADABLE, line)
    assert told in why


def test_a_list_of_manifests_is_as_good_as_documents():
    one = textwrap.indent(inline(BAD_RULE), "  ").replace("  api", "- api", 1)
    text = f"apiVersion: v1\nkind: List\nitems:\n{one}"
    line = 1 + text.splitlines().index("    - rule: A shell")
    assert found(text) == [(codes.RULES_REFUSED, line, NO_FIELD.format(line))]


@given(
    st.lists(
        st.sampled_from(
            [
                "apiVersion: artifact.falcosecurity.dev/v1alpha1\n",
                "kind: Rulesfile\n",
                "kind: Config\n",
                "kind: Plugin\n",
                "kind: ConfigMap\n",
                "apiVersion: v1\n",
                "metadata: {name: a}\n",
                "metadata: []\n",
                "metadata: {name: [], namespace: {}, annotations: 7}\n",
                "spec: {inlineRules: x, config: [], configMapRef: {name: a}}\n",
                "spec:\n  inlineRules:\n" + textwrap.indent(RULE, "  "),
                "spec: 5\n",
                "data: {rules.yaml: 5}\n",
                "---\n",
                "- rule: [\n",
                "? x\n",
                "\t",
                RULE,
            ]
        ),
        max_size=8,
    ).map("".join)
    | st.text()
)
def test_no_file_is_too_odd_to_be_told_about(text):
    for code, line, told in found(falco_yaml=text):
        assert code in codes.CODES
        assert line >= 1
        assert told
