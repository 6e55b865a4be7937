"""Tokens: who may fetch which media until when, proven by a key, checked without asking anybody.

A token is text that may stand in a query or in a path:
`key.expires.session.home.route.scope.mac`, the scope with `~` for each slash.

Source: BLAKE2, RFC 7693, in its keyed mode; 128 bits of it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from bijou.delivery.model import MEDIA_PREFIX
from bijou.ports import Clock, Forbidden, InvalidRequest

TOKEN_PARAMETER: Final = "token"  # noqa: S105 - the parameter's name
SECRET_BYTES: Final = 32

_REMEMBERED: Final = 65_536
_LONGEST: Final = 512
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")
_SECRET: Final = re.compile(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}")
_SCOPE: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?")
_HOME: Final = re.compile(r"[a-z0-9-]{0,32}")
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")
_TOKEN: Final = re.compile(
    r"(?P<key>[A-Za-z0-9_-]{1,16})\.(?P<expires>[0-9a-f]{1,12})\.(?P<session>[A-Za-z0-9_-]{0,64})"
    r"\.(?P<home>[a-z0-9-]{0,32})\.(?P<route>[a-z])\.(?P<scope>[A-Za-z0-9._~-]*)\.(?P<mac>[A-Za-z0-9_-]{22})"
)
_PERSON: Final = b"bijou.token.1"


class Route(StrEnum):
    """How a viewer came by its token: with its session, or with a steering answer that moved it."""

    SESSION = "h"
    STEERED = "s"


class TokenKey(msgspec.Struct, frozen=True):
    """One secret and the name by which tokens say that it signed them."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"TokenKey({self.id!r}, …)"


class Grant(msgspec.Struct, frozen=True):
    """What a token allows.

    Args:
        scope: Folder under `media/`, such as an asset; empty: all media.
        expires_at_s: Unix seconds from which it holds no more.
        session: The playback session that it was made for, or empty.
        home: Region whose edge is to serve it; empty: any.
    """

    scope: str
    expires_at_s: int
    session: str = ""
    home: str = ""
    route: Route = Route.SESSION

    @property
    def prefix(self) -> str:
        """What every allowed path begins with."""
        return f"{MEDIA_PREFIX}{self.scope}/" if self.scope else MEDIA_PREFIX


class TokenRefused(Forbidden):
    """The token does not let in; a new session brings another."""

    title: ClassVar[str] = "Not allowed by a token"


