"""Errors, sorted by who must act; each carries a stable code."""

from typing import Any, ClassVar

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One error on the wire: RFC 9457 `application/problem+json`.

    Args:
        type: `urn:bijou:` and the code; stable, what programs compare.
        title: The kind of error, the same for every occurrence.
        status: The HTTP status.
        detail: One sentence for a person: what, the values, the rule.
        code: The stable code by itself, such as `ingest.empty`.
        retry_after_s: Seconds to wait, where waiting helps.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    retry_after_s: float | None = None


class BijouError(Exception):
    """What bijou raises on purpose; catch a subclass by who must act."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"

    def __init__(self, code: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.detail)

    def problem(self) -> Problem:
        """Return the error as it travels."""
        return Problem(
            type=f"urn:bijou:{self.code}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            retry_after_s=self.retry_after_s,
        )

    @staticmethod
    def from_problem(problem: Problem) -> "BijouError":
        """Return the exception that a problem received from a peer stands for."""
        kind = _BY_STATUS.get(problem.status, BijouBug if problem.status == 500 else InvalidRequest)
        return kind(problem.code, problem.detail, retry_after_s=problem.retry_after_s)


class InvalidRequest(BijouError):
    """The caller must change the request; not logged."""

    status = 422
    title = "Invalid request"


class Unauthenticated(BijouError):
    """The caller must sign in."""

    status = 401
    title = "Sign-in needed"


class Forbidden(BijouError):
    """The caller is known and may not."""

    status = 403
    title = "Not allowed"


class NotFound(BijouError):
    """There is no such thing, or not for this caller."""

    status = 404
    title = "Not found"


class Conflict(BijouError):
    """The caller's picture of the state is old; read again."""

    status = 409
    title = "Conflict"


class Overloaded(BijouError):
    """Wait, then try again."""

    status = 429
    title = "Too many requests"


class EngineUnavailable(BijouError):
    """The operator must bring an engine back."""

    status = 503
    title = "Temporarily unavailable"


class BijouBug(BijouError):
    """We must mend our code."""

    status = 500
    title = "A fault of ours"


_BY_STATUS: dict[int, type[BijouError]] = {
    kind.status: kind
    for kind in (
        InvalidRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        Overloaded,
        EngineUnavailable,
        BijouBug,
    )
}
