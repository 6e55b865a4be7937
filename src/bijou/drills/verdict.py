"""What a drill claims of its figures, and whether that held; pure."""

from collections.abc import Sequence

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """One sentence that held or did not.

    Args:
        words: What is promised, with its figure and its bound.
        held: None: it could not be judged, and the words say why.
    """

    words: str
    held: bool | None = None


def passed(claims: Sequence[Claim]) -> bool:
    """Tell whether every claim that could be judged held, and one could.

    Example:
        >>> passed([Claim("a", True), Claim("b")]), passed([Claim("b")]), passed([Claim("a", False)])
        (True, False, False)
    """
    judged = [claim.held for claim in claims if claim.held is not None]
    return bool(judged) and all(judged)


def claims_text(claims: Sequence[Claim]) -> str:
    """Return a line a claim, and the verdict."""
    words = {True: "held", False: "BROKEN", None: "open"}
    lines = [f"{words[claim.held]:<8} {claim.words}" for claim in claims]
    return "\n".join([*lines, f"{'verdict':<8} {'passed' if passed(claims) else 'not passed'}"])
