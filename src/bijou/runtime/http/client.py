"""The calling end: an endpoint and its parameters become a request."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from bijou.ports import Credentials, EngineUnavailable
from bijou.runtime import codec
from bijou.runtime.http.endpoint import Endpoint
from bijou.runtime.http.problems import read_problem
from bijou.runtime.http.server import SESSION_COOKIE

if TYPE_CHECKING:
    import ssl

    import httpx


class Wire:
    """A connection to one service; what every room's client is built on.

    Args:
        base_url: `http://127.0.0.1:8800`, without a final slash.
        token: Bearer token or service key; empty for anonymous.
        transport: Another httpx transport, such as an in-process one.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        timeout_s: float = 10.0,
    ) -> None:
        import httpx  # noqa: PLC0415 - 0.2 s that only callers pay

        self._httpx = httpx
        self._base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(
            base_url=self._base_url,
            headers=headers,
            transport=transport,
            timeout=timeout_s,
            trust_env=False,
            verify=_authorities() if self._base_url.startswith("https:") else False,
        )

    async def call(
        self,
        endpoint: Endpoint,
        body: object = None,
        *,
        content: AsyncIterator[bytes] | None = None,
        query: msgspec.Struct | None = None,
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        **path: str,
    ) -> Any:
        """Send one request and return the decoded answer (None for 204).

        Args:
            body: An instance of the endpoint's `takes`.
            content: Raw bytes instead of a JSON body.
            query: An instance of the endpoint's `query`.
            credentials: Whom to call for instead of the wire's own token.
            headers: More of them.
            path: Values for the parameters in the path.

        Raises:
            BijouError: the kind that the peer's problem stands for.
            EngineUnavailable: `http.unreachable`, no answer.
        """
        address = endpoint.path.replace(":path}", "}").format(
            **{k: quote(v, safe="/") for k, v in path.items()}
        )
        payload: Any = content if content is not None else (None if body is None else codec.encode(body))
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= _headers_of(credentials) | dict(headers or {})
        asked = msgspec.json.decode(codec.encode(query)) if query is not None else None
        try:
            answer = await self._client.request(
                endpoint.method, address, content=payload, headers=sent, params=asked
            )
        except self._httpx.TransportError as error:
            raise EngineUnavailable(
                "http.unreachable",
                f"{self._base_url} did not answer ({type(error).__name__}); is it running?",
            ) from error
        if answer.status_code >= 400:
            raise read_problem(answer.status_code, answer.content, self._base_url)
        if answer.status_code == 204 or endpoint.gives is None:
            return None
        return codec.decode(answer.content, endpoint.gives)

    async def close(self) -> None:
        """Close idle connections."""
        await self._client.aclose()


def _authorities() -> "ssl.SSLContext":
    """Return whom certificates are believed of: the system's, or SSL_CERT_FILE's, and those of certifi."""
    import ssl  # noqa: PLC0415 - only for who calls over TLS; reading certificates takes 50 ms, too

    import certifi  # noqa: PLC0415 - as above

    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted


def _headers_of(credentials: Credentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
    if credentials.bearer:
        return {"Authorization": f"Bearer {credentials.bearer}"}
    return {"Authorization": "", "Cookie": f"{SESSION_COOKIE}={credentials.session}"}
