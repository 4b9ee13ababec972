"""What is known of releases of Falco, read from falco_releases.yaml."""

from pathlib import Path

import yaml

_FACTS = yaml.safe_load(Path(__file__).with_name("falco_releases.yaml").read_text())
RELEASES = _FACTS["releases"]
DIFFERENCES = _FACTS["differences"]
NEWEST = max(RELEASES)
GONE = {"gone": True}


def number(release):
    """Major and minor number, as the operator compares them."""
    return tuple(map(int, release.split(".")))


def keys_of(release):
    """The keys of falco.yaml that the release knows, each with what its code and falco.yaml say."""
    rows = {key: _row(rows, release) for key, rows in _FACTS["keys"].items()}
    return {key: row for key, row in rows.items() if row is not None}


def all_keys():
    """The keys that any release knows."""
    return _FACTS["keys"].keys()


def _row(rows, release):
    known = [row for row in rows if number(row["since"]) <= number(release)]
    return known[-1] if known and not known[-1].get("gone") else None
