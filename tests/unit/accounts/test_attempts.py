import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.accounts.attempts import Attempts


class SlowAttempts:
    """The obvious check: remember every try and count."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self.tries: list[tuple[str, int]] = []

    def wait_ns(self, key: str, now_ns: int) -> int:
        for wait_ns in range(self.window_ns + 1):
            at = now_ns + wait_ns
            if sum(k == key and at - self.window_ns < t for k, t in self.tries) < self.limit:
                break
        if wait_ns == 0:
            self.tries.append((key, now_ns))
        return wait_ns

    def forgive(self, key: str) -> None:
        for index in range(len(self.tries) - 1, -1, -1):
            if self.tries[index][0] == key:
                del self.tries[index]
                return


STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6), st.booleans()), max_size=40)


@given(limit=st.integers(1, 3), window_ns=st.integers(1, 10), steps=STEPS)
def test_it_answers_as_the_obvious_count_does(
    limit: int, window_ns: int, steps: list[tuple[str, int, bool]]
) -> None:
    quick, slow, now_ns = Attempts(limit, window_ns), SlowAttempts(limit, window_ns), 0
    for key, passed_ns, forgiven in steps:
        now_ns += passed_ns

        answer = quick.wait_ns(key, now_ns)

        assert answer == slow.wait_ns(key, now_ns)
        if forgiven and answer == 0:
            quick.forgive(key)
            slow.forgive(key)


def test_past_its_keys_the_quietest_is_forgotten() -> None:
    attempts = Attempts(limit=1, window_ns=100, keys=2)
    for key in ("a", "b", "c"):
        attempts.wait_ns(key, 0)

    assert [attempts.wait_ns(key, 1) for key in ("b", "c", "a")] == [99, 99, 0]


@pytest.mark.parametrize(("limit", "window_ns"), [(0, 1), (1, 0)])
def test_a_limit_that_admits_nothing_is_refused(limit: int, window_ns: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Attempts(limit, window_ns)
