"""The page of the actors of a real operator, and of a real sidecar, in a real browser."""

import json

import pytest

from tests.eventually import eventually
from tests.supervisors.debug.browser import needs_chromium, tab

pytestmark = [pytest.mark.browser, needs_chromium]

LISTED = "(selector => [...document.querySelectorAll(selector)].map(one => one.textContent))"
CHILDREN = ("ServiceAccount", "Role", "RoleBinding", "Service", "ConfigMap", "DaemonSet")


async def opened(page, process, query=""):
    """Open the page of this process, and wait for its first answer."""
    await page.open(f"http://127.0.0.1:{process.port('DebugServer')}/debug/{query}")
    await page.until("document.body?.dataset.asked > 0")


async def listed(page, selector):
    return await page.value(f"{LISTED}({json.dumps(selector)})")


async def test_the_page_of_an_operator_and_of_a_sidecar_show_their_actors_and_parts(
    operator, fleet, tmp_path
):
    fleet.falco(replicas=1, type="Deployment").start()
    fleet.apply("Rulesfile", "rules", inlineRules=[{"list": "shells", "items": ["bash"]}])
    eventually(lambda: fleet.condition("Rulesfile", "rules")[0] == "True")
    inside = fleet.namespace
    async with tab(tmp_path) as page:
        await opened(page, operator, f"?actor=Falco/{inside}/falco")
        await page.until("document.querySelector('.entry')")
        commands = await listed(page, ".command code")
        get = f"kubectl -n {inside} get"
        assert f"{get} falcos.instance.falcosecurity.dev/falco -o yaml" in commands
        assert f"{get} deployments.apps/falco -o yaml" in commands
        entries = await listed(page, ".entry")
        assert any("created Deployment/" in entry for entry in entries)
        assert any("patch deployments" in entry for entry in entries)
        await page.press("Escape")
        watched = await listed(page, "#tables tr td:nth-child(1)")
        assert {"Falco", "Rulesfile", "DaemonSet"} <= set(watched)
        states = await listed(page, "#tables tr td:nth-child(2)")
        assert set(states) == {"watching"}
        sections = await listed(page, "#sections h2")
        assert sections == ["router", "Events", "signature verifications"]
        parts = await listed(page, "#tree tr td:nth-child(1)")
        assert {"operator", "falcos", "artifacts", "router", "observation", "debug"} <= set(parts)
        await opened(page, fleet.sidecars[0])
        sections = await listed(page, "#sections h2")
        assert sections == ["gate", "batches", "Falco", "checks", "router"]
        facts = await listed(page, "#sections section:nth-child(2) dd")
        assert facts[:2] == ["1", "1"]  # one installed source, in one batch
        assert f"Rulesfile/{inside}/rules" in await listed(page, "#table td:nth-child(1)")
        assert page.complaints == []
