"""Pulls and look-ups as tests want them: short, and with what must never happen checked."""

from pathlib import Path

import pytest

from actors.registry.client import PATIENT, RegistryError, look_up, pull
from resources.registry.request import Endpoint, Lookup, Pull
from tests.registries import LOCAL

MOST = 4 << 20


def endpoint_of(registry, repository, **more):
    """A repository of a registry on this machine."""
    return Endpoint(registry, repository, local_registries=LOCAL, **more)


def request(endpoint, digest, directory, kind="Rulesfile", architecture="amd64", **more):
    """A pull into the directory."""
    limits = {"max_bytes": MOST, **more}
    return Pull(endpoint, digest, kind, "linux", architecture, str(directory), **limits)


async def pulled(*arguments, **more):
    """What was pulled, and the content of the file."""
    found = await pull(request(*arguments, **more))
    return found, Path(found.path).read_bytes()  # noqa: ASYNC240 - it is there


async def refused(endpoint, digest, directory, *arguments, **more):
    """The error of a pull that leaves nothing in the directory, and tells no secret."""
    with pytest.raises(RegistryError) as caught:
        await pull(request(endpoint, digest, directory, *arguments, **more))
    assert not list(Path(directory).iterdir())  # noqa: ASYNC240
    message = str(caught.value)
    assert message.startswith(f"{endpoint}: ")
    assert "secret" not in message
    assert "Traceback" not in message
    return caught.value


async def looked_up(lookups, pace=PATIENT):
    """The answers in the order of the look-ups."""
    answers = {lookup: answer async for lookup, answer in look_up(lookups, pace)}
    return [answers[lookup] for lookup in lookups]


async def found(endpoint, reference="latest"):
    """The digest that a reference names."""
    (answer,) = await looked_up([Lookup(endpoint, reference)])
    assert answer.problem is None
    return answer.digest


async def not_found(endpoint, reference="latest"):
    """Why it names none."""
    (answer,) = await looked_up([Lookup(endpoint, reference)])
    return problem_of(answer)


def problem_of(answer):
    """Why there is no digest, told without a secret."""
    assert answer.digest == ""
    assert answer.problem is not None
    assert "secret" not in answer.problem.message
    return answer.problem
