"""The in-memory file system: Linux's rules, a lock a node, and a byte budget.

`MemFS` is the whole, `FileSystem` its four-call front. A tree of nodes; files
are extents of one size that are read without a copy, spilled when cold, and
shared with snapshots. Pure: it is told the time and handed the place it spills
to; spill files, FUSE, fsspec and `Blobs` are in `engines`. Not durable: what
must outlive the process belongs on a disk.
"""

from bijou.memfs.budget import Bytes, Spill, Usage
from bijou.memfs.credentials import ROOT, Credentials, Users
from bijou.memfs.filesystem import EXTENT_BYTES, MemFS, Snapshot
from bijou.memfs.front import FileSystem
from bijou.memfs.handles import Handle
from bijou.memfs.nodes import Stat
from bijou.memfs.watching import Change, Event, Watch

__all__ = [
    "EXTENT_BYTES",
    "ROOT",
    "Bytes",
    "Change",
    "Credentials",
    "Event",
    "FileSystem",
    "Handle",
    "MemFS",
    "Snapshot",
    "Spill",
    "Stat",
    "Usage",
    "Users",
    "Watch",
]
