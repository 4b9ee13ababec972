"""One line a message, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings

import pytest

from supervisors.process import logs
from supervisors.settings import parse

LEVELS = {"D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def configured():
    """Configures logging by flags, into a buffer; the test run's own logging comes back after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(*flags):
        stream = io.StringIO()
        settings = parse(flags, {})
        logs.configure(settings.process.log_level, settings.process.log_format, stream)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("actors", "resources", "sidecar", "supervisors"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)


def test_text_is_time_level_logger_object_and_message(configured):
    stream = configured()
    extra = {"object": "Falco/ns/name"}
    logging.getLogger("actors.instance.actor").warning("slow: %d s", 3, extra=extra)
    line = rf"{STAMP} WARNING actors\.instance\.actor Falco/ns/name slow: 3 s\n"
    assert re.fullmatch(line, stream.getvalue())


def test_json_is_one_object_a_line(configured):
    stream = configured("--log-format=json")
    log = logging.getLogger("actors.instance.actor")
    log.info('says "hi"\n', extra={"object": "Falco/ns/name"})
    log.error("plain")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert re.fullmatch(STAMP, first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "actors.instance.actor",
        "object": "Falco/ns/name",
        "message": 'says "hi"\n',
    }
    assert "object" not in second
    assert "traceback" not in second


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("a\n2026-01-01T00:00:00.000Z ERROR forged", r"a\n2026-01-01T00:00:00.000Z ERROR forged"),
        ("\x1b[2J\r\x00\x9b", r"\x1b[2J\r\x00\x9b"),
        ("\u202egnp.exe\u2028", r"\u202egnp.exe\u2028"),
        ("\ud800", r"\ud800"),
        ("naïve 名前 ✓", "naïve 名前 ✓"),
    ],
)
def test_text_escapes_what_could_forge_a_line_or_steer_a_terminal(configured, hostile, harmless):
    stream = configured()
    logging.getLogger("actors").error("%s", hostile, extra={"object": hostile})
    assert stream.getvalue().endswith(f" {harmless} {harmless}\n")
    assert stream.getvalue().count("\n") == 1


def test_json_holds_every_text(configured):
    stream = configured("--log-format=json")
    for text in ("a\nb\x1b\u2028", "lone \ud800"):
        logging.getLogger("actors").error("%s", text)
    messages = [json.loads(line)["message"] for line in stream.getvalue().split("\n")[:-1]]
    assert messages == ["a\nb\x1b\u2028", r"lone \ud800"]


def test_a_traceback_is_a_field_in_json(configured):
    stream = configured("--log-format=json")
    log_a_failure("boom\nforged")
    [line] = stream.getvalue().splitlines()
    traceback = json.loads(line)["traceback"]
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.endswith("ValueError: boom\nforged")


def test_a_traceback_in_text_stands_behind_a_bar(configured):
    stream = configured()
    log_a_failure("boom\n2026-01-01T00:00:00.000Z ERROR forged\x1b")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("ERROR   actors failed")
    assert rest[0] == "  | Traceback (most recent call last):"
    assert rest[-1] == r"  | 2026-01-01T00:00:00.000Z ERROR forged\x1b"
    assert all(line.startswith("  | ") for line in rest)


@pytest.mark.parametrize(
    ("level", "heard"),
    [("debug", "DIWE"), ("info", "IWE"), ("warning", "WE"), ("error", "E")],
)
def test_the_level_is_for_our_packages_and_libraries_speak_from_warning_on(
    configured, level, heard
):
    stream = configured(f"--log-level={level}", "--log-format=json")
    for name in ("sidecar.node.gate", "aiohttp.server"):
        for each in "DIWE":
            logging.getLogger(name).log(LEVELS[each], each)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert "".join(x["message"] for x in lines if x["logger"] == "sidecar.node.gate") == heard
    libraries = "".join(x["message"] for x in lines if x["logger"] == "aiohttp.server")
    assert libraries == heard[-2:]


def test_configuring_again_replaces_what_was(configured):
    before, after = configured(), configured()
    logging.getLogger("actors").error("once")
    assert before.getvalue() == ""
    assert after.getvalue().count("once") == 1


def test_a_warning_of_python_is_logged(configured):
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", stacklevel=1)
    assert "old ways" in stream.getvalue()


def test_logs_go_to_stderr(configured, capsys):
    configured()
    logs.configure("info", "text")
    logging.getLogger("actors").error("here")
    out, err = capsys.readouterr()
    assert out == ""
    assert "here" in err


def log_a_failure(text):
    logging.getLogger("actors").error("failed", exc_info=failure(text))


def failure(text):
    with pytest.raises(ValueError, match="boom") as raised:
        raise ValueError(text)
    return raised.value
