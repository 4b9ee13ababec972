"""The actor of a Falco whose writes are carried out while their answers are lost, without a watch.

It has the operator's own rights, on a real API server behind a proxy that resets connections.
"""

import pytest

from actors.api.configuration import kubeconfig_configuration
from actors.runtime.results import Done, RequeueAfter
from tests.actors.instance.test_actor import House
from tests.lossy_proxy import LossyProxy
from tests.operator_process import operator_kubeconfig

WRITES = {
    "the finalizer": "/falcos/falco",
    "the claim of a child": "/daemonsets/falco",
    "the claim of a child without a namespace": "/clusterroles/falco--{namespace}",
    "the status": "/falcos/falco/status",
}


@pytest.fixture
def proxy(cluster):
    with LossyProxy(cluster) as made:
        yield made


@pytest.fixture
async def house(cluster, client, namespace, proxy, connect, tmp_path):
    """A Falco of which nothing is made yet."""
    configuration = await kubeconfig_configuration(str(operator_kubeconfig(cluster, tmp_path)))
    configuration.host = proxy.url
    made = House(await connect(configuration), namespace)
    made.client = client  # the user's
    await made.put()
    yield made
    proxy.lose_once()
    await made.client.delete(made.ref, (await made.live())["metadata"]["uid"])
    await made.show()
    await made.run()


LOOK = "a look at pods that are not updated or not available"


async def until_done(house):
    """Run it as often as it asks for, but for a look at pods, which nobody makes."""
    while isinstance(result := await house.run(), RequeueAfter) and result.why != LOOK:
        assert house.clock.monotonic() < 60
        await house.clock.advance(result.seconds)
    assert result == Done() or result.why == LOOK


@pytest.mark.parametrize("end", WRITES.values(), ids=WRITES)
async def test_one_read_tells_that_a_write_whose_answer_was_lost_was_carried_out(house, proxy, end):
    end = end.format(namespace=house.ref.namespace)
    proxy.lose_once(("PATCH", end))
    await until_done(house)
    reads = [path for method, path, _ in proxy.requests if method == "GET"]
    assert len(reads) == 1
    assert reads[0].endswith(end.removesuffix("/status"))
    writes = [path for method, path, _ in proxy.requests if method == "PATCH"]
    again = [path for path in set(writes) if writes.count(path) > 1]
    assert all(path.endswith("/falcos/falco/status") for path in again)
    assert [request for request in proxy.requests if request[2] >= 400] == []
