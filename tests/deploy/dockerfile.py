"""The Dockerfile as instructions, and what carries out those of one stage without an engine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    name: str
    arguments: str


def stages(text):
    """The instructions of each stage, FROM first; what comes before the first stage is dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [Instruction(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]
    starts = [index for index, one in enumerate(found) if one.name == "FROM"]
    return [found[i:j] for i, j in zip(starts, [*starts[1:], None], strict=True)]


def ignored(path, patterns):
    """Whether .dockerignore leaves the path out: the last pattern that matches says so."""
    out = False
    for pattern in patterns:
        kept = pattern.startswith("!")
        glob = re.escape(pattern.removeprefix("!"))
        glob = glob.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(rf"{glob}(?:/.*)?", path):
            out = not kept
    return out


class Shell:
    """Carries out the COPY and RUN of a stage, with other folders in place of the image's."""

    def __init__(self, context, folders, path):
        self._context = context
        self._folders = folders
        self._environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
        self._directory = None
        lines = (context / ".dockerignore").read_text().splitlines()
        self._ignore = [line for line in lines if line and not line.startswith("#")]

    def run(self, instructions):
        for instruction in instructions:
            match instruction.name:
                case "WORKDIR":
                    self._directory = Path(self._moved(instruction.arguments))
                    self._directory.mkdir(parents=True)
                case "COPY":
                    *sources, target = instruction.arguments.split()
                    for source in sources:
                        self._copy(self._context / source, self._directory / target)
                case "RUN":
                    command = ["sh", "-ec", self._moved(instruction.arguments)]
                    subprocess.run(command, cwd=self._directory, env=self._environment, check=True)

    def _moved(self, text):
        for image, here in self._folders.items():
            text = text.replace(image, str(here))
        return text

    def _copy(self, source, target):
        """A file into a folder, or what is in a folder; only what is not ignored."""
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        root = source.parent if source.is_file() else source
        for file in files:
            if file.is_file() and not ignored(str(file.relative_to(self._context)), self._ignore):
                copy = target / file.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)
