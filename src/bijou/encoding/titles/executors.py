"""What does each kind of a title's tasks, on one set of engines."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from random import Random

from bijou.encoding.limits import EncodingLimits
from bijou.encoding.prober import Prober
from bijou.encoding.recipes import engine_id
from bijou.encoding.titles.caption_task import Captioning
from bijou.encoding.titles.chunk_task import ChunkEncoding
from bijou.encoding.titles.graph import (
    AUDIO,
    CAPTIONS,
    CHUNK,
    INSPECT,
    LIVE,
    PLAN,
    PUBLISH,
    STILLS,
)
from bijou.encoding.titles.hold import Executor
from bijou.encoding.titles.inspecting import Inspecting
from bijou.encoding.titles.live import Living
from bijou.encoding.titles.planning import Planning
from bijou.encoding.titles.publishing import Publishing
from bijou.encoding.titles.sound_task import SoundEncoding
from bijou.encoding.titles.still_task import Stills
from bijou.encoding.titles.workshop import KEY_URI, Workshop
from bijou.ports import Blobs, Clock, Queue


class Executors:
    """All kinds of a title's tasks, for one worker.

    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        scratch: Folder that nobody else uses; emptied at the start.
        chance: Draws content keys: one that nobody can foresee.
        key_uri: Where players get the key of an encrypted title, with
            `{asset}` in the place of its name; the keys are in the blobs, under `keys/`.

    `work` names what does each kind of task.
    """

    def __init__(
        self,
        queue: Queue,
        blobs: Blobs,
        clock: Clock,
        *,
        limits: EncodingLimits,
        scratch: Path,
        chance: Random,
        key_uri: str = KEY_URI,
    ) -> None:
        self._shop = Workshop(
            queue, blobs, clock, limits=limits, scratch=scratch, chance=chance, key_uri=key_uri
        )
        self._prober = Prober(limits=limits, clock=clock)
        self.work: Mapping[str, Executor] = {
            INSPECT: Inspecting(self._shop, self._prober),
            PLAN: Planning(self._shop),
            CHUNK: ChunkEncoding(self._shop),
            AUDIO: SoundEncoding(self._shop),
            STILLS: Stills(self._shop),
            CAPTIONS: Captioning(self._shop),
            LIVE: Living(self._shop),
            PUBLISH: Publishing(self._shop),
        }

    async def start(self) -> None:
        """Load what the first task would wait for; need not be called."""
        await asyncio.gather(self._prober.start(), asyncio.to_thread(engine_id))

    async def close(self) -> None:
        """End what waits for work, and empty the scratch."""
        await self._prober.aclose()
        self._shop.close()
