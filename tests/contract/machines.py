"""State machines that drive asynchronous services on records of their own."""

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine

from bijou.app import schema
from bijou.engines.files import FileBlobs
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Instant, VirtualClock

T = TypeVar("T")

SHORT = settings(max_examples=15, stateful_step_count=25, deadline=None, derandomize=True, database=None)


class ServiceMachine(RuleBasedStateMachine):
    """Gives each run an event loop, a virtual clock, records and blobs, and takes them down."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = Path(tempfile.mkdtemp())
        self.clock = VirtualClock(Instant.parse("2026-11-21T10:00:00Z"))
        self.chance = Random(7)
        (self._folder / "records.db").write_bytes(_empty_records())
        self.records = SqliteRecords(self._folder / "records.db", durable=False, readers=1)
        self.blobs = FileBlobs(self._folder / "blobs", self.clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def teardown(self) -> None:
        self.run(self.records.close())
        self._runner.close()
        shutil.rmtree(self._folder)


@functools.cache
def _empty_records() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.db"
        schema.upgrade(path)
        return path.read_bytes()
