"""A namespace goes, whatever is in it and in whatever order that goes."""

from itertools import permutations

import pytest

from tests.e2e.falcos import Falcos
from tests.e2e.references import RULES, config_map_ref, secret_ref
from tests.eventually import eventually
from tests.sampled import sampled

# The namespace controller looks again only now and then for what it found still there.
NAMESPACE_GONE_WITHIN = 120


STEPS = ("artifacts", "objects", "falco")
ORDERS = {"-then-".join(order): (order,) for order in permutations(STEPS)}


@pytest.mark.parametrize(
    "order", sampled(ORDERS | {"at once": ((),)}, "at once", "objects-then-falco-then-artifacts")
)
def test_a_namespace_goes_whatever_in_it_goes_first(api, references, order):
    falcos = populated(api, references)
    for step in order:
        remove(references, falcos, step)
    api.delete("Namespace", "", references.namespace)
    eventually(lambda: namespace_is_gone(api, references), NAMESPACE_GONE_WITHIN)


def test_a_namespace_that_was_deleted_while_no_operator_ran_goes_with_the_next(
    api, operator, references
):
    populated(api, references)
    operator.stop()
    api.delete("Namespace", "", references.namespace)
    eventually(lambda: references.get("Rulesfile", "rules") is None)
    eventually(lambda: references.is_waiting("Secret", "token"))
    operator.start()
    eventually(lambda: namespace_is_gone(api, references), NAMESPACE_GONE_WITHIN)


def populated(api, references):
    falcos = Falcos(api, references.namespace)
    falcos.create()
    references.make("Secret", "token")
    references.make("ConfigMap", "rules", data=RULES)
    references.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
    references.artifact("plugin", secret_ref("token"), "Plugin")
    references.becomes_protected("Secret", "token")
    references.becomes_protected("ConfigMap", "rules")
    falcos.becomes(Reconciled="True")
    return falcos


def remove(references, falcos, step):
    if step == "falco":
        falcos.delete()
    elif step == "artifacts":
        references.drop("rules")
        references.drop("plugin", "Plugin")
    else:
        references.delete("Secret", "token")
        references.delete("ConfigMap", "rules")


def namespace_is_gone(api, references):
    live = api.get("Namespace", "", references.namespace)
    assert live is None, live.get("status")
    return True
