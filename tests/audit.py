"""What somebody asked of the API server, by its audit log."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.eventually import eventually

OPERATOR = "system:serviceaccount:falco-operator:falco-operator"

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# Of the API server's reasons for a 403, those that more rights would have helped against.
DENIED = ("cannot ", "is attempting to grant")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered; a watch counts when it is over."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    audit_id: str
    """The number that the API server knows it by."""
    message: str
    """Of a refusal: why."""
    user_agent: str
    selector: str
    """Of a list: which labels it asked for."""
    continues: bool
    """Of a list: whether it is a later page of one."""

    @property
    def is_event(self):
        return self.resource == "events"

    @property
    def is_write(self):
        return self.verb in WRITES and not self.is_event

    @property
    def is_denied(self):
        """Whether it was refused for want of a right."""
        return self.code == 403 and any(words in self.message for words in DENIED)

    @property
    def rights(self):
        """What it took: group, resource and verb of each; an apply that creates takes two."""
        target = "/".join(filter(None, (self.resource, self.subresource)))
        creates = self.verb == "patch" and self.code == 201
        verbs = {self.verb, "create"} if creates else {self.verb}
        return {(self.group, target, verb) for verb in verbs}

    def __str__(self):
        path = "/".join(filter(None, (self.namespace, self.name, self.subresource)))
        return f"{self.verb} {self.resource} {path} {self.code}"


class Requests(list[Request]):
    """Requests in the order in which they were answered; a failing assertion shows them."""

    @property
    def writes(self):
        return Requests(request for request in self if request.is_write)

    @property
    def events(self):
        return Requests(request for request in self if request.is_event)

    @property
    def reads(self):
        return self.of("get")

    @property
    def lists(self):
        """Each once, however many pages it has."""
        return Requests(request for request in self.of("list") if not request.continues)

    @property
    def unwatched(self):
        """All but watches, which end now and then without any need."""
        return Requests(request for request in self if request.verb != "watch")

    def of(self, verb, *resources):
        return Requests(
            request
            for request in self
            if request.verb == verb and (not resources or request.resource in resources)
        )

    def about(self, *namespaces):
        """Requests in these namespaces, and about the cluster-scoped children of these."""
        return Requests(
            request
            for request in self
            if request.namespace in namespaces
            or (not request.namespace and request.name.partition("--")[2] in namespaces)
        )

    def __getitem__(self, at):
        found = super().__getitem__(at)
        return Requests(found) if isinstance(at, slice) else found

    def __repr__(self):
        return "\n".join(["", *(f"  {request}" for request in self)])


class AuditLog:
    """The requests of one user in the audit log of a control plane, which may have ended.

    A file beside the log holds the spans that tests have excused, so that another process can
    judge the log.
    """

    def __init__(self, log, user=OPERATOR):
        self._log = log
        self._excuses = log.with_name("excused.txt")
        self._user = user

    @property
    def end(self):
        """The position behind the last request."""
        return self._log.stat().st_size

    def between(self, begin, end):
        """All requests that were answered between two positions in the log."""
        lines = self._tail(begin)[: end - begin].splitlines()
        user = self._user.encode()
        entries = (json.loads(line) for line in lines if user in line)
        return Requests(
            _request(entry) for entry in entries if entry["user"]["username"] == self._user
        )

    def denied(self):
        """All requests so far that were refused for want of a right, but for the excused."""
        ends = [0, *self._excused(), self.end]
        spans = zip(ends[::2], ends[1::2], strict=True)
        return Requests(
            request for span in spans for request in self.between(*span) if request.is_denied
        )

    def excuse(self, begin, end):
        """A test expects that requests between these two positions in the log are denied."""
        with self._excuses.open("a") as file:
            print(begin, end, file=file)

    def _excused(self):
        return map(int, self._excuses.read_text().split()) if self._excuses.exists() else ()

    def _tail(self, start):
        with self._log.open("rb") as log:
            log.seek(start)
            return log.read()


class Audit(AuditLog):
    """The requests of one user since a mark, a position in the log of a running control plane."""

    def __init__(self, control_plane, user=OPERATOR):
        super().__init__(control_plane.audit_log, user)
        self._client = control_plane.client

    def mark(self):
        """Now: every request that was answered before is before the mark."""
        name = f"audit-mark-{uuid4().hex}"
        start = self.end
        self._client.request("GET", f"/api/v1/namespaces/{name}")
        eventually(lambda: name.encode() in self._tail(start))
        return self.end

    def quiet(self, seconds=3.0):
        """As `mark`, once nothing but watches was asked for so long; it fails if that never is.

        Events and counts follow a status, however slow the machine is.
        """

        def idle():
            mark = self.mark()
            time.sleep(seconds)  # the idleness itself
            return not self.since(mark).unwatched

        eventually(idle, within=60 + seconds)
        return self.mark()

    def since(self, mark):
        """All requests that were answered between the mark and now."""
        return self.between(mark, self.mark())

    @contextmanager
    def excused(self):
        """What is denied meanwhile is meant to be, or no fault of the user's."""
        begin = self.mark()
        yield
        self.excuse(begin, self.mark())


def _request(entry):
    target = entry.get("objectRef", {})
    query = parse_qs(urlsplit(entry["requestURI"]).query)
    return Request(
        entry["verb"],
        target.get("apiGroup", ""),
        target.get("resource", entry["requestURI"]),
        target.get("subresource", ""),
        target.get("namespace", ""),
        target.get("name", ""),
        entry["responseStatus"]["code"],
        entry["auditID"],
        entry["responseStatus"].get("message", ""),
        entry.get("userAgent", ""),
        "".join(query.get("labelSelector", [])),
        "continue" in query,
    )
