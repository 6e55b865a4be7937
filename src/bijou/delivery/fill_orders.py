"""What is wished of a fill, what is decided, and how far it is: the words of `/fill`."""

from typing import Final

import msgspec

from bijou.ports import Instant

FILL_PATH: Final = "/fill"
HISTORY_PATH: Final = "/fill/history"
ORDER_BYTES: Final = 4096


class FillWish(msgspec.Struct, frozen=True):
    """An order to fill: plan by what was asked for until now, and carry it out.

    Args:
        made_at: What is older than the order in force is refused.
        for_s: Seconds from now in which to fetch, whatever the demand; 0: when it is quiet.
        rate_bps: 0: the edge's own.
        tries: Whether only to say what would be done.
    """

    made_at: Instant
    for_s: int = 0
    rate_bps: int = 0
    tries: bool = False


class Wanted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One object that is to be on the filled part of a disk."""

    path: str
    size_bytes: int


class FillOrder(msgspec.Struct, frozen=True):
    """What the filled part is to hold, and when it may be fetched.

    Args:
        made_at_s: Unix seconds.
        windows: [from, until) in Unix seconds, in order.
        wanted: The most worthy first, what is held already among them.
    """

    made_at_s: float
    rate_bps: int
    windows: list[tuple[int, int]]
    wanted: list[Wanted]


class FillSummary(msgspec.Struct, frozen=True):
    """A plan in figures.

    Args:
        objects: That are to be held.
        fetches: Of those that are not yet, as many as the windows have time for.
        left_out: Those for which there is none.
        titles: How many are among them, and how many there are.
        expected_share: Of the bytes to be asked for on the coming day, the busy hours counting
            more, those that the filled part would hold.
    """

    region: str
    made_at_s: float
    carried_out: bool
    rate_bps: int
    windows: list[tuple[int, int]]
    objects: int
    object_bytes: int
    fetches: int
    fetch_bytes: int
    left_out: int
    titles: tuple[int, int]
    expected_share: float


class FillStanding(msgspec.Struct, frozen=True):
    """How far an edge is.

    Args:
        state: `watching` (no plan yet), `waiting` for a window, `filling`, `paused`, or `done`.
        why: Of a pause.
        wanted: Objects of the order in force.
        here: Of them, those that are held.
        fetched: Objects that were fetched ahead since the start.
        gone: Objects that the origin no longer has.
        held: Objects on the filled part, wanted or not.
        hits: Times that the filled part was read for viewers since the start.
        windows: Of the order, those that have not ended.
        watched_since_s: From when on requests were counted.
        titles_seen: That were begun here in the last two weeks.
    """

    region: str
    state: str
    why: str
    order_at_s: float
    next_plan_s: float
    rate_bps: int
    windows: list[tuple[int, int]]
    wanted: int
    wanted_bytes: int
    here: int
    here_bytes: int
    fetched: int
    fetched_bytes: int
    gone: int
    held: int
    held_bytes: int
    capacity_bytes: int
    hits: int
    hit_bytes: int
    watched_since_s: float
    titles_seen: int
