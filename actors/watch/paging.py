"""Lists of objects, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw, Struct
from msgspec.json import Decoder

from actors.api.client import FULL, METADATA, Representation
from actors.api.errors import decoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from actors.api.client import Client

# Objects a page. One page of each kind is in memory at a time, and holds up the loop while it is
# taken in. A NodeReport of 50 artifacts has 9 KiB; annotations of others may take 256 KiB each.
SIZE = 100


class _ListMeta(Struct, rename={"continue_": "continue", "resource_version": "resourceVersion"}):
    resource_version: str | None = None
    continue_: str | None = None


class Page(Struct):
    """A part of a list: the objects as raw JSON, and the metadata of the whole list."""

    metadata: _ListMeta
    items: list[Raw] | None = None

    @property
    def version(self) -> str:
        """The resourceVersion of the whole list."""
        return self.metadata.resource_version or "0"


_page_decoder = Decoder(Page)


async def newest_revision(client: Client, kind: str, namespace: str = "") -> str:
    """The resourceVersion of a quorum read of this moment; raises ApiError."""
    raw = await client.list_page(kind, namespace, {"limit": "1"}, METADATA)
    return decoded(_page_decoder, raw).version


async def pages(
    client: Client,
    kind: str,
    namespace: str = "",
    selector: str = "",
    representation: Representation = FULL,
    fields: str = "",
) -> AsyncGenerator[Page, None]:
    """Yield all pages of one quorum read; raises ApiError, Gone if the token expired meanwhile."""
    token: str | None = ""
    while token is not None:
        query = {
            "limit": str(SIZE),
            "labelSelector": selector,
            "fieldSelector": fields,
            "continue": token,
        }
        non_empty = {key: value for key, value in query.items() if value}
        raw = await client.list_page(kind, namespace, non_empty, representation)
        page = decoded(_page_decoder, raw)
        yield page
        token = page.metadata.continue_ or None
