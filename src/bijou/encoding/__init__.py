"""From an uploaded file to something that can be watched: jobs and their work.

What this room is: encode jobs, each a group of tasks of the queue, and what
follows them until a title stands; inspection of strangers' files in
disposable, confined children, each refusal one clear sentence; the ladder,
the segment grid and the recipes, which are pure; what does each kind of task,
and the worker that takes them; and sample films made of nothing.

What it is not: it receives no uploads (`ingest`), writes no boxes and no
playlists (`packaging`), keeps no titles (`catalog`), serves no media
(`delivery`). Importing it loads neither PyAV nor ffmpeg nor numpy: the work
happens in children.
"""

from bijou.encoding.api import Additions, CodecOrder, Encoding, Job, JobState
from bijou.encoding.explaining import Curve, FilmPlan, Tried, explain_film
from bijou.encoding.grid import segment_grid
from bijou.encoding.inspection import inspect
from bijou.encoding.ladder import Rung, ladder
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.recipes import recipe, recipe_names
from bijou.encoding.samples import SAMPLES, Sample
from bijou.encoding.samples import make as make_sample
from bijou.encoding.sniffing import HEAD_BYTES, sniff
from bijou.encoding.task_worker import Slots, TaskPace, TaskWorker, TaskWorkerStatistics
from bijou.encoding.titles import (
    ALL_TASKS,
    TITLE_KINDS,
    Executor,
    Executors,
    Hold,
    Made,
    RungStanding,
    Standing,
    TitleWork,
    first_tasks,
    group_of,
    standing_of,
)

__all__ = [
    "ALL_TASKS",
    "HEAD_BYTES",
    "SAMPLES",
    "TITLE_KINDS",
    "Additions",
    "CodecOrder",
    "Curve",
    "Encoding",
    "EncodingLimits",
    "Executor",
    "Executors",
    "FilmPlan",
    "Hold",
    "Job",
    "JobState",
    "Made",
    "Rung",
    "RungStanding",
    "Sample",
    "Slots",
    "Standing",
    "TaskPace",
    "TaskWorker",
    "TaskWorkerStatistics",
    "TitleWork",
    "Tried",
    "explain_film",
    "first_tasks",
    "group_of",
    "inspect",
    "ladder",
    "make_sample",
    "recipe",
    "recipe_names",
    "segment_grid",
    "sniff",
    "standing_of",
]
