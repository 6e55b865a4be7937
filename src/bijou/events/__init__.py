"""What happens, told to whoever listens: payload types, envelopes, the live hub.

It is not a log: an event that nobody listens to is gone, and whoever needs a
history asks the room that keeps the record. A room declares its payload types
with `register`, and tells of them through the `Publisher` it was handed.
"""

from bijou.events.hub import Hub, Subscription
from bijou.events.registry import EventKind, Publisher, make_envelope, register, registered
from bijou.events.report import report_of, written

__all__ = [
    "EventKind",
    "Hub",
    "Publisher",
    "Subscription",
    "make_envelope",
    "register",
    "registered",
    "report_of",
    "written",
]
