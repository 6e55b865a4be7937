"""Keeps a service's processes running, and leaves none behind.

Each child leads a session of its own. A dead or frozen one is replaced; what it
left in its group is killed first, or a surviving worker would hold its port and
answer for it. Children die with the supervisor, however it dies (Linux).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from bijou.ports import Clock, EngineUnavailable, Instant
from bijou.runtime.lifecycle import SUPERVISED
from bijou.runtime.lockfile import hold
from bijou.runtime.logfile import LogFile, LoggedTail
from bijou.runtime.logs import get_logger
from bijou.runtime.pipes import drain
from bijou.runtime.probe import ask_health, obstacle, waited_ns
from bijou.runtime.processes import ProcessGroup
from bijou.runtime.race import first
from bijou.runtime.vigil import Pace, Vigil

__all__ = ["Child", "ChildStatus", "Pace", "Statistics", "Supervisor", "hold"]

_DRAIN_S = 0.1

_log = get_logger()


class Child(Struct, frozen=True, kw_only=True):
    """A service's process that is to be kept running.

    Args:
        name: Unique; also the name of its log file.
        argv: Its command.
        health: Host and port where it answers `GET /healthz`; it must listen there itself.
        env: Added to the supervisor's environment.
    """

    name: str
    argv: tuple[str, ...]
    health: tuple[str, int]
    env: Mapping[str, str] = msgspec.field(default_factory=dict)


class ChildStatus(Struct, frozen=True, kw_only=True):
    """How one child is.

    Args:
        address: Where it listens, as a URL.
        since_at: When `healthy` last changed.
        pid: 0 while it does not run.
        last_words: The end of what the present run, or the one before it, wrote to standard error.
    """

    name: str
    healthy: bool
    address: str
    since_at: Instant
    restarts: int
    pid: int
    last_words: str


class Statistics(Struct, frozen=True):
    """All children in three numbers."""

    children: int
    healthy: int
    restarts: int


class Supervisor:
    """Starts children, watches their health, restarts them, ends them all.

    Threads: one event loop, of the main thread: children die with the thread.

    Args:
        children: Whom to keep; their names and addresses differ.
        logs_dir: Folder for what they write to standard output and error,
            `<name>.log`, two files of 10 MB each; None: not kept.
        on_change: Called with the status of all, whenever one's changes.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        clock: Clock,
        chance: Random,
        logs_dir: Path | None = None,
        on_change: Callable[[list[ChildStatus]], None] | None = None,
        pace: Pace = Pace(),  # noqa: B008 - immutable
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._pace = pace
        self._on_change = on_change
        self._wards = [_Ward(child, Vigil(pace), logs_dir, clock.now()) for child in children]
        self._all_healthy = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the children until `stop` is set, then end them within a second.

        Raises:
            EngineUnavailable: `runtime.child_failed`, one was never healthy in
                all its tries; the text has its last words. The others are ended too.
        """
        keepers = [asyncio.create_task(self._keep(ward), name=ward.child.name) for ward in self._wards]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *keepers):
                task.cancel()
            await self._end_all()
            await asyncio.gather(stopping, *keepers, return_exceptions=True)
            self._over.set()
        for task in done - {stopping}:
            await task

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once all children are healthy at the same time.

        Raises:
            EngineUnavailable: `runtime.not_ready`, they are not after
                `timeout_s` seconds, or the supervisor ended before they were.
        """
        healthy = asyncio.ensure_future(self._all_healthy.wait())
        over = asyncio.ensure_future(self._over.wait())
        patience = asyncio.ensure_future(self._clock.sleep(timeout_s))
        try:
            await first(healthy, over, patience)
        finally:
            for waiting in (healthy, over, patience):
                waiting.cancel()
        if not self._all_healthy.is_set():
            why = "the supervisor ended" if self._over.is_set() else f"{timeout_s:g} s passed"
            late = "; ".join(
                f"{ward.child.name}: {ward.sentence}" for ward in self._wards if not ward.vigil.healthy
            )
            raise EngineUnavailable("runtime.not_ready", f"{why} before all services were healthy ({late})")

    def status(self) -> list[ChildStatus]:
        """Return how each child is, in the order given."""
        return [ward.status() for ward in self._wards]

    def statistics(self) -> Statistics:
        """Return all children in three numbers."""
        vigils = [ward.vigil for ward in self._wards]
        return Statistics(len(vigils), sum(v.healthy for v in vigils), sum(v.restarts for v in vigils))

    async def _keep(self, ward: "_Ward") -> None:
        while True:
            how = await self._one_run(ward)
            delay_s = ward.vigil.ended(self._chance)
            self._note(ward)
            _log.warning(
                "child.ended",
                child=ward.child.name,
                how=how,
                last_words=ward.sentence,
                again_in_s=round(delay_s, 3),
            )
            if ward.vigil.hopeless:
                raise EngineUnavailable(
                    "runtime.child_failed",
                    f"{ward.child.name} did not start in {self._pace.tries} tries ({how}): {ward.sentence}",
                )
            await self._clock.sleep(delay_s)

    async def _one_run(self, ward: "_Ward") -> str:
        """Start the child and watch it to its end; return how it ended."""
        if why := await self._obstacle(ward):
            ward.words = f"{why}; stop what is there, or configure another address"
            return "not started"
        try:
            group = await ward.start()
        except (OSError, subprocess.SubprocessError) as error:
            ward.words = f"its command cannot be run: {error}"
            return "not started"
        self._note(ward)
        watching = asyncio.create_task(self._watch(ward))
        try:
            await first(watching, group.exited)
        finally:
            watching.cancel()
        frozen = not group.exited.done()
        group.kill()
        ended = await asyncio.shield(group.exited)
        await ward.stopped(self._clock)
        return "frozen, killed" if frozen else str(ended)

    async def _watch(self, ward: "_Ward") -> None:
        """Probe until the child is found frozen."""
        while not ward.vigil.frozen:
            await self._clock.sleep(ward.vigil.probe_in_s)
            pid, since_ns = ward.pid, self._clock.monotonic_ns()
            before_ns = waited_ns(pid)
            answer = await ask_health(*ward.child.health, timeout_s=self._pace.timeout_s)
            now_ns = self._clock.monotonic_ns()
            waited = (waited_ns(pid) - before_ns) / max(1, now_ns - since_ns)
            ward.vigil.heard(answer, now_ns, waited=waited)
            self._note(ward)

    async def _obstacle(self, ward: "_Ward") -> str:
        """Why the child could not listen; what its last run left has a moment to let go of the port."""
        patience_s = self._pace.port_s if ward.ran else 0.0
        patient_until_ns = self._clock.monotonic_ns() + int(patience_s * 1e9)
        while (why := obstacle(*ward.child.health)) and self._clock.monotonic_ns() < patient_until_ns:
            await self._clock.sleep(0.02)
        return why

    def _note(self, ward: "_Ward") -> None:
        if not ward.changed(self._clock.now()):
            return
        if all(each.vigil.healthy for each in self._wards):
            self._all_healthy.set()
        else:
            self._all_healthy.clear()
        if self._on_change:
            self._on_change(self.status())

    async def _end_all(self) -> None:
        groups = [ward.group for ward in self._wards if ward.group]
        for group in groups:
            group.signal(signal.SIGTERM)
            group.signal(signal.SIGCONT)
        all_gone = asyncio.gather(*(group.exited for group in groups))
        patience = asyncio.ensure_future(self._clock.sleep(self._pace.grace_s))
        with contextlib.suppress(asyncio.CancelledError):  # whoever lost patience gets the kill below
            await first(all_gone, patience)
        patience.cancel()
        for group in groups:
            group.kill()
        await asyncio.shield(all_gone)
        for ward in self._wards:
            await ward.close(self._clock)


