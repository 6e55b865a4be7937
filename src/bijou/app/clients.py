"""The calling end of a whole installation: every room's client on one wire."""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from bijou.accounts import SignedIn, SignIn
from bijou.accounts.http import SIGN_IN_FOR_TOKEN, SignInQuery
from bijou.catalog.http import CatalogClient
from bijou.encoding.http import EncodingClient
from bijou.ingest.http import IngestClient
from bijou.runtime.http import Wire


class Clients(msgspec.Struct, frozen=True):
    """The rooms of a control plane somewhere else, as if they were here."""

    wire: Wire
    catalog: CatalogClient
    encoding: EncodingClient
    ingest: IngestClient

    async def sign_in(self, sign_in: SignIn) -> SignedIn:
        """Open a session whose token the caller keeps."""
        signed_in: SignedIn = await self.wire.call(SIGN_IN_FOR_TOKEN, sign_in, query=SignInQuery(token=True))
        return signed_in


@contextlib.asynccontextmanager
async def connected(server: str, token: str = "", *, timeout_s: float = 60.0) -> AsyncIterator[Clients]:
    """Speak to the control plane at `server` for as long as the block lasts."""
    wire = Wire(server, token, timeout_s=timeout_s)
    try:
        yield Clients(wire, CatalogClient(wire), EncodingClient(wire), IngestClient(wire))
    finally:
        await wire.close()
