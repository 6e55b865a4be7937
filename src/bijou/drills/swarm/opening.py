"""How a viewer comes to its addresses: from a playlist as it is, or from a session of its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bijou.drills.swarm.line import NoAnswer, connect
from bijou.drills.swarm.pathways import base_of
from bijou.playback import Session
from bijou.ports import Clock
from bijou.runtime import codec

TITLE_PAGE: Final = "/t/"
_LONGEST_BODY: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one viewer starts with.

    Attributes:
        target: Address of its multivariant playlist, by its first pathway.
        bases: `http://host:port` of each pathway, the preferred first.
        steering: Address of its steering manifest, or empty.
        reports: Address that takes its reports, or empty.
    """

    session: str
    target: str
    bases: dict[str, str]
    steering: str = ""
    reports: str = ""


Opening = Callable[[int], Awaitable[Ticket]]
"""Gives the viewer of a number its ticket; raises NoAnswer where there is none to be had."""


def opening_of(target: str, clock: Clock, regions: Sequence[str] = ()) -> Opening:
    """Return how viewers begin at an address: a title's page, or a multivariant playlist.

    Args:
        target: `http://host/t/SLUG`: each viewer opens a session there; all
            else is taken for a playlist that everybody shares.
        regions: Whose edge comes first, in turn; empty: as the service has it.
    """
    path = urlsplit(target).path
    if not path.startswith(TITLE_PAGE):
        return _shared(target)
    return _sessions(base_of(target), path.removeprefix(TITLE_PAGE).strip("/"), clock, regions)


def ticket_of(session: Session) -> Ticket:
    """Return what a playback session gives a viewer."""
    return Ticket(
        session.id,
        session.pathways[0].hls,
        {way.id: base_of(way.hls) for way in session.pathways},
        session.steering,
        session.reports,
    )


def _shared(target: str) -> Opening:
    async def given(number: int) -> Ticket:
        return Ticket(f"swarm-{number:06}", target, {"": base_of(target)})

    return given


def _sessions(server: str, slug: str, clock: Clock, regions: Sequence[str]) -> Opening:
    async def opened(number: int) -> Ticket:
        region = regions[number % len(regions)] if regions else ""
        path = f"/api/titles/{slug}/playback" + (f"?region={region}" if region else "")
        line = await connect(server, lambda: clock.monotonic_ns() / 1e9)
        try:
            got = await line.post(path, b"", "application/json", keep=True)
        finally:
            line.close()
        if got.status != 200:
            raise NoAnswer(f"{path} answered {got.status}")
        return ticket_of(codec.decode(got.body[:_LONGEST_BODY], Session))

    return opened
