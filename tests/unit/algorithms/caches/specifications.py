"""What each policy promises, in the slowest and plainest way: lists, scans, no links.

Each takes in keys, is told what was asked for, and says who leaves. Those that
do not weigh take a capacity and weights all the same, to be driven alike.
"""
# ruff: noqa: ARG002

from itertools import count

from bijou.algorithms.caches import FrequencySketch


class LruSpec:
    def __init__(self, capacity: int) -> None:
        self.keys: list[int] = []

    def insert(self, key: int, weight: int) -> None:
        self.keys.append(key)

    def touch(self, key: int) -> None:
        self.keys.remove(key)
        self.keys.append(key)

    def remove(self, key: int) -> None:
        self.keys.remove(key)

    def evict(self) -> int:
        return self.keys.pop(0)


class LfuSpec:
    def __init__(self, capacity: int, *, ageing: bool = False) -> None:
        self.ageing, self.age, self.time = ageing, 0, count()
        self.asked: dict[int, tuple[int, int]] = {}

    def insert(self, key: int, weight: int) -> None:
        self.asked[key] = self.age + 1, next(self.time)

    def touch(self, key: int) -> None:
        self.asked[key] = self.asked[key][0] + 1, next(self.time)

    def remove(self, key: int) -> None:
        del self.asked[key]

    def evict(self) -> int:
        least = min(self.asked, key=self.asked.__getitem__)
        if self.ageing:
            self.age = self.asked[least][0]
        del self.asked[least]
        return least


class SieveSpec:
    def __init__(self, capacity: int) -> None:
        self.keys: list[int] = []
        self.marked: set[int] = set()
        self.hand: int | None = None

    def insert(self, key: int, weight: int) -> None:
        self.keys.append(key)

    def touch(self, key: int) -> None:
        self.marked.add(key)

    def remove(self, key: int) -> None:
        place = self.keys.index(key)
        self.keys.pop(place)
        self.marked.discard(key)
        if self.hand == key:
            self.hand = self.keys[place] if place < len(self.keys) else None

    def evict(self) -> int:
        while True:
            self.hand = self.keys[0] if self.hand is None else self.hand
            if self.hand not in self.marked:
                victim = self.hand
                self.remove(victim)
                return victim
            self.marked.remove(self.hand)
            self.hand = next((key for key in self.keys[self.keys.index(self.hand) + 1 :]), None)


class S3FifoSpec:
    def __init__(self, capacity: int) -> None:
        self.aim = capacity / 10
        self.small: dict[int, int] = {}
        self.main: dict[int, int] = {}
        self.asked: dict[int, int] = {}
        self.ghosts: list[int | None] = []

    def insert(self, key: int, weight: int) -> None:
        self.asked[key] = 0
        (self.main if key in self.ghosts else self.small)[key] = weight
        self.ghosts = [None if ghost == key else ghost for ghost in self.ghosts]

    def touch(self, key: int) -> None:
        self.asked[key] = min(3, self.asked[key] + 1)

    def remove(self, key: int) -> None:
        (self.small if key in self.small else self.main).pop(key)

    def evict(self) -> int:
        while True:
            from_small = bool(self.small) and (sum(self.small.values()) > self.aim or not self.main)
            queue = self.small if from_small else self.main
            key, weight = next(iter(queue.items()))
            queue.pop(key)
            if self.asked[key] <= from_small:
                if from_small:
                    self.ghosts = [*self.ghosts, key][-len(self.small) - len(self.main) - 1 :]
                return key
            self.asked[key] = 0 if from_small else self.asked[key] - 1
            self.main[key] = weight


class WTinyLfuSpec:
    def __init__(self, capacity: int) -> None:
        self.capacity, self.window_most = capacity, max(1, capacity // 100)
        self.protected_most = int((capacity - self.window_most) * 0.8)
        self.window: dict[int, int] = {}
        self.probation: dict[int, int] = {}
        self.protected: dict[int, int] = {}
        self.parts = self.window, self.probation, self.protected
        self.sketch = FrequencySketch(capacity + 1)

    def insert(self, key: int, weight: int) -> None:
        self.sketch.add(key)
        self.window[key] = weight
        room = self.capacity - self.window_most
        while sum(self.window.values()) > self.window_most:
            oldest = next(iter(self.window))
            if sum((self.probation | self.protected).values()) + self.window[oldest] > room:
                break
            self.probation[oldest] = self.window.pop(oldest)

    def touch(self, key: int) -> None:
        self.sketch.add(key)
        part = next(part for part in self.parts if key in part)
        weight = part.pop(key)
        (self.protected if part is self.probation else part)[key] = weight
        while sum(self.protected.values()) > self.protected_most:
            oldest = next(iter(self.protected))
            self.probation[oldest] = self.protected.pop(oldest)

    def remove(self, key: int) -> None:
        next(part for part in self.parts if key in part).pop(key)

    def evict(self) -> int:
        newcomer = next(iter(self.window)) if sum(self.window.values()) > self.window_most else None
        victim = next(iter({**self.probation, **self.protected} or self.window))
        if newcomer is not None and (self.probation or self.protected):
            mark = self.sketch.count(victim)
            if self.sketch.count(newcomer) <= mark + (mark > 1):
                victim = newcomer
            else:
                self.probation[newcomer] = self.window.pop(newcomer)
        self.remove(victim)
        return victim
