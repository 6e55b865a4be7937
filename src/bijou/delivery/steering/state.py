"""What a steering service knows of one session: nothing; the session's address says it, signed.

So every region's process answers every session, also one that another region
began, and none has anything to lose when it dies.
"""

import re
from typing import ClassVar, Final

import msgspec

from bijou.delivery.tokens import TokenKeys, TokenRefused
from bijou.ports import Clock, Forbidden, InvalidRequest

STEER_PREFIX: Final = "/steer/"
REPORT_PATH: Final = "/cmcd"
REPORT_BYTES: Final = 64 * 1024
"""Longest body of reports that is taken: about two hundred events."""

MOST_AVOIDED: Final = 8
"""Regions that one state can hold a grudge against; those of before are forgiven."""

_PERSON: Final = b"bijou.steer.1"
_REGION: Final = r"[a-z0-9][a-z0-9-]{0,31}"
_GRUDGE: Final = rf"{_REGION}_[0-9a-f]{{1,12}}"
_STANDING: Final = re.compile(
    rf"(?P<expires>[0-9a-f]{{1,12}})\.(?P<session>[A-Za-z0-9_-]{{0,64}})\.(?P<home>{_REGION})"
    rf"\.(?P<told>{_REGION})\.(?P<avoid>(?:{_GRUDGE}(?:~{_GRUDGE}){{0,{MOST_AVOIDED - 1}}})?)"
    r"\.(?P<scope>[A-Za-z0-9._~-]{0,256})"
)
_LONGEST: Final = 1024


class SteeringRefused(TokenRefused):
    """The address of a steering manifest is none of ours."""

    title: ClassVar[str] = "Not allowed by its state"


class SteeringEnded(Forbidden):
    """The session that was steered is over: players stop asking at this status."""

    status: ClassVar[int] = 410
    title: ClassVar[str] = "Gone"


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where one session stands.

    Args:
        home: Region that is nearest to it.
        told: Region that the last answer put first.
        expires_at_s: Unix seconds from which it is steered no more.
        scope: Folder under `media/` of what it plays; empty where no tokens are asked for.
        avoid: Regions that failed this session, with the Unix second until which each is passed over.
    """

    session: str
    home: str
    told: str
    expires_at_s: int
    scope: str = ""
    avoid: tuple[tuple[str, int], ...] = ()


class States:
    """Standings as parts of addresses.

    Cost: one BLAKE2 of a hundred bytes each way.

    Example:
        >>> from bijou.delivery.tokens import TokenKey
        >>> from bijou.ports import Instant, VirtualClock
        >>> clock = VirtualClock(Instant(0))
        >>> states = States(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
        >>> text = states.write(Standing("ses_1", "east", "east", 60, "ast_1"))
        >>> text.rpartition(".")[0]
        'k1.3c.ses_1.east.east..ast_1'
        >>> states.read(text).session
        'ses_1'
    """

    def __init__(self, keys: TokenKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def refresh(self) -> None:
        """Take up keys that were added, and believe no more in those that were taken away."""
        self._keys.refresh()

    def write(self, standing: Standing) -> str:
        """Return the signed text of a standing.

        Raises:
            InvalidRequest: `delivery.bad_standing`: a part could not stand in a path.
        """
        avoid = "~".join(f"{region}_{until_s:x}" for region, until_s in standing.avoid)
        scope = standing.scope.replace("/", "~")
        text = f"{standing.expires_at_s:x}.{standing.session}.{standing.home}.{standing.told}.{avoid}.{scope}"
        if not _STANDING.fullmatch(text):
            raise InvalidRequest(
                "delivery.bad_standing",
                f"{text[:200]!r} is no standing; session, regions and scope are as in a token of media",
            )
        return self._keys.seal(text, _PERSON)

    def read(self, text: str) -> Standing:
        """Return what was written.

        Raises:
            SteeringRefused: `delivery.steering_forged`.
            SteeringEnded: `delivery.steering_ended`.
        """
        content = self._keys.unseal(text, _PERSON) if len(text) <= _LONGEST else None
        found = _STANDING.fullmatch(content) if content is not None else None
        if found is None:
            raise SteeringRefused("delivery.steering_forged", "the address is none of ours, or was changed")
        expires, session, home, told, avoid, scope = found.groups()
        if int(expires, 16) * 1_000_000 <= self._clock.now():
            raise SteeringEnded("delivery.steering_ended", "the session has ended; begin a new one")
        self._keys.note(session)
        return Standing(session, home, told, int(expires, 16), scope.replace("~", "/"), _avoided(avoid))


def _avoided(text: str) -> tuple[tuple[str, int], ...]:
    if not text:
        return ()
    pairs = (entry.rpartition("_") for entry in text.split("~"))
    return tuple((region, int(until, 16)) for region, _, until in pairs)
