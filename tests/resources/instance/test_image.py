import pytest

from resources.instance.image import Image, parse_image, with_version
from resources.kubernetes.invalid_spec import InvalidSpec

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("falco", Image("falco")),
        ("falco:0.44.1", Image("falco", "0.44.1")),
        ("falcosecurity/falco:v1", Image("falcosecurity/falco", "v1")),
        ("docker.io/falcosecurity/falco:0.44.1", Image("docker.io/falcosecurity/falco", "0.44.1")),
        ("host:5000/falco", Image("host:5000/falco")),
        ("host:5000/falco:1", Image("host:5000/falco", "1")),
        (f"host:5000/falco@{DIGEST}", Image("host:5000/falco", None, DIGEST)),
        (f"host:5000/a/b:1@{DIGEST}", Image("host:5000/a/b", "1", DIGEST)),
        ("localhost/falco", Image("localhost/falco")),
        ("127.0.0.1:5000/falco", Image("127.0.0.1:5000/falco")),
        ("[::1]:5000/falco:1", Image("[::1]:5000/falco", "1")),
        ("a__b/c-d/e.f_g", Image("a__b/c-d/e.f_g")),
        ("Host.example/falco", Image("Host.example/falco")),
    ],
)
def test_a_reference_has_a_name_a_tag_and_a_digest(text, expected):
    assert parse_image(text, "image") == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "falco:",
        "falco@",
        "falco:a b",
        "Falco",
        "a//b",
        "/falco",
        "falco/",
        "falco:.x",
        "falco:" + "x" * 129,
        "falco@sha256:short",
        "falco:1\n",
        "https://host/falco",
        "falcö",
    ],
)
def test_what_is_no_reference_is_refused_with_its_field(text):
    with pytest.raises(InvalidSpec) as error:
        parse_image(text, "spec.image")
    assert error.value.field == "spec.image"
    assert "spec.image" in str(error.value)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.43.0", "host:5000/falco:0.43.0"),
        ("latest", "host:5000/falco:latest"),
        ("_x", "host:5000/falco:_x"),
        ("x" * 128, "host:5000/falco:" + "x" * 128),
        (DIGEST, f"host:5000/falco@{DIGEST}"),
        (f"0.44.1@{DIGEST}", f"host:5000/falco:0.44.1@{DIGEST}"),
    ],
)
def test_a_version_is_a_tag_or_a_digest_or_both(version, expected):
    image = parse_image("host:5000/falco:1", "image")
    assert str(with_version(image, version, "spec.version")) == expected


@pytest.mark.parametrize(
    "version",
    [
        *("", "not a tag!", "-x", ".x", "x" * 129, "a/b", "sha256:", "1\n", "sha256:zz"),
        *("1@", "1@2", "1@sha256:zz", f"@{DIGEST}", f"1@{DIGEST}@{DIGEST}", f"{DIGEST}@1"),
    ],
)
def test_another_version_is_refused(version):
    with pytest.raises(InvalidSpec, match=r"spec\.version: .* allowed is an image tag"):
        with_version(Image("falco"), version, "spec.version")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("falco:1", "1"),
        (f"falco@{DIGEST}", DIGEST),
        (f"falco:1@{DIGEST}", f"1@{DIGEST}"),
        ("falco", "latest"),
    ],
)
def test_the_version_of_an_image_is_what_runs(text, version):
    assert parse_image(text, "image").version == version