class _Ward:
    """One child, its present process and what is known of it."""

    def __init__(self, child: Child, vigil: Vigil, logs_dir: Path | None, now: Instant) -> None:
        self.child = child
        self.vigil = vigil
        self.group: ProcessGroup | None = None
        self.words = ""
        self.ran = False
        self._log = LogFile(logs_dir / f"{child.name}.log") if logs_dir else None
        self._tail: LoggedTail | None = None
        self._since_at = now
        self._noted = (False, 0, 0)

    async def start(self) -> ProcessGroup:
        environment = os.environ | dict(self.child.env) | {SUPERVISED: str(os.getpid())}
        self.group = ProcessGroup(
            self.child.argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.ran = True
        self._tail = LoggedTail(self._log)
        await self._tail.attach(self.group.stdout)
        return self.group

    async def stopped(self, clock: Clock) -> None:
        if self._tail:
            await drain([self._tail], clock, patience_s=_DRAIN_S)
            self.words = self._tail.text()
            self._tail.close()
            self._tail = None
        self.group = None

    async def close(self, clock: Clock) -> None:
        await self.stopped(clock)
        if self._log:
            self._log.close()

    @property
    def sentence(self) -> str:
        """Its last words' last line; of a log line only what it says."""
        lines = self._last_words().strip().splitlines()
        if not lines:
            return "it said nothing"
        try:
            facts = msgspec.json.decode(lines[-1], type=dict[str, object])
        except msgspec.DecodeError:
            return lines[-1]
        trace = str(facts.get("exception", "")).strip().splitlines()
        return str(facts.get("detail") or (trace and trace[-1]) or facts.get("event") or lines[-1])

    def changed(self, now: Instant) -> bool:
        """Whether anything that a status shows differs from the last time asked."""
        seen = (self.vigil.healthy, self.vigil.restarts, self.pid)
        if seen[0] != self._noted[0]:
            self._since_at = now
        changed, self._noted = seen != self._noted, seen
        return changed

    def status(self) -> ChildStatus:
        host, port = self.child.health
        return ChildStatus(
            name=self.child.name,
            healthy=self.vigil.healthy,
            address=f"http://{f'[{host}]' if ':' in host else host}:{port}",
            since_at=self._since_at,
            restarts=self.vigil.restarts,
            pid=self.pid,
            last_words=self._last_words(),
        )

    @property
    def pid(self) -> int:
        """Of its present process; 0 while it does not run."""
        return self.group.pid if self.group else 0

    def _last_words(self) -> str:
        return (self._tail.text() if self._tail else "") or self.words
