"""What a server counts."""

from collections import Counter

from bijou.delivery.answers import Answer
from bijou.delivery.model import Miss, Verdict

_LOCAL = (Verdict.HIT, Verdict.DISK, Verdict.STALE, Verdict.JOINED)


class Tally:
    """Requests and bytes since the start, by what the cache did; connections now.

    `fetched_bytes_by` says why bytes had to come from elsewhere, `refused_by`
    why requests were not served, by the code of the problem. Hits, which are
    most of all, are counted apart.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.hits = self.hit_bytes = 0
        self._others = self._other_bytes = 0
        self._others_by: Counter[Verdict] = Counter()
        self._other_bytes_by: Counter[Verdict] = Counter()
        self.fetched_bytes_by: Counter[Miss] = Counter()
        self.refused_by: Counter[str] = Counter()
        self.shed = 0
        self.slow = 0

    def count(self, answer: Answer, sent_bytes: int) -> None:
        """Count one answer, whole or cut."""
        if answer.verdict is Verdict.HIT:
            self.hits += 1
            self.hit_bytes += sent_bytes
            return
        self._others += 1
        self._other_bytes += sent_bytes
        if answer.verdict is not None:
            self._others_by[answer.verdict] += 1
            self._other_bytes_by[answer.verdict] += sent_bytes

    @property
    def requests(self) -> int:
        """All that were answered."""
        return self.hits + self._others

    @property
    def sent_bytes(self) -> int:
        """Bytes of all bodies."""
        return self.hit_bytes + self._other_bytes

    @property
    def requests_by(self) -> Counter[Verdict]:
        """Those in which the cache had part."""
        return self._others_by + Counter({Verdict.HIT: self.hits})

    @property
    def sent_bytes_by(self) -> Counter[Verdict]:
        """Their bytes."""
        return self._other_bytes_by + Counter({Verdict.HIT: self.hit_bytes})

    @property
    def hit_ratio(self) -> float:
        """Share of the cache's requests that needed no fetch of their own."""
        requests_by = self.requests_by
        decided = requests_by.total()
        local = sum(requests_by[verdict] for verdict in _LOCAL)
        return local / decided if decided else 0.0
