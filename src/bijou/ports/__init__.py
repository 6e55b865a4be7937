"""What the outside must give: Protocols, and the few types that all rooms share.

Each Protocol has at most eight methods, so that a new engine is an
afternoon's work. Nothing here performs I/O but `SystemClock`, the one place
that reads the machine's clock.
"""

from bijou.ports.blobs import BlobInfo, Blobs
from bijou.ports.clock import Clock, SystemClock, VirtualClock
from bijou.ports.errors import (
    BijouBug,
    BijouError,
    Conflict,
    EngineUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    Problem,
    Unauthenticated,
)
from bijou.ports.events import Envelope
from bijou.ports.identity import ANONYMOUS, Authenticator, Credentials, Principal, Role
from bijou.ports.ids import ID_KINDS, new_id
from bijou.ports.instant import Instant
from bijou.ports.queue import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Ack,
    Beat,
    Commit,
    Failure,
    Load,
    NewTask,
    Part,
    Queue,
    Steer,
    Task,
    TaskState,
)
from bijou.ports.records import Records

__all__ = [
    "ANONYMOUS",
    "HIGHEST_PRIORITY",
    "ID_KINDS",
    "LOWEST_PRIORITY",
    "Ack",
    "Authenticator",
    "Beat",
    "BijouBug",
    "BijouError",
    "BlobInfo",
    "Blobs",
    "Clock",
    "Commit",
    "Conflict",
    "Credentials",
    "EngineUnavailable",
    "Envelope",
    "Failure",
    "Forbidden",
    "Instant",
    "InvalidRequest",
    "Load",
    "NewTask",
    "NotFound",
    "Overloaded",
    "Part",
    "Principal",
    "Problem",
    "Queue",
    "Records",
    "Role",
    "Steer",
    "SystemClock",
    "Task",
    "TaskState",
    "Unauthenticated",
    "VirtualClock",
    "new_id",
]
