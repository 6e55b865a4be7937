"""Payload types by kind: what may travel in an envelope, and who may see it."""

import re
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

import msgspec

from bijou.ports import Clock, Envelope, Role, new_id
from bijou.runtime import codec

_KIND = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*@[1-9][0-9]*")

Publisher = Callable[[msgspec.Struct], None]
"""Tells of a payload whose type is registered; never waits, never fails for want of listeners."""


class EventKind(msgspec.Struct, frozen=True):
    """One kind of event.

    Args:
        name: `noun.verb@version`, such as `title.published@1`.
        payload: The Struct that its payload is; changed by additions only.
        role: Who may see it live.
        tells: One sentence for the reference page.
    """

    name: str
    payload: type[msgspec.Struct]
    role: Role
    tells: str


_kinds: dict[str, EventKind] = {}
_names: dict[type[msgspec.Struct], str] = {}


def register(name: str, payload: type[msgspec.Struct], *, tells: str, role: Role = Role.ANYONE) -> EventKind:
    """Declare a kind of event, once, where its payload type is declared.

    Raises:
        ValueError: the name is not `noun.verb@version`, or the name or the type
            is taken by another declaration.
    """
    if not _KIND.fullmatch(name):
        raise ValueError(
            f"{name!r} is no kind of event; kinds are noun.verb@version, such as title.published@1"
        )
    kind = EventKind(name, payload, role, tells)
    if _kinds.get(name, kind) != kind or _names.get(payload, name) != name:
        raise ValueError(f"{name} or {payload.__name__} is registered already; a kind has one payload type")
    _kinds[name] = kind
    _names[payload] = name
    return kind


def registered() -> Mapping[str, EventKind]:
    """Return all kinds whose rooms have been imported, by name."""
    return MappingProxyType(_kinds)


def make_envelope(payload: msgspec.Struct, clock: Clock, chance: Random) -> Envelope:
    """Wrap a payload that happened just now, here.

    Raises:
        KeyError: the payload's type is not registered.
    """
    now = clock.now()
    return Envelope(
        id=new_id("evt", clock, chance),
        kind=_names[type(payload)],
        event_at=now,
        received_at=now,
        payload=msgspec.Raw(codec.encode(payload)),
    )
