"""Threads that take turns by lot: every schedule can be drawn, and drawn again.

One thread runs at a time. Before each line of the file system a lot decides
who goes on. Locks are made here, so a thread that would wait is passed over,
and when all wait for each other that is said, not waited for.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Self

import bijou.memfs
from tests.unit.algorithms.linearizability import Call

_TRACED = str(Path(bijou.memfs.__file__).parent)
# Short turns find races of a line, long ones those that need a whole operation in between.
_SWITCHES = (0.25, 0.05, 0.01)
# Also between two locks that one line takes: there deadlocks are made.
_SWITCHES_AT_LOCKS = 0.2


class Deadlock(AssertionError):
    """Every thread waits for a lock that another one holds."""


class Lottery:
    """Runs scripts in threads, interleaved as the seed says."""

    def __init__(self, seed: int, switches: float | None = None) -> None:
        self._chance = Random(seed)
        self._switches = switches or self._chance.choice(_SWITCHES)
        self._turns: dict[int, threading.Semaphore] = {}
        self._alive: list[int] = []
        self._waiting: dict[int, DrawnLock] = {}
        self._errors: list[BaseException] = []

    def new_lock(self) -> "DrawnLock":
        return DrawnLock(self)

    def record(self, scripts: Sequence[Sequence[Any]], perform: Callable[[Any], Any]) -> list[Call]:
        """Run one thread a script and return what each call saw."""
        ticks = count()
        history: list[Call] = []

        def run(number: int) -> None:
            self._turns[number].acquire()
            sys.settrace(self._trace)
            try:
                for operation in scripts[number]:
                    invoked = next(ticks)
                    result = perform(operation)
                    history.append(Call(invoked, next(ticks), operation, result))
                    self.draw()
            except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
                self._errors.append(error)
            finally:
                sys.settrace(None)
                self._leave(number)

        numbers = range(len(scripts))
        self._alive = list(numbers)
        self._turns = {number: threading.Semaphore(0) for number in numbers}
        threads = [threading.Thread(target=run, args=[number], name=str(number)) for number in numbers]
        for thread in threads:
            thread.start()
        self._turns[self._first()].release()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return history

    def _first(self) -> int:
        return self._chance.choice(self._alive)

    def draw(self, switches: float | None = None) -> None:
        """Perhaps let another thread go on."""
        if self._alive and self._chance.random() < (switches or self._switches):
            self._switch(self._chance.choice(self._alive))

    def wait_for(self, lock: "DrawnLock") -> None:
        """Let others go on until a lock is free."""
        me = self._me()
        while lock.is_held:
            self._waiting[me] = lock
            others = [each for each in self._alive if not self._is_stuck(each)]
            if self._errors or not others:
                raise Deadlock(f"threads {sorted(self._waiting)} wait for each other")
            self._switch(self._chance.choice(others))
        self._waiting.pop(me, None)

    def _is_stuck(self, number: int) -> bool:
        return number in self._waiting and self._waiting[number].is_held

    def _switch(self, other: int) -> None:
        me = self._me()
        if other != me:
            self._turns[other].release()
            self._turns[me].acquire()

    def _leave(self, number: int) -> None:
        self._alive.remove(number)
        self._waiting.pop(number, None)
        if self._alive:
            self._turns[self._chance.choice(self._alive)].release()

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_TRACED):
            return None
        if event == "line":
            self.draw()
        return self._trace

    @staticmethod
    def _me() -> int:
        return int(threading.current_thread().name)


class OneInterruption(Lottery):
    """Two threads: the first is interrupted once, at its n-th line, until the other is done.

    Source: Musuvathi, Qadeer, "Iterative context bounding for systematic
    testing of multithreaded programs" (2007): most races need no more.
    """

    def __init__(self, first: int, line: int) -> None:
        super().__init__(seed=0)
        self._begins = first
        self._lines_left = line

    @property
    def was_early_enough(self) -> bool:
        """Whether the first thread was interrupted at all."""
        return self._lines_left <= 0

    def draw(self, switches: float | None = None) -> None:  # noqa: ARG002 - nothing is left to chance
        self._lines_left -= 1
        if self._lines_left == 0 and len(self._alive) > 1:
            self._switch(1 - self._begins)

    def _first(self) -> int:
        return self._begins


class DrawnLock:
    """A lock whose waiting is decided by the lottery; free outside of it."""

    def __init__(self, lottery: Lottery) -> None:
        self.is_held = False
        self._lottery = lottery

    def __enter__(self) -> Self:
        self._lottery.draw(_SWITCHES_AT_LOCKS)
        if self.is_held:
            self._lottery.wait_for(self)
        self.is_held = True
        return self

    def __exit__(self, *details: object) -> None:
        self.is_held = False


class NoLock:
    """The planted fault: locks nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        pass
