"""Somebody who books events all the while, and remembers how long each batch took."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from benchmarks.ads_growth.filling import FIRST_DAY
from bijou.ads.model.booking import AdEvent
from bijou.ports import Instant

BATCH = 50
_DAY_US = 86_400_000_000


class Load:
    """What was acknowledged, and the seconds of each batch."""

    def __init__(self) -> None:
        self.acknowledged: list[AdEvent] = []
        self.took_s: list[float] = []

    def ms(self, share: float) -> float:
        """Return the batch time that `share` of all batches kept below."""
        ordered = sorted(self.took_s) or [0.0]
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)

    def said(self) -> dict[str, float]:
        return {
            "batches": len(self.took_s),
            "p50_ms": self.ms(0.5),
            "p99_ms": self.ms(0.99),
            "max_ms": self.ms(1.0),
        }


@contextmanager
def load(write: Callable[[Sequence[AdEvent]], object], seed: int, day: int) -> Iterator[Load]:
    """Book batches of a day in a thread, one after another."""
    done, stop, failed = Load(), threading.Event(), list[BaseException]()

    def run() -> None:
        chance = Random(seed)
        try:
            while not stop.is_set():
                batch = [event(chance, day) for _ in range(BATCH)]
                began = time.perf_counter()
                write(batch)
                done.took_s.append(time.perf_counter() - began)
                done.acknowledged += batch
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


def event(chance: Random, day: int) -> AdEvent:
    at, line_item = Instant(day * _DAY_US + chance.randrange(_DAY_US)), chance.randrange(200)
    return AdEvent(
        day=day,
        slot=chance.randrange(1024),
        impression=chance.randbytes(16),
        kind="impression",
        at=at,
        received_at=at,
        line_item=line_item,
        creative=chance.randrange(2),
        placement=chance.randrange(4),
        advertiser=line_item % 20,
        region="east",
        charge_micros=20_000,
    )


def today(days: int) -> int:
    """Return the day after those that were filled."""
    return FIRST_DAY + days
