"""What an edge tells of itself."""

from bijou.delivery.api import EdgeStatistics, FetchedBytes, SentBytes
from bijou.delivery.cached import Cached
from bijou.delivery.disk import Disk
from bijou.delivery.model import Verdict
from bijou.delivery.reserve import Reserve
from bijou.delivery.store import Store
from bijou.delivery.tally import Tally


def edge_statistics(
    tally: Tally,
    store: Store[Cached],
    disk: Disk | None,
    reserve: Reserve | None,
    origin_fetches: int,
    policy: str,
) -> EdgeStatistics:
    """Put together what was counted since the start."""
    requests, sent = tally.requests_by, tally.sent_bytes_by
    return EdgeStatistics(
        requests=tally.requests,
        hits=requests[Verdict.HIT],
        fills=requests[Verdict.FILL],
        joined=requests[Verdict.JOINED],
        passed=requests[Verdict.PASS],
        hit_ratio=round(tally.hit_ratio, 4),
        sent_bytes=SentBytes(
            hit=sent[Verdict.HIT],
            fill=sent[Verdict.FILL],
            joined=sent[Verdict.JOINED],
            passed=sent[Verdict.PASS],
            disk=sent[Verdict.DISK],
            stale=sent[Verdict.STALE],
            revalidated=sent[Verdict.REVALIDATED],
        ),
        origin_fetches=origin_fetches,
        objects=len(store),
        cached_bytes=store.used_bytes,
        evictions=store.evictions,
        connections=tally.connections,
        disk_hits=requests[Verdict.DISK],
        stale_hits=requests[Verdict.STALE],
        fetched_bytes=FetchedBytes(**{miss.value: count for miss, count in tally.fetched_bytes_by.items()}),
        disk_objects=0 if disk is None else len(disk),
        disk_bytes=0 if disk is None else disk.used_bytes,
        shed=tally.shed,
        slow=tally.slow,
        refused=dict(tally.refused_by),
        policy=policy,
        filled_objects=0 if reserve is None else len(reserve),
        filled_bytes=0 if reserve is None else reserve.used_bytes,
        filled_hits=0 if reserve is None else reserve.hits,
        filled_hit_bytes=0 if reserve is None else reserve.hit_bytes,
    )
