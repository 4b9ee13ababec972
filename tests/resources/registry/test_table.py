"""The table of registries: which entry counts, where it leads, and how what is wrong is named."""

import textwrap
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resources.kubernetes.invalid_spec import InvalidSpec
from resources.registry.limits import MAX_TABLE_BYTES
from resources.registry.table import (
    NO_TABLE,
    Mirror,
    RegistryTable,
    handed_on,
    places_at,
    table_digest,
    table_text,
)
from resources.registry.table_reader import read_table
from resources.text.yaml_reader import BadYaml

PEM = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
DER = "MAAA-----END CERTIFICATE-----"
ROOT = Path(__file__).parents[3]
WHOLE = b"""
mirrors:
- prefix: ghcr.io/falcosecurity
  locations:
  - Mirror.example.com:5000/ghcr/falcosecurity
  - cache:5000
  skipFallback: true
- prefix: ghcr.io
  locations: [other.example.com]
- prefix: index.docker.io
  locations: [mirror.example.com/hub]
hosts:
  Mirror.example.com:5000:
    tls:
      ca: |
        -----BEGIN CERTIFICATE-----
        MAAA
        -----END CERTIFICATE-----
    auth: {secretRef: {name: mirror}}
  cache:5000:
    plainHTTP: true
    pullThrough: true
  skip.example.com: {tls: {insecureSkipVerify: true}}
proxy: http://proxy.example.com:3128/
noProxy: [.example.com, 10.0.0.0/8, "[::1]:80"]
localRegistries: ["localhost:5000"]
"""


def test_the_example_of_the_documentation_is_a_table():
    text = (ROOT / "docs/artifacts.md").read_text()
    example = (
        text[text.index("    mirrors:\n") :].partition("\n\n")[0].replace("-----…", f"-----{DER}")
    )
    table = read_table(textwrap.dedent(example).encode())
    assert [place for place, _ in places_at(table.mirrors[0], "ghcr.io", "falcosecurity/x")] == [
        "registry.example.com",
        "backup.example.com:5000",
    ]
    assert places_at(table.mirrors[0], "ghcr.io", "falcosecurity/rules/x")[0] == (
        "registry.example.com",
        "ghcr/rules/x",
    )
    assert set(table.hosts) == {"registry.example.com"}


def test_every_field_is_read_with_hosts_in_lower_case_and_docker_hub_by_one_name():
    table = read_table(WHOLE)
    assert table.mirrors[0] == Mirror(
        "ghcr.io/falcosecurity",
        ("mirror.example.com:5000/ghcr/falcosecurity", "cache:5000"),
        skip_fallback=True,
    )
    assert [mirror.prefix for mirror in table.mirrors[1:]] == ["ghcr.io", "docker.io"]
    assert not table.mirrors[1].skip_fallback
    assert table.host("MIRROR.example.com:5000").ca == PEM
    assert table.host("mirror.example.com:5000").secret == "mirror"
    assert table.host("cache:5000").plain_http
    pulls_through = [name for name, host in table.hosts.items() if host.pull_through]
    assert pulls_through == ["cache:5000"]
    assert table.host("skip.example.com").skip_verify
    assert table.host("mirror.example.com").ca == ""  # another port is another host
    assert table.proxy == "http://proxy.example.com:3128"
    assert table.no_proxy == (".example.com", "10.0.0.0/8", "[::1]:80")
    assert table.local_registries == ("localhost:5000",)


@pytest.mark.parametrize(
    "proxy", ["http://proxy", "http://proxy:80", "http://Proxy:3128", "http://[fd00::1]:3128"]
)
def test_a_proxy_is_a_host_with_or_without_a_port(proxy):
    assert read_table(f'proxy: "{proxy}"'.encode()).proxy == proxy
    assert read_table(f'proxy: "{proxy}/"'.encode()).proxy == proxy


@pytest.mark.parametrize("empty", [b"", b"{}", b"# nothing\n", b"mirrors:\nhosts:\nproxy:\n"])
def test_an_empty_document_is_an_empty_table(empty):
    assert read_table(empty) == NO_TABLE
    assert table_digest(read_table(empty)) == ""


