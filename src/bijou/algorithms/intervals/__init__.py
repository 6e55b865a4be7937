"""Time cut in intervals: choosing, sharing, searching and filling it.

`largest_set`, `heaviest_set`, `assign_rooms`, `merge_intervals` and `gaps`
are the classics; `IntervalTree` answers what stands at a moment; `pack_pod`
fills an ad break and `schedule_day` a linear channel. All intervals are
half-open, [start, end), in integer ticks of the caller's choice.
"""

from bijou.algorithms.intervals.channel import Airing, ChannelDay, Programme, schedule_day
from bijou.algorithms.intervals.choosing import Chosen, heaviest_set, largest_set
from bijou.algorithms.intervals.interval import Interval
from bijou.algorithms.intervals.pods import Pod, pack_pod, pack_pod_greedily
from bijou.algorithms.intervals.rivals import Candidate
from bijou.algorithms.intervals.sharing import assign_rooms, gaps, merge_intervals, rooms_needed
from bijou.algorithms.intervals.tree import IntervalTree

__all__ = [
    "Airing",
    "Candidate",
    "ChannelDay",
    "Chosen",
    "Interval",
    "IntervalTree",
    "Pod",
    "Programme",
    "assign_rooms",
    "gaps",
    "heaviest_set",
    "largest_set",
    "merge_intervals",
    "pack_pod",
    "pack_pod_greedily",
    "rooms_needed",
    "schedule_day",
]
