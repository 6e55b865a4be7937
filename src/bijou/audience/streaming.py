"""Updates between batches over a wire: taken at once, visible within seconds."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bijou.audience.batches import FeatureSource, Reject
from bijou.audience.orders import RejectedUpdate, UpdatesTaken
from bijou.audience.turns import Turns
from bijou.ports import BijouError, Clock, Conflict, Instant, InvalidRequest
from bijou.runtime.logs import get_logger

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

APPLY_EVERY_S: Final = 10.0
MAX_ROWS: Final = 10_000
MAX_BYTES: Final = 1 << 20
_EARLY_S: Final = 86_400
_SHARE: Final = 0.05
_MOST_ALIKE: Final = 64

_log = get_logger()


class Updates:
    """Takes a few users' cells at a time, and applies what came every ten seconds.

    Where applying takes long (many users, many audiences) it is done less
    often, so that it costs at most a twentieth of a core.

    Threads: one event loop.

    Args:
        folder: Of the audiences.
        source_of: Makes rows a source, each with `user` and `updated_at`.
    """

    def __init__(
        self,
        folder: Path,
        turns: Turns,
        source_of: Callable[[list[dict[str, Any]]], FeatureSource],
        clock: Clock,
        *,
        every_s: float = APPLY_EVERY_S,
    ) -> None:
        self._turns, self._source_of, self._clock = turns, source_of, clock
        self._every_s = every_s
        self._took_s = 0.0
        self._came = asyncio.Event()
        if (folder / "incoming").is_dir():  # of an earlier process: waiting, or not built
            self._came.set()

    async def take(self, lines: bytes) -> UpdatesTaken:
        """Take updates, a JSON object a line; what is said to be taken is on disk.

        Every row says when it became true (`updated_at`), so that a row that is
        sent again, or late, changes nothing that is newer.

        Raises:
            InvalidRequest: `audience.bad_updates`, it is no such lines, or too
                many, or of too many sets of columns; `audience.bad_file`, a
                column is none of the registry's.
        """
        rows, numbers, rejected = self._read(lines)
        taken = 0
        if rows:
            alike = _alike(rows)
            if len(alike) > _MOST_ALIKE:
                raise _bad(
                    f"its rows have {len(alike):,} different sets of columns, and at most {_MOST_ALIKE} are"
                    " taken at once; send them in several requests, or as a batch"
                )
            sources = [self._source_of([rows[place] for place in places]) for places in alike]
            taken, bad = await self._turns.change(lambda audiences: _take(audiences, sources))
            rejected += [
                RejectedUpdate(numbers[places[each.row - 1]], each.column, each.value, each.rule)
                for places, rejects in zip(alike, bad, strict=True)
                for each in rejects
            ]
            self._came.set()
        return UpdatesTaken(
            taken, sorted(rejected, key=lambda each: each.row), self._interval_s() + self._took_s
        )

    async def keep_applying(self) -> None:
        """Apply what was taken, again and again, until cancelled."""
        while True:
            await self._came.wait()
            await self._clock.sleep(self._interval_s())
            self._came.clear()
            try:
                await self.apply()
            except Conflict:  # a batch is being brought in
                self._came.set()
            except BijouError as error:
                _log.warning("audience.updates_wait", code=error.code, detail=error.detail)
                self._came.set()
            except Exception:  # noqa: BLE001 - whatever it is, the next updates are applied all the same
                _log.exception("audience.updates_wait")

    async def apply(self) -> int:
        """Make what was taken visible in features, audiences and profiles; return how many users."""
        began_ns = self._clock.monotonic_ns()

        def work(audiences: "AudienceService") -> int:
            if audiences.is_sharded:
                return 0
            users = audiences.updates.apply()
            if (users or audiences.has_unbuilt_updates()) and audiences.definitions():
                audiences.build()
            return users

        users = await self._turns.change(work)
        self._took_s = (self._clock.monotonic_ns() - began_ns) / 1e9
        return users

    def _interval_s(self) -> float:
        return max(self._every_s, self._took_s / _SHARE)

    def _read(self, lines: bytes) -> tuple[list[dict[str, Any]], list[int], list[RejectedUpdate]]:
        """Return the rows that can be looked at, their numbers, and those that cannot."""
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        rejected: list[RejectedUpdate] = []
        latest_s = self._clock.now() // 1_000_000 + _EARLY_S
        for number, line in enumerate(filter(None, map(bytes.strip, lines.split(b"\n"))), 1):
            if number > MAX_ROWS:
                raise _bad(f"over {MAX_ROWS:,} lines; send them in several requests, or as a batch")
            row, problem = _row(line, latest_s)
            if problem is None:
                rows.append(row)
                numbers.append(number)
            else:
                rejected.append(msgspec.structs.replace(problem, row=number))
        if not rows and not rejected:
            raise _bad("there is no line; each is one user's JSON object")
        return rows, numbers, rejected


def _alike(rows: list[dict[str, Any]]) -> list[list[int]]:
    """Return the places of rows, those together that have the same columns."""
    found: dict[frozenset[str], list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(frozenset(row), []).append(place)
    return list(found.values())


def _take(audiences: "AudienceService", sources: list[FeatureSource]) -> tuple[int, list[list[Reject]]]:
    if audiences.is_sharded:
        raise Conflict(
            "audience.sharded",
            "users are in shards, which take no updates between batches; send a batch",
        )
    return audiences.updates.take(sources)


def _row(line: bytes, latest_s: int) -> tuple[dict[str, Any], RejectedUpdate | None]:
    try:
        row = msgspec.json.decode(line, type=dict[str, str | int | float | bool | list[str] | None])
    except msgspec.MsgspecError as error:
        return {}, RejectedUpdate(0, "", "", f"a line is one JSON object of plain values: {error}")
    if not isinstance(row.get("user"), str) or not row["user"]:
        return {}, RejectedUpdate(0, "user", "", "each row names its user")
    moment = row.get("updated_at")
    at_s = _seconds(moment)
    if at_s is None or not 0 < at_s <= latest_s:
        rule = "RFC 3339 or seconds since 1970, by which the row became true, and not in the future"
        return {}, RejectedUpdate(0, "updated_at", str(moment)[:40], rule)
    return {**row, "updated_at": at_s}, None


def _seconds(moment: object) -> int | None:
    if isinstance(moment, int) and not isinstance(moment, bool):
        return moment
    try:
        return Instant.parse(moment) // 1_000_000 if isinstance(moment, str) else None
    except ValueError:
        return None


def _bad(problem: str) -> InvalidRequest:
    return InvalidRequest("audience.bad_updates", f"the updates cannot be taken: {problem}")