@pytest.mark.parametrize(
    ("registry", "repository", "expected"),
    [
        ("ghcr.io", "falcosecurity/rules/falco-rules", "ghcr.io/falcosecurity"),
        ("GHCR.io", "falcosecurity/rules/falco-rules", "ghcr.io/falcosecurity"),
        ("ghcr.io", "falcosecurity", "ghcr.io/falcosecurity"),
        ("ghcr.io", "falcosecurity2/rules", "ghcr.io"),
        ("ghcr.io:443", "falcosecurity/rules", None),
        ("registry-1.docker.io", "a/b", "docker.io"),
        ("quay.io", "falcosecurity/rules", None),
    ],
)
def test_the_longest_prefix_by_whole_parts_counts(registry, repository, expected):
    mirror = read_table(WHOLE).mirror(registry, repository)
    assert (mirror and mirror.prefix) == expected


@pytest.mark.parametrize(
    ("prefix", "location", "repository", "expected"),
    [
        ("ghcr.io/a", "m:1/b/c", "a/d/e", ("m:1", "b/c/d/e")),
        ("ghcr.io/a", "m:1", "a/d", ("m:1", "d")),
        ("ghcr.io", "m:1/b", "a/d", ("m:1", "b/a/d")),
        ("ghcr.io/a/d", "m:1/x", "a/d", ("m:1", "x")),
    ],
)
def test_a_location_stands_for_the_prefix(prefix, location, repository, expected):
    assert places_at(Mirror(prefix, (location,)), "ghcr.io", repository) == [expected]


def test_official_images_of_docker_hub_are_in_library_at_a_mirror_too():
    mirror = read_table(WHOLE).mirrors[2]
    assert places_at(mirror, "docker.io", "busybox") == [
        ("mirror.example.com", "hub/library/busybox"),
    ]


def test_what_is_handed_on_names_no_secret_and_reads_back_the_same():
    table = read_table(WHOLE)
    handed = handed_on(table)
    assert "secretRef" in table_text(table)
    assert "secretRef" not in table_text(handed)
    text = table_text(handed).encode()
    assert msgspec.json.decode(text, type=RegistryTable) == handed == read_table(text)


def test_equal_tables_have_the_same_digest_and_others_do_not():
    assert table_digest(read_table(WHOLE)) == table_digest(read_table(b"# again\n" + WHOLE))
    assert table_digest(read_table(WHOLE)) != table_digest(handed_on(read_table(WHOLE)))


CA_LINES = PEM.replace("\n", "\\n")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "mirror: []",
            "mirror: 'mirror' is not valid; allowed is a field of mirrors, hosts",
        ),
        ("[]", "the table: 'a list' is not valid; allowed is a map"),
        ("mirrors: {}", "mirrors: 'a map' is not valid; allowed is a list"),
        ("mirrors: [{prefix: a}]", "mirrors[0].locations: [] is not valid; allowed is a list with"),
        ("mirrors: [{locations: [b]}]", "mirrors[0].prefix: None is not valid"),
        (
            "mirrors: [{prefix: 'https://a', locations: [b]}]",
            "mirrors[0].prefix: 'https://a' is not valid; allowed is a host with an optional port",
        ),
        (
            "mirrors: [{prefix: a, locations: [b, 'c:d']}]",
            "mirrors[0].locations[1]: 'c:d' is not valid",
        ),
        (
            "mirrors: [{prefix: a, locations: [b]}, {prefix: A, locations: [c]}]",
            "mirrors[1].prefix: 'a' is not valid; allowed is each prefix once",
        ),
        (
            "mirrors: [{prefix: a, locations: [b], skipFallback: 'true'}]",
            "mirrors[0].skipFallback: 'true' is not valid; allowed is true or false",
        ),
        (
            "mirrors: [{prefix: a, location: [b]}]",
            "mirrors[0].location: 'location' is not valid; allowed is a field of prefix, locations",
        ),
        ("hosts: {a/b: {}}", "hosts: 'a/b' is not valid; allowed is a host"),
        ("hosts: {a: {}, A: {}}", "hosts: 'A' is not valid; allowed is each host once"),
        ("hosts: {a: {}, a: {}}", "hosts.a: 'a' is not valid; allowed is each field once"),
        (
            "hosts: {a: {plainHTTP: true, tls: {insecureSkipVerify: true}}}",
            "hosts.a.plainHTTP: True is not valid; allowed is either plainHTTP or tls",
        ),
        ("hosts: {a: {tls: {ca: x}}}", "hosts.a.tls.ca: 'x' is not valid; allowed is certificates"),
        (
            f'hosts: {{a: {{tls: {{ca: "{CA_LINES.replace("MAAA", "M?")}"}}}}}}',
            "hosts.a.tls.ca: ",
        ),
        ("hosts: {a: {auth: {}}}", "hosts.a.auth.secretRef: None is not valid"),
        ("hosts: {a: {auth: {secretRef: {}}}}", "hosts.a.auth.secretRef.name: None is not valid"),
        (
            "hosts: {a: {auth: {secretRef: {name: A_b}}}}",
            "hosts.a.auth.secretRef.name: 'A_b' is not valid; allowed is the name of a Secret",
        ),
        ("proxy: https://proxy:3128", "proxy: 'https://proxy:3128' is not valid; allowed is http:"),
        ("proxy: proxy:3128", "proxy: 'proxy:3128' is not valid; allowed is http://"),
        ("proxy: http://proxy:3128/path", "proxy: 'http://proxy:3128/path' is not valid"),
        ("proxy: http://proxy:70000", "proxy: 'http://proxy:70000' is not valid"),
        ("hosts: {'a:70000': {}}", "hosts: 'a:70000' is not valid; allowed is a host"),
        (
            "mirrors: [{prefix: a, locations: ['b:65536/c']}]",
            "mirrors[0].locations[0]: 'b:65536/c' is not valid",
        ),
        ("localRegistries: ['[::1]:65536']", "localRegistries[0]: '[::1]:65536' is not valid"),
        ("noProxy: ['a,b']", "noProxy[0]: 'a,b' is not valid"),
        ("localRegistries: [http://a]", "localRegistries[0]: 'http://a' is not valid"),
    ],
)
def test_what_is_wrong_is_named_by_field_value_and_rule(table, message):
    with pytest.raises(InvalidSpec) as refusal:
        read_table(table.encode())
    assert message in str(refusal.value)


