"""A fourth type of Component, and what puts its file beside the other three for one process."""

TYPE = """\
from resources.component.type import ComponentType
from resources.instance.rbac import rule
from resources.instance.workload import Port

TYPE = ComponentType(
    name="fourth",
    image="example.com/fourth",
    version="4.0",
    replicas=4,
    ports=(Port("http", 4444),),
    rules=(rule("", ["pods"], ["get"]),),
)
"""


def installed(directory):
    """Puts the file into an empty directory; what a program has to begin with to find it."""
    (directory / "fourth.py").write_text(TYPE)
    return f"""\
from resources.component import types
types.__path__.append({str(directory)!r})
"""
