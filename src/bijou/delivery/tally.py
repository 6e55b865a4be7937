"""What a server counts."""

from collections import Counter

from bijou.delivery.answers import Answer
from bijou.delivery.model import Miss, Verdict

_LOCAL = (Verdict.HIT, Verdict.DISK, Verdict.STALE, Verdict.JOINED)


class Tally:
    """Requests and bytes since the start, by what the cache did; connections now.

    `fetched_bytes_by` says why bytes had to come from elsewhere, `refused_by`
    why requests were not served, by the code of the problem.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.sent_bytes = 0
        self.connections = 0
        self.requests_by: Counter[Verdict] = Counter()
        self.sent_bytes_by: Counter[Verdict] = Counter()
        self.fetched_bytes_by: Counter[Miss] = Counter()
        self.refused_by: Counter[str] = Counter()
        self.shed = 0
        self.slow = 0

    def count(self, answer: Answer, sent_bytes: int) -> None:
        """Count one answer, whole or cut."""
        self.requests += 1
        self.sent_bytes += sent_bytes
        if answer.verdict is not None:
            self.requests_by[answer.verdict] += 1
            self.sent_bytes_by[answer.verdict] += sent_bytes

    @property
    def hit_ratio(self) -> float:
        """Share of the cache's requests that needed no fetch of their own."""
        decided = self.requests_by.total()
        local = sum(self.requests_by[verdict] for verdict in _LOCAL)
        return local / decided if decided else 0.0
