"""From an uploaded file to something that can be watched: jobs and their work.

What this room is: the queue of encode jobs and its leases; inspection of
strangers' files in disposable, confined children, each refusal one clear
sentence; the ladder, the segment grid and the recipe, which are pure; the
pipeline that turns one file into one folder; the worker that takes jobs and
stores what comes out; and sample films made of nothing.

What it is not: it receives no uploads (`ingest`), writes no boxes and no
playlists (`packaging`), keeps no titles (`catalog`), serves no media
(`delivery`). Importing it loads neither PyAV nor ffmpeg nor numpy: the work
happens in children.
"""

from bijou.encoding.api import Encoding, Job, JobState, Outcome, Progress
from bijou.encoding.grid import segment_grid
from bijou.encoding.inspection import inspect
from bijou.encoding.ladder import Rung, ladder
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.pipeline import Report, encode_asset
from bijou.encoding.samples import SAMPLES, Sample
from bijou.encoding.samples import make as make_sample
from bijou.encoding.sniffing import HEAD_BYTES, sniff
from bijou.encoding.worker import Pace, Worker, WorkerStatistics

__all__ = [
    "HEAD_BYTES",
    "SAMPLES",
    "Encoding",
    "EncodingLimits",
    "Job",
    "JobState",
    "Outcome",
    "Pace",
    "Progress",
    "Report",
    "Rung",
    "Sample",
    "Worker",
    "WorkerStatistics",
    "encode_asset",
    "inspect",
    "ladder",
    "make_sample",
    "segment_grid",
    "sniff",
]