# A certificate of 25 KB, by aliases that of 20 hosts.
LONG = f"""
hosts:
  h: {{tls: &tls {{ca: "{CA_LINES.replace("MAAA", "MAAA" * 6250)}"}}}}
{"".join(f"  h{at}: {{tls: *tls}}" + chr(10) for at in range(20))}
""".encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"mirrors: [", "line"),
        (b"{}\n---\n{}", "2 documents"),
        (b"#" * (MAX_TABLE_BYTES + 1), f"allowed are {MAX_TABLE_BYTES}"),
        (b"a: &a [1]\nb: *c", "alias"),
        (LONG, f"as JSON it has [0-9]+ bytes, allowed are {MAX_TABLE_BYTES}"),
    ],
)
def test_what_is_no_yaml_or_exceeds_a_bound_is_refused(data, message):
    with pytest.raises(BadYaml, match=message):
        read_table(data)


WORDS = (
    *("mirrors", "prefix", "locations", "skipFallback", "hosts", "a.example", "plainHTTP", "tls"),
    *("ca", "insecureSkipVerify", "auth", "secretRef", "name", "proxy", "noProxy"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("a.example:5000"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES | st.binary(max_size=60))
def test_whatever_the_file_holds_is_a_table_or_is_refused(value):
    data = value if isinstance(value, bytes) else yaml.safe_dump(value).encode()
    with suppress(InvalidSpec, BadYaml):
        table = read_table(data)
        assert read_table(table_text(table).encode()) == table


@pytest.mark.parametrize(
    "table",
    [
        "mirrors: [{prefix: 'me:hunter2@a', locations: [b]}]",
        "mirrors: [{prefix: a, locations: ['https://me:hunter2@b/c']}]",
        "hosts: {'me:hunter2@a': {}}",
        "proxy: http://me:hunter2@proxy:3128",
        "noProxy: ['me:hunter2@a']",
        "localRegistries: ['me:hunter2@a']",
        f'hosts: {{a: {{tls: {{ca: "{CA_LINES}-----BEGIN PRIVATE KEY-----hunter2"}}}}}}',
        'hosts: {a: {tls: {ca: "-----BEGIN EC PRIVATE KEY-----hunter2"}}}',
    ],
)
def test_a_secret_at_the_wrong_place_is_neither_taken_nor_shown(table):
    with pytest.raises(InvalidSpec) as refusal:
        read_table(table.encode())
    assert "hunter2" not in str(refusal.value)
