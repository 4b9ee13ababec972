import os
import tempfile
from pathlib import Path

import pytest

from tests.sidecar.volume.node_directories import CONTENTS, install, started, write_foreign

MEMORY = "/dev/shm"


@pytest.fixture
def quick_directory(tmp_path):
    """In memory if there is such a file system: steps are the same there, and a sync is quick."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        yield Path(path)


@pytest.fixture
def root(tmp_path):
    """What Falco sees as /."""
    return tmp_path / "root"


@pytest.fixture
def volume(root):
    """With CONTENTS installed, and files of others."""
    write_foreign(root)
    volume = started(root)
    install(volume, CONTENTS)
    return volume
