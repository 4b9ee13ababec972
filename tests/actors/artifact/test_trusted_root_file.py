"""The file of the trusted root, and that a change of it is noticed."""

import hashlib

from actors.artifact.trusted_root_file import TrustedRootFile


def digest_of(text):
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_the_sigstore_package_has_one():
    root = TrustedRootFile()
    assert root.digest.startswith("sha256:")
    assert not root.look()


def test_a_change_is_seen_once_and_a_new_time_is_none(tmp_path):
    file = tmp_path / "root.json"
    file.write_text("one")
    root = TrustedRootFile(str(file))
    assert root.digest == digest_of("one")
    file.write_text("other")
    assert root.look()
    assert not root.look()
    assert root.digest == digest_of("other")
    file.write_text("other")
    assert not root.look()


def test_a_file_that_comes_later_is_seen(tmp_path):
    file = tmp_path / "root.json"
    root = TrustedRootFile(str(file))
    assert root.digest == ""
    assert not root.look()
    file.write_text("one")
    assert root.look()
    file.unlink()
    assert root.look()
    assert root.digest == ""