class TokenKeys:
    """Signs and checks tokens; the first key signs, every key is believed.

    To rotate: put a new key first, and drop the old one when the last token
    that it signed has expired. `refresh` takes up what changed.

    Cost: one BLAKE2 of a hundred bytes for a token's first request (4 us); a
    look-up for the rest (0.3 us): a session shows the same token all evening.
    Memory: at most 65,536 tokens that were good are remembered, each with the
    monotonic moment of its end: a wall clock that is set meanwhile changes nothing.
    `turn` counts how often the keys changed.

    Threads: one event loop.

    Args:
        source: Returns the keys, at least one; asked again by `refresh`.

    Example:
        >>> from bijou.ports import Instant, VirtualClock
        >>> keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], VirtualClock(Instant(0)))
        >>> token = keys.sign(Grant("ast_1", expires_at_s=60, session="ses_1"))
        >>> token
        'k1.3c.ses_1..h.ast_1.UnefC1gtZ6uxA7aTaQ-s5w'
        >>> keys.check(token.encode(), "/media/ast_1/master.m3u8").session
        'ses_1'
    """

    def __init__(self, source: Callable[[], Sequence[TokenKey]], clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self.turn = 0
        self._keys: tuple[TokenKey, ...] = ()
        self._secrets: dict[str, bytes] = {}
        self._known: dict[bytes, tuple[int, str, Grant]] = {}
        self._sessions: dict[str, None] = {}
        self._monotonic_ns = clock.monotonic_ns
        self.refresh()

    def refresh(self) -> None:
        """Take up keys that were added, and believe no more in those that were taken away."""
        keys = tuple(self._source())
        if keys != self._keys:
            self._keys, self._secrets = keys, {key.id: key.secret for key in keys}
            self._known.clear()
            self._sessions.clear()
            self.turn += 1

    def expire(self, _now_ns: int) -> None:
        """Look for other keys, as part of looking at the time."""
        self.refresh()

    def sign(self, grant: Grant) -> str:
        """Return a token for a grant.

        Raises:
            InvalidRequest: `delivery.bad_grant`, scope or session could not stand in a path.
        """
        if not (
            _SCOPE.fullmatch(grant.scope)
            and _SESSION.fullmatch(grant.session)
            and _HOME.fullmatch(grant.home)
        ):
            raise InvalidRequest(
                "delivery.bad_grant",
                f"scope {grant.scope!r}, session {grant.session!r}, home {grant.home!r}: a scope is a folder "
                "under media/, a session at most 64 of A-Z a-z 0-9 _ and -, a home the name of a region",
            )
        key = self._keys[0]
        scope = grant.scope.replace("/", "~")
        text = f"{key.id}.{grant.expires_at_s:x}.{grant.session}.{grant.home}.{grant.route}.{scope}"
        return f"{text}.{_mac(key.secret, text)}"

    def seal(self, text: str, person: bytes) -> str:
        """Return a text with the signing key's name before it and its proof behind it.

        Args:
            person: What the text is for, at most 16 bytes: what is sealed for one
                thing is no proof of another.
        """
        key = self._keys[0]
        text = f"{key.id}.{text}"
        return f"{text}.{_mac(key.secret, text, person)}"

    def unseal(self, sealed: str, person: bytes) -> str | None:
        """Return what was sealed; None where no key of ours did."""
        text, _, mac = sealed.rpartition(".")
        name, _, content = text.partition(".")
        secret = self._secrets.get(name)
        if secret is None or not mac.isascii():
            return None
        return content if hmac.compare_digest(_mac(secret, text, person), mac) else None

    def note(self, session: str) -> None:
        """Remember a session that proved itself; the last 65,536 are."""
        if session and session not in self._sessions:
            if len(self._sessions) >= _REMEMBERED:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[session] = None

    def knows(self, session: str) -> bool:
        """Tell whether a session proved itself here, by a token or otherwise."""
        return session in self._sessions

    def check(self, token: bytes, path: str) -> Grant:
        """Return what a token allows, if that is this path, now.

        Raises:
            TokenRefused: `delivery.token_missing`, `delivery.token_forged`,
                `delivery.token_expired`, `delivery.token_scope`.
        """
        until_ns, prefix, grant = self._known.get(token) or self._read(token)
        if self._monotonic_ns() >= until_ns:
            raise TokenRefused("delivery.token_expired", "the token has expired; begin a new session")
        if not path.startswith(prefix):
            raise TokenRefused("delivery.token_scope", f"the token allows {prefix}… and not {path[:200]}")
        return grant

    def remembers(self, token: bytes, path: str, now_ns: int) -> bool:
        """Tell whether a token was good before, still is, and allows a path: `check` for what is asked again.

        Args:
            now_ns: Of the monotonic clock.
        """
        known = self._known.get(token)
        return known is not None and now_ns < known[0] and path.startswith(known[1])

    def _read(self, token: bytes) -> tuple[int, str, Grant]:
        if not token:
            raise TokenRefused("delivery.token_missing", "media need a token; a playback session brings it")
        text = token.decode("ascii", "replace") if len(token) <= _LONGEST else ""
        found = _TOKEN.fullmatch(text)
        secret = self._secrets.get(found["key"]) if found else None
        if found is None or secret is None or not _same(_mac(secret, text[: found.start("mac") - 1]), found):
            raise TokenRefused("delivery.token_forged", "the token is none of ours, or was changed")
        grant = Grant(
            found["scope"].replace("~", "/"),
            int(found["expires"], 16),
            found["session"],
            found["home"],
            _route(found["route"]),
        )
        left_us = grant.expires_at_s * 1_000_000 - self._clock.now()
        known = self._monotonic_ns() + left_us * 1000, grant.prefix, grant
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[token] = known
        self.note(grant.session)
        return known


def parse_keys(text: str) -> list[TokenKey]:
    """Read keys, one a line, as `id=64 hexadecimal digits`.

    Raises:
        InvalidRequest: `delivery.bad_token_key`; names the line, never the secret.
    """
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, secret = line.strip().partition("=")
        if not _KEY_ID.fullmatch(name) or not _SECRET.fullmatch(secret):
            rule = f"it is id={2 * SECRET_BYTES} hexadecimal digits, the id at most 16 of A-Z a-z 0-9 _ and -"
            raise InvalidRequest("delivery.bad_token_key", f"line {number} is no key of tokens; {rule}")
        keys.append(TokenKey(name, bytes.fromhex(secret)))
    if not keys or len({key.id for key in keys}) < len(keys):
        raise InvalidRequest("delivery.bad_token_key", "keys of tokens: at least one, and no id twice")
    return keys


def _mac(secret: bytes, text: str, person: bytes = _PERSON) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16, key=secret, person=person).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _same(mac: str, found: re.Match[str]) -> bool:
    return hmac.compare_digest(mac, found["mac"])


def _route(letter: str) -> Route:
    return Route(letter) if letter in set(Route) else Route.SESSION
