"""Batches that are ordered: their bytes come, they are brought in, one after another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from bijou.audience.orders import UPDATES, BatchState, NewBatch, Phase, check_new
from bijou.audience.shown import Forgotten
from bijou.audience.turns import Turns
from bijou.audience.uploads_kept import (
    Order,
    OrderBook,
    check_same,
    has_bytes_in_vain,
    is_due,
    is_refused,
    taken,
)
from bijou.audience.uploads_outside import Bringing, Uploads
from bijou.audience.uploads_progress import Heard, Progress, of_report, with_report
from bijou.ports import (
    BijouError,
    Clock,
    Conflict,
    EngineUnavailable,
    NotFound,
    Overloaded,
)
from bijou.runtime.logs import get_logger

_MOST_ORDERS: Final = 100
_SHOWN_REPORTS: Final = 100
_ATTEMPTS: Final = 3
_AGAIN_S: Final = 0.5
_TROUBLE_S: Final = 10.0

_log = get_logger()


class Batches:
    """Orders of batches in a folder, brought in one after another.

    An order is on disk before it is answered, and bytes are where `Uploads`
    keeps them; so whatever is killed, `keep_going` goes on: with an upload at
    its offset, with a batch after its last chunk.

    Threads: one event loop.

    Args:
        folder: Of the audiences.
        fetch: Makes a blob, or `s3://bucket/key`, a local file.
        bringing: Brings one batch in.
    """

    def __init__(
        self,
        folder: Path,
        turns: Turns,
        uploads: Uploads,
        fetch: Callable[[str, Path], Awaitable[None]],
        bringing: Bringing,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._turns, self._uploads, self._fetch, self._bringing = turns, uploads, fetch, bringing
        self._clock = clock
        self._book = OrderBook(folder / "orders")
        self._wake = asyncio.Event()
        self._gate = asyncio.Lock()
        self._ordering = asyncio.Lock()
        self._current = ""
        self._work: asyncio.Task[None] | None = None
        self._progress: dict[str, Progress] = {}

    async def order(self, new: NewBatch, *, author: str = "") -> BatchState:
        """Have a batch brought in; said again, it tells how far it is.

        Raises:
            InvalidRequest: `audience.bad_batch`; of its file, what `Uploads` says.
            Conflict: `audience.batch_taken`, the id stands for another batch.
            Overloaded: `audience.too_many_batches`.
        """
        check_new(new)
        if new.id.startswith(UPDATES):
            raise taken(new.id, f"ids that begin with {UPDATES!r} are those of updates between batches")
        async with self._ordering:  # of two who say the same at once, the second is told of the first
            return await self._ordered(new, author)

    async def _ordered(self, new: NewBatch, author: str) -> BatchState:
        known = self._book.get(new.id)
        if known is not None and not is_refused(known):
            check_same(known.new, new)
            if known.problem is not None:
                known = self._book.keep(msgspec.structs.replace(known, problem=None))
                self._wake.set()
            return _said_again(await self._state(known))
        report = await self._turns.ask(lambda audiences: audiences.reports().get(new.id))
        if report is not None and report.state != "refused":
            if new.sha256 and new.sha256 != report.fingerprint:
                raise taken(new.id, f"it was applied at {report.applied_at.rfc3339()} with other content")
            return _said_again(of_report(report))
        return await self._state(await self._begin(new, author))

    async def batches(self) -> list[BatchState]:
        """Return all batches that are ordered, and the last hundred that are done, the newest first."""
        reports = await self._turns.ask(lambda audiences: audiences.reports())
        states = [await self._state(order) for order in self._book.all()]
        known = {state.id for state in states}
        others = [each for each in reports.values() if each.id not in known]
        done = sorted(others, key=lambda report: report.applied_at)[-_SHOWN_REPORTS:]
        states += [of_report(each) for each in done if not each.id.startswith(UPDATES)]
        return sorted(states, key=lambda state: state.ordered_at, reverse=True)

    async def batch(self, batch_id: str) -> BatchState:
        """Return one batch; NotFound `audience.no_batch`."""
        order = self._book.get(batch_id)
        if order is not None:
            return await self._state(order)
        report = await self._turns.ask(lambda audiences: audiences.reports().get(batch_id))
        if report is None:
            raise NotFound("audience.no_batch", f"there is no batch {batch_id[:100]!r}")
        return of_report(report)

    async def call_off(self, batch_id: str) -> None:
        """Forget a batch that is not done yet, and all of its bytes.

        A batch that is being brought in stands still meanwhile.

        Raises:
            NotFound: `audience.no_batch`.
            Conflict: `audience.batch_done`; `audience.busy`, somebody else
                writes features; it is as it was then.
        """
        state = await self.batch(batch_id)
        if state.phase is Phase.DONE:
            raise _done(batch_id)
        async with self._standing_still():
            order = self._book.get(batch_id)
            if order is None:
                return
            report = await self._turns.ask(lambda audiences: audiences.reports().get(batch_id))
            if report is not None and report.state != "refused":  # stopped before it could say so
                raise _done(batch_id)
            await self._turns.change(lambda audiences: audiences.discard(batch_id))
            await self._let_go(order)
            self._book.drop(batch_id)  # last: an order that is gone is asked for no bytes
            self._progress.pop(batch_id, None)

    async def arrived(self, upload_id: str, file: Path) -> str:
        """Take note that all bytes of an upload are here; return the id of its batch.

        Raises:
            NotFound: `audience.no_batch`, it was called off.
        """
        order = self._book.of_upload(upload_id)
        if order is None:
            raise NotFound("audience.no_batch", f"no batch waits for the bytes of {upload_id}")
        if not order.file and not order.is_over:
            self._book.keep(msgspec.structs.replace(order, file=str(file.relative_to(self._folder))))
            self._wake.set()
        return order.id

    async def forget(self, user: str) -> Forgotten:
        """Delete a person, and keep them out of what comes of files that are on their way.

        A batch that is being brought in stands still meanwhile.
        """
        async with self._standing_still():
            hash_ = await self._turns.ask(lambda audiences: audiences.store.hasher.one(user))
            waiting = self._book.keep_out(hash_)
            certificate = await self._turns.change(lambda audiences: audiences.forget(user))
        return msgspec.structs.replace(certificate, waiting=waiting)

    async def keep_going(self) -> None:
        """Bring in what is ordered, one after another, until cancelled."""
        failures: dict[str, int] = {}
        while True:
            self._wake.clear()
            try:
                has_worked = await self._go_on(failures)
            except Exception:  # noqa: BLE001 - such as a full volume: orders cannot be kept, and wait
                _log.exception("audience.batches_wait")
                await self._clock.sleep(_TROUBLE_S)
                continue
            if not has_worked:
                await self._wake.wait()

    async def _go_on(self, failures: dict[str, int]) -> bool:
        """Delete what is in vain, and bring one batch in; False where none is due."""
        for order in filter(has_bytes_in_vain, self._book.all()):  # whoever was to end it was killed there
            await self._end(order)
        await asyncio.to_thread(self._sweep, {self._folder / order.file for order in self._book.all()})
        due = next(filter(is_due, self._book.all()), None)
        if due is None:
            return False
        try:
            await self._bring_in(due, failures)
        except BijouError as error:
            await self._refuse(due.id, error)
        except Exception:  # noqa: BLE001 - one batch's trouble, which those behind it must not have
            _log.exception("audience.batch_crashed", batch=due.id)
            await self._refuse(due.id, _died(due.id))
        return True

    def _sweep(self, kept: set[Path]) -> None:
        """Delete what a fetch left that was killed or called off on its way."""
        for path in (self._folder / "sources").glob("*"):
            if path not in kept:
                path.unlink(missing_ok=True)

    async def _begin(self, new: NewBatch, author: str) -> Order:
        on_their_way = sum(not order.is_over or bool(order.file) for order in self._book.all())
        if on_their_way >= _MOST_ORDERS:
            raise Overloaded(
                "audience.too_many_batches",
                f"{on_their_way} batches are on their way; at most {_MOST_ORDERS} are: wait for one, or call"
                " one off",
            )
        before = self._book.get(new.id)
        if before is not None:
            await self._let_go(before)
        now = self._clock.now()
        upload = await self._uploads.open(new.filename, new.size_bytes, author) if new.filename else ""
        order = self._book.keep(Order(new, new.event_at or now, now, author, upload))
        self._wake.set()
        return order

    async def _bring_in(self, order: Order, failures: dict[str, int]) -> None:
        async with self._gate:
            current = self._book.get(order.id)
            if current is None or not is_due(current):
                return
            self._current = order.id
            progress = self._progress[order.id] = Progress(self._clock)
            self._work = asyncio.create_task(self._fetched_and_brought_in(current, progress))
            try:
                await asyncio.wait([self._work])
            finally:
                self._work.cancel()
                await asyncio.wait([self._work])
                self._current = ""
            if self._work.cancelled():  # it is to stand still for a moment
                return
            self._work.result()
        await self._settle(order.id, progress.heard, failures)

    async def _fetched_and_brought_in(self, order: Order, progress: Progress) -> None:
        if not order.file:
            file = self._folder / "sources" / order.id
            file.parent.mkdir(exist_ok=True, mode=0o700)
            file.unlink(missing_ok=True)
            await self._fetch(order.new.source, file)
            name = str(file.relative_to(self._folder))
            self._book.keep(msgspec.structs.replace(self._book.get(order.id) or order, file=name))
        await self._bringing(self._book.place(order.id), progress.hear)

    async def _settle(self, batch_id: str, heard: Heard, failures: dict[str, int]) -> None:
        """Keep what came of a batch; where nobody said, try again."""
        problem = heard.problem
        if problem is not None and problem.code == "runtime.data_dir_held":
            await self._clock.sleep(_AGAIN_S)  # features are being written by somebody else
            return
        order = self._book.get(batch_id)
        if order is None:
            return
        if heard.report is not None:
            failures.pop(batch_id, None)
            self._progress.pop(batch_id, None)
            await self._end(msgspec.structs.replace(order, report=heard.report, forgotten=[]))
        elif problem is not None:
            await self._refuse(batch_id, BijouError.from_problem(problem))
        else:
            failures[batch_id] = failures.get(batch_id, 0) + 1
            if failures[batch_id] >= _ATTEMPTS:
                del failures[batch_id]
                raise _died(batch_id)
            await self._clock.sleep(_AGAIN_S)

    async def _refuse(self, batch_id: str, error: BijouError) -> None:
        order = self._book.get(batch_id)
        if order is not None and order.report is None:
            _log.warning("audience.batch_refused", batch=batch_id, code=error.code)
            await self._end(msgspec.structs.replace(order, problem=error.problem()))

    async def _end(self, order: Order) -> None:
        """Keep what came of a batch, and then nothing of its bytes; it is told as over only after that."""
        self._book.keep(order)
        if has_bytes_in_vain(order):
            await self._let_go(order)
            if self._book.get(order.id) == order:  # or its id is another batch's by now
                self._book.keep(msgspec.structs.replace(order, file="", upload="", forgotten=[]))

    async def _let_go(self, order: Order) -> None:
        """Delete the bytes of an order: they name people."""
        if order.upload:
            await self._uploads.release(order.upload)
        elif order.file:
            await asyncio.to_thread((self._folder / order.file).unlink, missing_ok=True)

    @contextlib.asynccontextmanager
    async def _standing_still(self) -> AsyncIterator[None]:
        """Hold the gate; a batch that is being brought in is stopped, and goes on afterwards."""
        if self._current and self._work is not None:
            self._work.cancel()
        async with self._gate:
            yield
        self._wake.set()

    async def _state(self, order: Order) -> BatchState:
        new, progress = order.new, self._progress.get(order.id)
        state = BatchState(
            order.id,
            Phase.WAITING,
            new.filename or new.source,
            new.mode,
            new.policy,
            order.event_at,
            order.ordered_at,
            order.author,
            order.upload,
            new.size_bytes,
            new.size_bytes,
        )
        if has_bytes_in_vain(order):
            return msgspec.structs.replace(state, phase=Phase.COMMITTING)
        if order.report is not None:
            return with_report(state, order.report)
        if order.problem is not None:
            return await self._refused(order, progress.told(state) if progress else state)
        if order.file:
            return progress.told(state) if progress and order.id == self._current else state
        if order.upload:
            return await self._receiving(order, state)
        return msgspec.structs.replace(state, phase=Phase.FETCHING)

    async def _refused(self, order: Order, state: BatchState) -> BatchState:
        has_rejects = await self._turns.ask(lambda audiences: audiences.has_rejects(order.id))
        return msgspec.structs.replace(
            state, phase=Phase.REFUSED, problem=order.problem, has_rejects=has_rejects, left_s=None
        )

    async def _receiving(self, order: Order, state: BatchState) -> BatchState:
        try:
            received = await self._uploads.received_bytes(order.upload)
        except NotFound as gone:
            current = self._book.get(order.id)
            if current is None or current.file:  # its last bytes came meanwhile
                return state
            await self._refuse(order.id, gone)
            return msgspec.structs.replace(
                state, phase=Phase.REFUSED, problem=gone.problem(), received_bytes=0
            )
        return msgspec.structs.replace(state, phase=Phase.RECEIVING, received_bytes=received)


def _said_again(state: BatchState) -> BatchState:
    report = state.report and msgspec.structs.replace(state.report, repeated=True)
    return msgspec.structs.replace(state, report=report)


def _done(batch_id: str) -> Conflict:
    return Conflict(
        "audience.batch_done", f"batch {batch_id} was applied; its rows stay until newer ones come"
    )


def _died(batch_id: str) -> EngineUnavailable:
    return EngineUnavailable(
        "audience.batch_died",
        f"the process that brought batch {batch_id} in ended {_ATTEMPTS} times without a word; nothing was"
        " applied; order it again to go on where it was",
    )
