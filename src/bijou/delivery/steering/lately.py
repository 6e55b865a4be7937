"""What sessions were told lately, for as long as nothing has changed."""

from typing import Final

import msgspec

from bijou.ports import Instant

_MOST: Final = 32_768


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one session was told.

    Args:
        current: Pathway that it said it uses.
        ends_at: When the session is steered no more.
        content: The manifest as sent.
    """

    session: str
    current: str
    ends_at: Instant
    content: bytes


class Lately:
    """The last answers, by the state that asked.

    A player asks the same every few seconds, and is told the same until a
    pathway, a key or its own standing changes.

    Memory: at most 32,768 answers of about 1.4 KB.
    """

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}
        self._turn = 0

    def find(self, state: str, current: str, turn: int, now: Instant) -> Said | None:
        """Return what was said, if the same would be said now.

        Args:
            turn: Another number whenever something changed for all.
        """
        if turn != self._turn:
            self._said.clear()
            self._turn = turn
            return None
        said = self._said.get(state)
        return said if said is not None and said.current == current and now < said.ends_at else None

    def keep(self, state: str, said: Said) -> None:
        """Remember an answer; the oldest goes where they are too many."""
        if len(self._said) >= _MOST:
            del self._said[next(iter(self._said))]
        self._said[state] = said
