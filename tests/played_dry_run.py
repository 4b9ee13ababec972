"""A Falco that is played: it answers as Falco 0.44.1 did to inputs of the same kind.

It reads what its falco.yaml names. A text `played-<answer>` in a file makes it answer so.
"""

import stat
import sys

SOURCE = (
    f"#!{sys.executable}\n"
    + """
import os, re, signal, sys, yaml
from pathlib import Path

def listed(config, key):
    for top in config[key]:
        yield from sorted(Path(top).iterdir())

def refuse(text, code=1):
    print(text, file=sys.stderr, flush=True)
    os._exit(code)

def warn(text):
    print(f"Thu Nov 26 13:08:54 2026: {text}", file=sys.stderr, flush=True)

def answer(path, text):
    match = re.search("played-([a-z]+)", text)
    kind = match[1] if match else ""
    if kind == "level":
        refuse("Error: Unknown log level WARN")
    if kind == "abort":
        print("JSON value is not an object.", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGABRT)
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "hang":
        signal.pause()
    if kind == "unused" and "log_level=info" not in sys.argv and "log_level: error" in configured:
        return
    if kind == "unused":
        warn("Loading rules from:")
        place = f"({path}:0:2)"
        warn(
            f"{path}: Ok, with warnings\\n1 Warnings:\\nIn rules content: ({path}:0:0)\\n"
            f"    list 'played-unused': {place}\\n------\\n- list: played-unused\\n  ^\\n------\\n"
            "LOAD_UNUSED_LIST (Unused list): List not referred to by any other rule/macro"
        )
    if kind == "field":
        line = text[: match.start()].count("\\\\n")
        place = f"({path}:{line}:2)"
        code = "LOAD_ERR_COMPILE_CONDITION (Error compiling condition)"
        refuse(
            f"Error: {path}: Invalid\\\\n1 Errors:\\\\nIn rules content: ({path}:0:0)\\\\n"
            f"    rule 'One': {place}\\\\n------\\\\n- rule: One\\\\n  ^\\\\n------\\\\n"
            f"{code}: filter_check called with nonexistent field no.such"
        )

config = yaml.safe_load(Path(sys.argv[sys.argv.index("-c") + 1]).read_text())
assert "--dry-run" in sys.argv and os.environ["HOST_ROOT"] == "/"
configured = "".join(path.read_text() for path in listed(config, "config_files"))
for path in listed(config, "config_files"):
    text = path.read_text()
    answer(path, text)
    for plugin in (yaml.safe_load(text) or {}).get("plugins") or []:
        library = Path(plugin["library_path"])
        try:
            data = library.read_bytes()
        except OSError:
            where = "cannot open shared object file: No such file or directory"
            refuse(f"x: Runtime error: cannot load plugin {library}: {library}: {where}. Exiting.")
        if b"played-library" in data:
            refuse(f"x: Runtime error: cannot load plugin {library}: invalid ELF header. Exiting.")
writes = "output_file:" in configured
if writes and "metrics.output_file=/dev/null" not in sys.argv:
    refuse("Error: basic_ios::clear: iostream error")
for path in listed(config, "rules_files"):
    answer(path, path.read_text())
""".replace("\\\\", "\\")
)


def write_played_falco(image, source=SOURCE):
    """Make a directory laid out as the image of a Falco that is played."""
    program = image / "usr" / "bin" / "falco"
    program.parent.mkdir(parents=True)
    program.write_text(source)
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return image
