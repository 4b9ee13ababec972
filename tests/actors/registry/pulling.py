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


def request(endpoint, digest, kind="Rulesfile", architecture="amd64", **more):
    """A pull."""
    limits = {"max_bytes": MOST, **more}
    return Pull(endpoint, digest, kind, "linux", architecture, **limits)


async def pulled(endpoint, digest, directory, *arguments, **more):
    """What was pulled, and the content of the file."""
    path = Path(directory, "pulled")
    with path.open("wb") as file:  # noqa: ASYNC230 - an empty one
        answer = await pull(request(endpoint, digest, *arguments, **more), file.fileno())
    return answer, path.read_bytes()  # noqa: ASYNC240


async def refused(endpoint, digest, directory, *arguments, **more):
    """The error of a pull, which tells no secret."""
    with pytest.raises(RegistryError) as caught:
        await pulled(endpoint, digest, directory, *arguments, **more)
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
