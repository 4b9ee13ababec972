"""Asks the Falco of the pod, over the pod's own loopback interface, what it has loaded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector

from resources.kubernetes.event import bounded
from resources.node.falco_answer import FalcoAnswer, UnreadableAnswer, falco_answer

if TYPE_CHECKING:
    from resources.check.check_request import WebServer

_log = logging.getLogger(__name__)
HOST = "127.0.0.1"
_SECONDS = ClientTimeout(total=5.0)
# Bytes; 1,000 rules files and all counters of rules and of the kernel take less than one MiB.
_MOST = 4 << 20


class FalcoAway(Exception):  # noqa: N818 - it describes Falco, not a failure of ours
    """Falco does not answer, or not as it does."""


async def ask_falco(server: WebServer) -> FalcoAnswer:
    """What Falco says of itself.

    The certificate is not verified: the connection does not leave the pod. No proxy and no redirect
    is followed.

    Raises:
        FalcoAway: it does not answer within 5 s, or what comes cannot be read.
    """
    url = f"{'https' if server.tls else 'http'}://{HOST}:{server.port}"
    try:
        async with ClientSession(
            timeout=_SECONDS, connector=TCPConnector(limit=1, ssl=False), trust_env=False
        ) as session:
            metrics = await _get(session, f"{url}/metrics")
            versions = await _get(session, f"{url}/versions")
        return falco_answer(metrics.decode("utf-8", "replace"), versions)
    except TimeoutError as error:
        raise FalcoAway(f"Falco does not answer at {url} in time") from error
    except _StrangeAnswer as error:
        raise FalcoAway(f"{url} does not answer as Falco does: {error}") from error
    except (ClientError, UnreadableAnswer, ValueError) as error:
        _log.debug("Falco: %s", bounded(str(error)))
        connects = isinstance(error, ClientConnectorError)
        what = "Falco does not answer at" if connects else "what answers is not Falco at"
        raise FalcoAway(f"{what} {url}") from error
    except (OSError, OverflowError) as error:
        raise FalcoAway(f"Falco does not answer at {url}") from error


class _StrangeAnswer(Exception):  # noqa: N818 - it describes the answer, not a failure of ours
    """An answer that is HTTP and not Falco's; the text is ours, whatever it has in it."""


async def _get(session: ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        response.raise_for_status()
        if response.status != 200:
            raise UnreadableAnswer(f"status {response.status}")
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > _MOST:
                raise _StrangeAnswer(f"more than {_MOST} bytes")
        return bytes(content)
