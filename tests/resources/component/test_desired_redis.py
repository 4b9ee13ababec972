"""The address of the Redis of falcosidekick-ui: said once, used twice, and waited for."""

import subprocess

import pytest

from resources.component.desired import desired
from resources.component.spec import Component, ComponentChoice, ComponentSpec
from resources.kubernetes.meta import ObjectMeta

WAIT, MAIN = "wait-redis", "falcosidekick-ui"
DEFAULT = {"name": "REDIS_ADDR", "value": "falcosidekick-ui-redis:6379"}
MINE = {"name": "REDIS_ADDR", "value": "mine:1"}
OTHER = {"name": "REDIS_ADDR", "value": "other:2"}
SECRET = {"name": "REDIS_ADDR", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "at"}}}
DEBUG = {"name": "DEBUG", "value": "true"}


def pod(wait=None, main=None, **more):
    template = {
        "spec": {
            "initContainers": [{"name": WAIT, "env": wait}] if wait else [],
            "containers": [{"name": MAIN, "env": main}] if main else [],
            **more,
        }
    }
    meta = ObjectMeta(name="ui", namespace="ns", uid="u-1")
    choice = ComponentChoice(type="falcosidekick-ui")
    spec = ComponentSpec(component=choice, pod_template_spec=template)
    return desired(Component(metadata=meta, spec=spec), ())[-1].body["spec"]["template"]["spec"]


def container(result, name):
    return next(c for c in (*result["initContainers"], *result["containers"]) if c["name"] == name)


@pytest.mark.parametrize(
    ("wait", "main", "wanted"),
    [
        (None, None, ([DEFAULT], [DEFAULT])),
        ([MINE], None, ([MINE], [MINE])),
        (None, [MINE], ([MINE], [MINE])),
        (None, [SECRET], ([SECRET], [SECRET])),
        ([MINE], [OTHER], ([MINE], [OTHER])),
        ([MINE], [SECRET], ([MINE], [SECRET])),
        ([DEBUG], None, ([DEFAULT, DEBUG], [DEFAULT])),
        ([DEBUG, MINE], [DEBUG], ([DEBUG, MINE], [MINE, DEBUG])),
    ],
)
def test_an_address_in_one_container_holds_for_the_other_that_does_not_say_its_own(
    wait, main, wanted
):
    result = pod(wait, main)
    assert (container(result, WAIT)["env"], container(result, MAIN)["env"]) == wanted


HOST = {"name": "REDIS_HOST", "value": "$(ZONE).redis.svc"}
ZONE = {"name": "ZONE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
COMPOSED = {"name": "REDIS_ADDR", "value": "$(REDIS_HOST):6379"}
LITERAL = {"name": "REDIS_ADDR", "value": "$$(REDIS_HOST):6379"}


@pytest.mark.parametrize(
    ("main", "copied"),
    [
        ([DEBUG, ZONE, HOST, COMPOSED], [ZONE, HOST, COMPOSED]),
        ([HOST, COMPOSED], [HOST, COMPOSED]),
        ([COMPOSED, HOST], [COMPOSED]),
        ([HOST, LITERAL], [LITERAL]),
    ],
)
def test_an_address_is_copied_with_the_variables_before_it_that_it_refers_to(main, copied):
    result = pod(main=main)
    assert container(result, WAIT)["env"] == copied
    assert container(result, MAIN)["env"] == main


OWN = {"name": "FALCOSIDEKICK_UI_REDIS_URL", "value": "mine:1"}
OWN_SECRET = {**SECRET, "name": OWN["name"]}
OWN_COMPOSED = {**COMPOSED, "name": OWN["name"]}
OWN_CIRCULAR = {"name": OWN["name"], "value": "$(REDIS_ADDR)"}
OWN_EMPTY = {"name": OWN["name"], "value": ""}


@pytest.mark.parametrize(
    ("main", "wait", "address"),
    [
        ([OWN], [MINE], MINE),
        ([OWN_SECRET], [SECRET], SECRET),
        ([HOST, OWN_COMPOSED], [HOST, COMPOSED], COMPOSED),
        ([OWN, OTHER], [OTHER], OTHER),
        ([OTHER, OWN], [OTHER], OTHER),
        ([OWN_CIRCULAR], [DEFAULT], DEFAULT),
        ([OWN_EMPTY], [DEFAULT], DEFAULT),
    ],
)
def test_the_variable_of_the_program_itself_is_the_address(main, wait, address):
    result = pod(main=main)
    assert container(result, WAIT)["env"] == wait
    env = container(result, MAIN)["env"]
    assert address in env
    assert all(variable in env for variable in main)
    assert container(result, MAIN)["args"] == ["-r", "$(REDIS_ADDR)"]
    names = [variable["name"] for variable in env]
    assert len(names) == len(set(names))
    if HOST in env:
        assert names.index("REDIS_HOST") < names.index("REDIS_ADDR")


def test_arguments_take_the_address_from_the_environment():
    assert container(pod(), MAIN)["args"] == ["-r", "$(REDIS_ADDR)"]


def test_manifests_that_say_it_twice_get_what_they_say():
    twice = {"name": MAIN, "args": ["-r", "mine:1"]}
    result = pod([MINE], containers=[twice])
    assert container(result, WAIT)["env"] == [MINE]
    assert container(result, MAIN)["args"] == ["-r", "mine:1"]


def test_a_container_of_the_user_s_own_neither_gives_the_address_nor_gets_it():
    own = {"name": "own", "env": [OTHER]}
    result = pod(containers=[own, {"name": "bare"}])
    assert container(result, MAIN)["env"] == [DEFAULT]
    assert container(result, WAIT)["env"] == [DEFAULT]
    assert container(result, "own") == own
    assert container(result, "bare") == {"name": "bare"}


REDIS_CLI = """#!/bin/sh
echo "$@" >> asked
read -r answer < answers
sed -i 1d answers
echo "$answer"
"""


@pytest.fixture
def wait(tmp_path):
    """Runs what the init container runs, with a redis-cli that gives these answers in turn."""
    for name, text in {"redis-cli": REDIS_CLI, "sleep": "#!/bin/sh\n"}.items():
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
    result = container(pod(), WAIT)

    def run(address, *answers):
        (tmp_path / "answers").write_text("".join(f"{answer}\n" for answer in answers))
        subprocess.run(
            [*result["command"], *result["args"]],
            cwd=tmp_path,
            env={"REDIS_ADDR": address, "PATH": f"{tmp_path}:/usr/bin:/bin"},
            check=True,
            timeout=30,
        )
        return (tmp_path / "asked").read_text().splitlines()

    return run


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["PONG"], 1),
        (["NOAUTH Authentication required."], 1),
        (
            [
                "Could not connect to Redis at redis:6379: Connection refused",
                "LOADING Redis is loading the dataset in memory",
                "",
                "PONG",
            ],
            4,
        ),
    ],
)
def test_the_wait_ends_with_the_first_answer_of_a_redis_that_is_ready(wait, answers, asked):
    assert wait("redis:6379", *answers) == ["-h redis -p 6379 ping"] * asked


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("redis.example.com:1", "-h redis.example.com -p 1 ping"),
        ("10.0.0.1:6379", "-h 10.0.0.1 -p 6379 ping"),
        ("[fd00::1]:6379", "-h fd00::1 -p 6379 ping"),
    ],
)
def test_the_wait_asks_host_and_port_of_the_address(wait, address, asked):
    assert wait(address, "PONG") == [asked]
