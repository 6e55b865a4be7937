from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.algorithms.topk import TopK, joined, most

SCORES = st.integers(0, 9).map(float)


@given(st.lists(SCORES), st.integers(1, 12))
def test_the_best_offers_are_those_that_a_stable_sort_puts_first(scores: list[float], size: int) -> None:
    best: TopK[int] = TopK(size)
    for place, score in enumerate(scores):
        best.offer(place, score)
    expected = sorted(enumerate(scores), key=lambda pair: pair[1], reverse=True)[:size]
    assert best.ranked() == expected
    assert best.bar == (expected[-1][1] if len(expected) == size else float("-inf"))


@given(st.dictionaries(st.integers(), SCORES), st.integers(1, 12))
def test_most_is_the_head_of_a_stable_sort(counts: dict[int, float], size: int) -> None:
    assert most(counts, size) == sorted(counts.items(), key=lambda pair: pair[1], reverse=True)[:size]


@given(st.lists(st.integers(0, 200)), st.integers(1, 5), st.integers(1, 12))
def test_the_tops_of_shards_joined_are_the_top_of_the_whole(keys: list[int], shards: int, size: int) -> None:
    counts = Counter(keys)
    tops = [most({k: n for k, n in counts.items() if k % shards == s}, size) for s in range(shards)]
    whole = joined(tops, size)
    assert [n for _, n in whole] == [n for _, n in most(counts, size)]
    assert all(counts[key] == n for key, n in whole)


def test_a_score_that_is_not_a_number_is_refused_and_kept_out() -> None:
    best: TopK[str] = TopK(2)
    with pytest.raises(ValueError, match="the score of 'a' is NaN"):
        best.offer("a", float("nan"))
    for key, score in (("b", 1.0), ("c", 5.0), ("d", 9.0)):
        best.offer(key, score)
    assert best.ranked() == [("d", 9.0), ("c", 5.0)]
    with pytest.raises(ValueError, match="the score of 'a' is NaN"):
        most({"a": float("nan"), "b": 1.0}, 1)
    with pytest.raises(ValueError, match="the score of 'a' is NaN"):
        joined([[("a", float("nan"))], [("b", 1.0)]], 1)


@pytest.mark.parametrize("make", [TopK, lambda n: most({}, n), lambda n: joined([], n)])
def test_a_size_below_one_is_refused_with_its_value(make: type[TopK[int]]) -> None:
    with pytest.raises(ValueError, match="size is 0; it must be 1 or more"):
        make(0)
