"""An installation of real processes, one region of which can be killed whole and brought back."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.lifecycle import SUPERVISED
from bijou.runtime.probe import ask_health
from bijou.runtime.processes import ProcessGroup
from bijou.runtime.supervisor import Child, Pace, Supervisor
from bijou.runtime.vigil import Answer

READY_WITHIN_S = 90.0
_LOOK_S = 0.1
# A crowd on a machine that is busy already starves everybody; nothing but the drill is to kill an edge.
_PATIENT = Pace(timeout_s=5.0, misses=6)


class House:
    """Everything but one region under a supervisor; that region without one, so that it stays dead.

    All of it ends with the block, and with this process however that ends.

    Threads: one event loop, of the main thread.

    Args:
        children: Of the whole installation.
        cut: Name of the region whose children (`…-<region>`) the drill kills.
        logs_dir: Folder for what they write.
    """

    def __init__(
        self, children: Sequence[Child], cut: str, *, clock: Clock, chance: Random, logs_dir: Path
    ) -> None:
        self._apart = [child for child in children if child.name.endswith(f"-{cut}")]
        if not self._apart:
            names = ", ".join(child.name for child in children)
            raise ValueError(f"no process belongs to the region {cut}; there are {names}")
        kept = [child for child in children if child not in self._apart]
        self._supervisor = Supervisor(kept, clock=clock, chance=chance, logs_dir=logs_dir, pace=_PATIENT)
        self._clock, self._logs_dir, self._cut = clock, logs_dir, cut
        self._stop = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._groups: list[ProcessGroup] = []

    async def __aenter__(self) -> Self:
        self._logs_dir.mkdir(parents=True, exist_ok=True)
        self._keeping = asyncio.create_task(self._supervisor.run(self._stop))
        try:
            await self.bring_back()
            await self._supervisor.wait_ready(READY_WITHIN_S)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def kill(self) -> int:
        """Kill all of the region with SIGKILL; return how many processes that were."""
        living = [group for group in self._groups if not group.exited.done()]
        for group in living:
            group.kill()
        return len(living)

    async def bring_back(self, within_s: float = READY_WITHIN_S) -> None:
        """Start the region's processes, and return once all are healthy.

        Raises:
            EngineUnavailable: `drills.region_not_ready`.
        """
        self.kill()
        await self._gone()
        self._groups = [self._started(child) for child in self._apart]
        until_ns = self._clock.monotonic_ns() + int(within_s * 1e9)
        while not await self._healthy():
            ended = next((group for group in self._groups if group.exited.done()), None)
            if ended is not None or self._clock.monotonic_ns() > until_ns:
                how = str(ended.exited.result()) if ended else f"not healthy in {within_s:g} s"
                raise EngineUnavailable(
                    "drills.region_not_ready",
                    f"region {self._cut} did not start ({how}); {self._logs_dir} has its last words",
                )
            await self._clock.sleep(_LOOK_S)

    def _started(self, child: Child) -> ProcessGroup:
        environment = os.environ | dict(child.env) | {SUPERVISED: str(os.getpid())}
        with (self._logs_dir / f"{child.name}.log").open("ab") as log:
            return ProcessGroup(child.argv, env=environment, stdout=log.fileno(), stderr=subprocess.STDOUT)

    async def _healthy(self) -> bool:
        answers = [await ask_health(*child.health, timeout_s=1.0) for child in self._apart]
        return all(answer is Answer.HEALTHY for answer in answers)

    async def _gone(self) -> None:
        if self._groups:
            await asyncio.wait([group.exited for group in self._groups])

    async def _end(self) -> None:
        self.kill()
        self._stop.set()
        if self._keeping:
            with contextlib.suppress(EngineUnavailable):
                await self._keeping
        await self._gone()
