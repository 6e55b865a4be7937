"""A title's encode as a graph of tasks: inspected, planned, encoded, published.

What this sub-room is: the tasks, what does each of them, the playlists that
grow while chunks land and the ones that stay, and how an encode stands. Any
task may run twice, anywhere, at any time: the same bytes come out, under keys
that tell them.

What it is not: it keeps no queue and no leases (`ports.Queue`, `TaskWorker`),
and no titles (`catalog`).
"""

from bijou.encoding.titles.executors import Executors
from bijou.encoding.titles.graph import (
    ALL_TASKS,
    AUDIO,
    CAPTIONS,
    CHUNK,
    INSPECT,
    LIVE,
    PLAN,
    PUBLISH,
    STILLS,
    TITLE_KINDS,
    TitleWork,
    first_tasks,
    group_of,
)
from bijou.encoding.titles.hold import Executor, Hold, Made
from bijou.encoding.titles.standing import RungStanding, Standing, standing_of

__all__ = [
    "ALL_TASKS",
    "AUDIO",
    "CAPTIONS",
    "CHUNK",
    "INSPECT",
    "LIVE",
    "PLAN",
    "PUBLISH",
    "STILLS",
    "TITLE_KINDS",
    "Executor",
    "Executors",
    "Hold",
    "Made",
    "RungStanding",
    "Standing",
    "TitleWork",
    "first_tasks",
    "group_of",
    "standing_of",
]
