"""The envelope that every event travels in; payload types are registered in `events`."""

import msgspec

from bijou.ports.instant import Instant


class Envelope(msgspec.Struct, frozen=True):
    """One event: who, what, when; changes to this type are additive only.

    Args:
        id: `evt_…`; deliver twice, count once.
        kind: `noun.verb@version`, such as `title.published@1`.
        event_at: When it happened, by the sender's clock.
        received_at: When we learned of it, by ours.
        region: Where it was received; empty for the control plane.
        session: `ses_…` of playback, or empty.
        payload: The payload of that kind and version, as JSON.
    """

    id: str
    kind: str
    event_at: Instant
    received_at: Instant
    payload: msgspec.Raw
    region: str = ""
    session: str = ""
