"""A Falco that is given for a real node, as an archive of its image."""

import io
import json
import tarfile

import pytest

from deploy.local.node.images import FALCO, ImageError, given_falco, plugins

PLUGINS = "usr/share/falco/plugins"


@pytest.fixture
def archive(tmp_path):
    """Makes an archive in the form of `docker save`, with the files of each layer."""

    def make(*layers, tags=(FALCO,)):
        path = tmp_path / "falco.tar"
        with tarfile.open(path, "w") as whole:
            names = []
            for number, files in enumerate(layers):
                layer = io.BytesIO()
                with tarfile.open(fileobj=layer, mode="w") as content:
                    for name, data in files.items():
                        add(content, name, data)
                names.append(f"{number}.tar")
                add(whole, names[-1], layer.getvalue())
            listed = [{"Config": "c.json", "RepoTags": list(tags), "Layers": names}]
            add(whole, "manifest.json", json.dumps(listed).encode())
        return path

    return make


def add(archive, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def test_it_has_to_be_the_image_that_a_falco_gets(archive):
    assert given_falco(archive({})) == archive({})
    with pytest.raises(ImageError, match=r"has \['other:1'\], and not docker.io/falcosecurity"):
        given_falco(archive({}, tags=("other:1",)))


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "text").write_text("no archive")
    for path in (tmp_path / "text", tmp_path / "missing"):
        with pytest.raises(ImageError, match=f"FALCO_IMAGE={path} is no docker-archive"):
            given_falco(path)


def test_its_plugins_are_those_of_its_topmost_layers(archive):
    first = {f"{PLUGINS}/libcontainer.so": b"old", "usr/bin/falco": b"falco"}
    second = {f"./{PLUGINS}/libcontainer.so": b"new", f"{PLUGINS}/libjson.so": b"json"}
    assert plugins(archive(first, second)) == {"container": b"new", "json": b"json"}
