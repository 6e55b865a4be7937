"""Who may come in: the token of a request, wherever it stands, checked before anything is looked up."""

import contextlib
from typing import Final

import msgspec

from bijou.delivery import cmcd
from bijou.delivery.model import Miss, is_shown_to_all
from bijou.delivery.tokens import TOKEN_PARAMETER, Grant, Route, TokenKeys, TokenRefused
from bijou.delivery.wire import Request

IN_PATH: Final = "/t/"
"""`/t/TOKEN/media/…`: for players whose playlists cannot pass a query on."""

_FIRST: Final = f"{TOKEN_PARAMETER}=".encode()
_LATER: Final = b"&" + _FIRST
_SKIPPED: Final = len(_FIRST)
_OURS: Final = "ses_"


class Entered(msgspec.Struct, frozen=True, gc=False):
    """A request that was let in.

    Args:
        path: Of the media, without the token.
        session: Of the token, or of what the player says of itself.
        miss: Why it comes here instead of to another edge, if it should be there.
    """

    path: str
    session: str = ""
    miss: Miss | None = None


class Gate:
    """Lets in what shows a token for what it asks.

    Stills are shown to all. A request that tells another session of ours than
    its token was made for is refused: tokens are not for passing around.

    Args:
        region: Where this is; a token of another home tells why its viewer is here.
    """

    def __init__(self, keys: TokenKeys, region: str = "") -> None:
        self._keys = keys
        self._region = region

    def enter(self, request: Request) -> Entered:
        """Return what is really asked for.

        Raises:
            TokenRefused: see `TokenKeys.check`; `delivery.token_session`.
        """
        path = request.path
        if path.startswith(IN_PATH):
            token, slash, rest = path[len(IN_PATH) :].partition("/")
            return self._checked(request, token.encode(), slash + rest)
        if not path.startswith("/media/") or request.method == "OPTIONS" or is_shown_to_all(path):
            return Entered(path)
        return self._checked(request, _token(request.query), path)

    def path_of(self, request: Request) -> str:
        """Return the path that is really asked for: `enter` for whoever needs no more.

        Raises:
            TokenRefused: as `enter`.
        """
        query, path, fields = request.query, request.path, request.fields
        if query.startswith(_FIRST) and b"&" not in query and b"cmcd-session" not in fields:
            with contextlib.suppress(TokenRefused):  # it may be something that is shown to all
                self._keys.check(query[_SKIPPED:], path)
                return path
        return self.enter(request).path

    def _checked(self, request: Request, token: bytes, path: str) -> Entered:
        grant = self._keys.check(token, path)
        if grant.session and (b"cmcd-session" in request.fields or b"CMCD=" in request.query):
            said = cmcd.read(request).session
            if said.startswith(_OURS) and said != grant.session:
                raise TokenRefused("delivery.token_session", "the token was made for another session")
        return Entered(path, grant.session, self._why_here(grant))

    def _why_here(self, grant: Grant) -> Miss | None:
        if grant.route is Route.STEERED:
            return Miss.STEERING
        return Miss.HEALTH if self._region and grant.home not in {"", self._region} else None


def without_token(path: str) -> str:
    """Return a path as it may be logged.

    Example:
        >>> without_token("/t/k1.3c.ses_1.h.ast_1.mac/media/ast_1/master.m3u8")
        '/t/…/media/ast_1/master.m3u8'
    """
    if not path.startswith(IN_PATH):
        return path
    _, slash, rest = path[len(IN_PATH) :].partition("/")
    return f"{IN_PATH}…{slash}{rest}"


def _token(query: bytes) -> bytes:
    if not query.startswith(_FIRST):
        start = query.find(_LATER)
        if start < 0:
            return b""
        query = query[start + 1 :]
    return query[len(_FIRST) :].partition(b"&")[0]
