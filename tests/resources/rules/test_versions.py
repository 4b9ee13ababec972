import pytest

from resources.rules.versions import (
    FalcoVersions,
    SemanticVersion,
    release,
    semantic_version,
    versions_of,
)
from tests.resources.releases import RELEASES


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.4.0", (0, 4, 0)),
        ("0.4.0-rc1", (0, 4, 0)),
        ("10.20.30+build", (10, 20, 30)),
        ("0.4", None),
        ("v0.4.0", None),
        ("", None),
        ("latest", None),
    ],
)
def test_a_version_is_three_numbers_whatever_follows(text, version):
    assert semantic_version(text) == (version and SemanticVersion(*version))


@pytest.mark.parametrize(
    ("there", "required", "answer"),
    [
        ("0.4.0", "0.4.0", True),
        ("0.4.1", "0.4.0", True),
        ("0.5.0", "0.4.9", True),
        ("0.3.9", "0.4.0", False),
        ("1.0.0", "0.4.0", False),
        ("0.4.0", "1.0.0", False),
    ],
)
def test_a_version_satisfies_an_older_one_of_the_same_major_number(there, required, answer):
    present, needed = semantic_version(there), semantic_version(required)
    assert present is not None
    assert needed is not None
    assert present.satisfies(needed) is answer


TAGS = [(tag, facts) for facts in RELEASES.values() for tag in facts["tags"]]


@pytest.mark.parametrize(("tag", "facts"), TAGS, ids=[tag for tag, _ in TAGS])
@pytest.mark.parametrize("form", ["{}", "v{}", "{}-debian"])
def test_the_versions_of_a_release_are_those_of_its_sources(tag, facts, form):
    image = form.format(tag)
    assert versions_of(image) == FalcoVersions(image, facts["engine"], facts["plugin_api"])


@pytest.mark.parametrize("image", ["0.44", "0.44.9", "0.99.0", "latest", "sha256:" + "0" * 64, ""])
def test_the_versions_of_other_images_are_not_guessed(image):
    assert versions_of(image) == FalcoVersions(image)


@pytest.mark.parametrize(
    ("falco", "numbers"),
    [
        ("0.44.1", (0, 44)),
        ("v0.40", (0, 40)),
        ("0.41.0-debian", (0, 41)),
        ("latest", None),
        ("sha256:" + "1" * 64, None),
    ],
)
def test_the_release_is_read_from_the_tag(falco, numbers):
    assert release(falco) == numbers
