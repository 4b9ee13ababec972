"""Requests that are held back until the time that the API server asked for."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from actors.api.client import Client
from actors.api.errors import (
    ApiError,
    Forbidden,
    HeldBack,
    NotFound,
    Refused,
    Status,
    Unavailable,
    Unmapped,
    Unready,
    error_from_status,
)
from resources.kubernetes.reference import ObjectRef
from tests.fake_clock import FakeClock

ONE, OTHER = (ObjectRef("ConfigMap", "default", name) for name in ("one", "other"))
BUSY = Unavailable(429, "TooManyRequests", "busy", retry_after=2.0)


class Answering:
    """A transport that raises these errors, one a request, and then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.sent = 0

    async def request(self, *_, **options):  # noqa: ARG002
        self.sent += 1
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        return b"{}"


def asking(*errors):
    clock = FakeClock()
    transport: Any = Answering(*errors)
    return Client(transport, clock), transport, clock


async def test_a_request_is_not_made_before_the_time_that_was_asked_for():
    client, transport, clock = asking(BUSY)
    with pytest.raises(Unavailable, match="busy"):
        await client.get(ONE)
    await clock.advance(1.5)
    with pytest.raises(HeldBack, match="busy") as held:
        await client.get(ONE)
    assert (held.value.retry_after, held.value.code) == (0.5, 429)
    assert transport.sent == 1
    await clock.advance(0.5)
    assert await client.get(ONE) == b"{}"
    assert transport.sent == 2


async def test_other_objects_other_methods_and_lists_go_on():
    client, transport, _ = asking(BUSY)
    with pytest.raises(Unavailable, match="busy"):
        await client.apply(ONE, {}, "any")
    await client.get(ONE)
    await client.apply(OTHER, {}, "any")
    await client.apply(ONE, {}, "any", "status")
    await client.list_page("ConfigMap", "default", {})
    with pytest.raises(HeldBack):
        await client.json_patch(ONE, [], "any")
    assert transport.sent == 5


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(503, "ServiceUnavailable", ""),
        NotFound(404, "NotFound", ""),
        Refused(403, "Forbidden", ""),
    ],
)
async def test_no_other_error_holds_a_request_back(error):
    client, _, _ = asking(error)
    with pytest.raises(type(error)):
        await client.get(ONE)
    assert await client.get(ONE) == b"{}"


async def test_requests_that_nobody_repeats_are_forgotten():
    objects = [ObjectRef("ConfigMap", "default", str(number)) for number in range(5000)]
    client, _, clock = asking(*(BUSY for _ in objects))
    for number, ref in enumerate(objects):
        with pytest.raises(Unavailable, match="busy"):
            await client.get(ref)
        if number % 100 == 0:
            await clock.advance(2)
    assert len(client._holds._holds) <= 1024


async def test_what_is_remembered_keeps_no_request_in_memory():
    class Body(dict):
        """A body that a weak reference can watch."""

    client, _, _ = asking(Unavailable(429, "TooManyRequests", "busy", retry_after=2.0))
    body = Body()
    watched = weakref.ref(body)
    with pytest.raises(Unavailable, match="busy"):
        await client.apply(ONE, body, "any")
    del body
    gc.collect()
    assert watched() is None


# An API server that has just started: it answers, but knows no roles yet.


FORBIDDEN = Forbidden(403, "Forbidden", 'User "operator" cannot patch resource "falcos"')


async def attempts(client, clock, number):
    """The errors of this many writes, each made when the one before said, and a minute later."""
    kinds: list[tuple[type, float | None] | None] = []
    for _ in range(number):
        try:
            await client.apply(ONE, {}, "any")
            kinds.append(None)
        except ApiError as error:
            kinds.append((type(error), error.retry_after))
            await clock.advance(error.retry_after or 60)
    return kinds


async def test_a_write_for_lack_of_rights_is_tried_again_soon_and_refused_once_that_has_lasted():
    client, transport, clock = asking(*[FORBIDDEN] * 6)
    early = [(Unready, seconds) for seconds in (1.0, 2.0, 4.0, 8.0)]
    assert await attempts(client, clock, 7) == [*early, (Forbidden, None), (Forbidden, None), None]
    assert transport.sent == 7


async def test_the_kind_of_an_owner_may_be_unknown_for_longer_than_an_api_server_looks_for_kinds():
    unmapped = Unmapped(403, "Forbidden", "cannot find RESTMapping for Kind Falco")
    client, _, clock = asking(*[unmapped] * 8)
    *early, last = await attempts(client, clock, 8)
    assert {kind for kind, _ in early} == {Unready}
    assert sum(seconds for _, seconds in early) == 39.0 > 30.0
    assert last == (Unmapped, None)


async def test_a_write_that_passed_is_tried_again_soon_when_it_is_forbidden_the_next_time():
    client, transport, clock = asking(*[FORBIDDEN] * 5)
    await attempts(client, clock, 6)
    transport.errors = [FORBIDDEN]
    assert await attempts(client, clock, 2) == [(Unready, 1.0), None]


async def test_whoever_is_woken_meanwhile_does_not_ask():
    client, transport, clock = asking(FORBIDDEN)
    with pytest.raises(Unready):
        await client.apply(ONE, {}, "any")
    for _ in range(9):
        await clock.advance(0.1)
        with pytest.raises(HeldBack, match="cannot patch"):
            await client.apply(ONE, {}, "any")
    await clock.advance(0.2)
    assert await client.apply(ONE, {}, "any") == b"{}"
    assert transport.sent == 2


async def test_writes_that_are_forbidden_together_count_once():
    client, _, clock = asking(*[FORBIDDEN] * 9)
    created = (client.create_event("default", {}) for _ in range(8))
    errors = await asyncio.gather(*created, return_exceptions=True)
    assert {type(error) for error in errors} == {Unready}
    await clock.advance(1)
    with pytest.raises(Unready) as error:
        await client.create_event("default", {})
    assert error.value.retry_after == 2.0


async def test_a_list_that_is_forbidden_says_so_at_once():
    client, _, _ = asking(FORBIDDEN)
    with pytest.raises(Forbidden):
        await client.list_page("ConfigMap", "default", {})
    assert await client.list_page("ConfigMap", "default", {}) == b"{}"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (
            'falcos "x" is forbidden: User "u" cannot patch resource "falcos" in API group',
            Forbidden,
        ),
        ('roles "x" is forbidden: user "u" is attempting to grant RBAC permissions', Forbidden),
        (
            "services is forbidden: cannot set blockOwnerDeletion: cannot find RESTMapping for X",
            Unmapped,
        ),
        ('configmaps "x" is forbidden: not yet ready to handle request', Forbidden),
        ('secrets "x" is forbidden: exceeded quota: none', Refused),
        ('admission webhook "any" denied the request: no', Refused),
        ('admission webhook "any" denied the request: cannot find RESTMapping', Refused),
    ],
)
def test_quota_and_webhooks_are_no_lack_of_rights(message, kind):
    status = Status(403, "Forbidden", message)
    assert type(error_from_status(403, status)) is kind


async def test_a_busy_server_in_between_does_not_make_a_missing_right_new():
    client, _, clock = asking(*[FORBIDDEN] * 5, BUSY, FORBIDDEN)
    kinds = await attempts(client, clock, 7)
    assert kinds[4:] == [(Forbidden, None), (Unavailable, 2.0), (Forbidden, None)]
