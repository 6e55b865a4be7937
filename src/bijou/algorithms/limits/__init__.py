"""Rate limiters: exact, frugal, smooth; alone, a key each, several as one, prepaid.

`SlidingWindowLog` is exact, `SlidingWindowCounter` takes the same memory
whatever the limit, `GCRA` smooths. `KeyedLimits` keeps one a key, `admit_all`
asks several at once, `Lease` spares calls to a limit that is far away. `LogRule` and its
like are limits as values, for engines that enforce them elsewhere.
"""

from bijou.algorithms.limits.claims import Claim, admit_all
from bijou.algorithms.limits.decision import Decision, strictest
from bijou.algorithms.limits.gcra import GCRA
from bijou.algorithms.limits.keyed import KeyedLimits
from bijou.algorithms.limits.leases import Grant, Lease, grant
from bijou.algorithms.limits.limiter import Limiter
from bijou.algorithms.limits.rules import CounterRule, GcraRule, LogRule, Rule
from bijou.algorithms.limits.sliding_counter import SlidingWindowCounter
from bijou.algorithms.limits.sliding_log import SlidingWindowLog

__all__ = [
    "GCRA",
    "Claim",
    "CounterRule",
    "Decision",
    "GcraRule",
    "Grant",
    "KeyedLimits",
    "Lease",
    "Limiter",
    "LogRule",
    "Rule",
    "SlidingWindowCounter",
    "SlidingWindowLog",
    "admit_all",
    "grant",
    "strictest",
]
