"""Caches: one interface over policies that may be swapped, and what caches need.

`Cache` weighs, expires, loads once for many and counts; which entry leaves is
a `Policy`: `Lru`, `Lfu`, `Sieve`, `S3Fifo`, `WTinyLfu`, `SoonestExpiry`, or one
that another room brings. `simulate` tells which of them suits a trace.
"""

from bijou.algorithms.caches.cache import Cache, Found
from bijou.algorithms.caches.expiry import Expiry
from bijou.algorithms.caches.frequency import Lfu
from bijou.algorithms.caches.miss_ratio import MissRatioCurve
from bijou.algorithms.caches.policy import Entry, Policy
from bijou.algorithms.caches.recency import Lru, OrderedLru, SinglyLinkedLru
from bijou.algorithms.caches.s3fifo import S3Fifo
from bijou.algorithms.caches.shelf import Reason
from bijou.algorithms.caches.sieve import Sieve
from bijou.algorithms.caches.simulation import best_possible, simulate
from bijou.algorithms.caches.single_flight import SingleFlight
from bijou.algorithms.caches.sketch import FrequencySketch
from bijou.algorithms.caches.soonest import SoonestExpiry
from bijou.algorithms.caches.statistics import Statistics
from bijou.algorithms.caches.tickets import Ticket
from bijou.algorithms.caches.tinylfu import WTinyLfu

__all__ = [
    "Cache",
    "Entry",
    "Expiry",
    "Found",
    "FrequencySketch",
    "Lfu",
    "Lru",
    "MissRatioCurve",
    "OrderedLru",
    "Policy",
    "Reason",
    "S3Fifo",
    "Sieve",
    "SingleFlight",
    "SinglyLinkedLru",
    "SoonestExpiry",
    "Statistics",
    "Ticket",
    "WTinyLfu",
    "best_possible",
    "simulate",
]
