"""Whole answers that lie ready: what many ask for, in words that were read before."""

from collections.abc import Callable
from typing import Final

import msgspec

from bijou.delivery.answers import Answer
from bijou.delivery.cached import Cached
from bijou.delivery.model import begins_a_session
from bijou.delivery.tally import Tally
from bijou.delivery.tokens import TOKEN_PARAMETER, TokenKeys

LARGEST_BYTES: Final = 128 * 1024
"""Longest body that lies ready: it is copied once a second, and lies in memory twice."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of all that lies ready together, beside the memory for objects."""

_TOKEN: Final = f"?{TOKEN_PARAMETER}=".encode()


class _Made(msgspec.Struct, frozen=True, gc=False):
    """One answer, and until when its Age and its object are as they say."""

    cached: Cached
    whole: bytes
    until_ns: int


class Ready:
    """Answers to GET for small objects in memory, each made once a second for all who ask.

    A question is answered here only where all of it is known: its target is one
    that was answered before, to the byte, and its token is remembered as good.
    So nothing is left to be read, and whoever asks otherwise is answered the
    long way, with the same bytes.

    Cost: 1 us; reading, checking and answering the long way costs 9.
    Threads: one event loop.

    Args:
        find: Returns an object in memory, and counts for its policy that it was asked for.
        keys: Of the tokens that requests must show; None: everybody is let in.
        steers: Answers what is asked of steering again; None: there is none.
    """

    def __init__(
        self,
        find: Callable[[str], Cached | None],
        keys: TokenKeys | None,
        tally: Tally,
        steers: Callable[[bytes], Answer | None] | None = None,
    ) -> None:
        self._find = find
        self._keys = keys
        self._tally = tally
        self._steers = steers
        self._made: dict[bytes, _Made] = {}
        self._bytes = 0

    def answer(self, asked: bytes, now_ns: int) -> bytes | None:
        """Return the answer to `GET target` where it lies ready, and count it."""
        target, _, token = asked.partition(_TOKEN)
        made = self._made.get(target)
        if made is None or now_ns >= made.until_ns:
            return self._steered(asked)
        cached, keys = made.cached, self._keys
        path = cached.representation.path
        if token if keys is None else not keys.remembers(token, path, now_ns):
            return None
        if self._find(path) is not cached:
            return None
        tally = self._tally
        tally.hits += 1
        tally.hit_bytes += cached.representation.size_bytes
        return made.whole

    def _steered(self, asked: bytes) -> bytes | None:
        answer = None if self._steers is None else self._steers(asked)
        if answer is None:
            return None
        self._tally.count(answer, answer.size_bytes)
        return answer.whole()

    def keep(self, cached: Cached, head: bytes, age_s: int) -> None:
        """Have the whole answer ready until the next second of its age.

        What begins a session is not kept: it is refused when the edge is nearly full.
        """
        path, body = cached.representation.path, cached.body
        if len(body) > LARGEST_BYTES or begins_a_session(path):
            return
        target = b"GET " + path.encode()
        until_ns = cached.filled_ns + (age_s + 1) * 1_000_000_000
        if cached.until_ns is not None:
            until_ns = min(until_ns, cached.until_ns)
        last = self._made.pop(target, None)
        made = _Made(cached, b"".join((head, b"\r\n", body)), until_ns)
        self._made[target] = made
        self._bytes += len(made.whole) - (len(last.whole) if last else 0)
        while self._bytes > MOST_BYTES:
            self._bytes -= len(self._made.pop(next(iter(self._made))).whole)
