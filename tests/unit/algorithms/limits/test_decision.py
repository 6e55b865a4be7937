import pytest

from bijou.algorithms.limits import Decision, SlidingWindowLog

SECOND_NS = 10**9


def test_the_headers_tell_policy_and_state_in_whole_seconds() -> None:
    log = SlidingWindowLog(100, 60 * SECOND_NS)

    headers = log.admit(0).headers("per-address", window_s=60)

    assert headers == {
        "RateLimit-Policy": '"per-address";q=100;w=60',
        "RateLimit": '"per-address";r=99;t=60',
    }


def test_whoever_waits_as_the_header_says_passes() -> None:
    log = SlidingWindowLog(1, 1_500_000_001)
    log.admit(0)

    told_s = int(log.admit(1).headers("api", window_s=1.5)["Retry-After"])

    assert log.admit(1 + told_s * SECOND_NS).allowed


def test_a_denial_names_one_moment_twice_for_neither_may_contradict_the_other() -> None:
    log = SlidingWindowLog(2, 60 * SECOND_NS)
    log.admit(0)
    log.admit(50 * SECOND_NS)

    headers = log.admit(55 * SECOND_NS).headers("api", window_s=60)

    assert headers["RateLimit"] == '"api";r=0;t=5'
    assert headers["Retry-After"] == "5"


def test_a_window_of_no_length_is_not_told() -> None:
    assert Decision(True, 1, 0, 0, 0).headers("api", window_s=0.2)["RateLimit-Policy"] == '"api";q=1;w=1'
    with pytest.raises(ValueError, match="window_s 0 must be above 0"):
        Decision(True, 1, 0, 0, 0).headers("api", window_s=0)


@pytest.mark.parametrize("policy", ['a"b', "a\\b", "a\nb", "größe"])
def test_a_policy_that_would_break_the_header_is_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Decision(True, 1, 0, 0, 0).headers(policy, window_s=1)
