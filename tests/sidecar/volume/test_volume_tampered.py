"""What somebody changed comes back, from what is kept or put anew."""

import os

import pytest

from sidecar.volume.disk import Disk
from sidecar.volume.volume import ContentMissing, Volume
from tests.sidecar.volume.node_directories import (
    CONTENTS,
    ENTRIES,
    FOREIGN,
    LIBRARY,
    MANIFEST,
    RULE,
    RULES,
    check_converged,
    digests,
    file,
    files,
    install,
    loaded,
    paths,
    put,
    seen,
    started,
)


def replaced(path):
    path.unlink()
    path.write_bytes(b"tampered")
    path.chmod(0o644)


def closed_and_removed(path):
    path.chmod(0o600)  # and so is what is kept of it
    path.unlink()


@pytest.mark.parametrize(
    "tamper",
    [replaced, lambda path: path.unlink(), lambda path: path.chmod(0o600), closed_and_removed],
    ids=["replaced", "removed", "closed", "closed and removed"],
)
@pytest.mark.parametrize("path", [RULE, LIBRARY, ENTRIES])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_file_that_somebody_changed_comes_back_from_what_is_kept(
    root, volume, path, tamper, is_restarted
):
    tamper(root / path)
    volume = started(root) if is_restarted else volume
    applied = volume.apply(files(CONTENTS), {}, gate_opened=False)
    assert path in paths(applied.installed)
    check_converged(root, CONTENTS)


def written_into(path):
    path.write_bytes(b"tampered")


def cut(path):
    os.truncate(path, 3)


@pytest.mark.parametrize("tamper", [written_into, cut])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_file_that_was_written_into_counts_as_missing_until_its_content_is_put_again(
    root, volume, tamper, is_restarted
):
    """For what is kept shares its space."""
    tamper(root / RULE)
    rule = file(RULE, CONTENTS[RULE])
    if is_restarted:
        volume = Volume(root, Disk())
        assert rule.place not in volume.load().files
    assert not volume.blobs.has(rule.directory, rule.sha256)
    with pytest.raises(ContentMissing, match=r"cannot install .*50-03-a-inline.yaml") as raised:
        volume.apply(files(CONTENTS), {}, gate_opened=False)
    assert raised.value.files == (rule,)
    install(volume, CONTENTS)
    check_converged(root, CONTENTS)


def test_nothing_is_changed_while_the_content_of_anything_is_missing(root, volume):
    update = {**CONTENTS, RULE: b"- rule: changed\n"}
    put(volume, update)
    desired = [*files(update), *(file(f"{RULES}/50-03-{name}-inline.yaml", b"?") for name in "bc")]
    with pytest.raises(ContentMissing, match="nor that of 1 more"):
        volume.apply(desired, {}, gate_opened=False)
    assert seen(root) == CONTENTS | FOREIGN


def test_a_lost_manifest_is_written_again(root, volume):
    (root / MANIFEST).unlink()
    volume.apply(files(CONTENTS), {}, gate_opened=False)
    assert loaded(root).files.keys() == digests(CONTENTS).keys()
