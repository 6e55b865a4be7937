import pickle

import pytest

from bijou.ports import (
    BijouBug,
    BijouError,
    Conflict,
    EngineUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    Unauthenticated,
)
from bijou.runtime import codec

KINDS = [
    InvalidRequest,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    Overloaded,
    EngineUnavailable,
    BijouBug,
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_itself_again_on_the_other_side(kind: type[BijouError]) -> None:
    sent = kind("room.code", "what happened", retry_after_s=2.5)

    received = BijouError.from_problem(codec.decode(codec.encode(sent.problem()), type(sent.problem())))

    assert type(received) is kind
    assert (received.code, received.detail, received.retry_after_s) == ("room.code", "what happened", 2.5)


def test_an_unknown_client_error_is_the_callers_to_mend() -> None:
    problem = NotFound("a.b", "gone").problem()

    assert isinstance(
        BijouError.from_problem(type(problem)("urn:bijou:a.b", "Gone", 410, "gone", "a.b")), InvalidRequest
    )


def test_errors_cross_process_borders() -> None:
    error = pickle.loads(pickle.dumps(Overloaded("a.b", "wait")))

    assert (type(error), error.code, str(error)) == (Overloaded, "a.b", "wait")
