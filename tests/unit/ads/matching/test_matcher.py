from collections.abc import Iterator
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bijou.ads.matching import After, Layout, Line, Matcher, Opportunity, Standing
from bijou.audience import In, InAudience, Not, Range, Rule
from bijou.ports import Instant, InvalidRequest
from tests.unit.ads.matching import drawing, oracle
from tests.unit.ads.matching.drawing import REGISTRY

IN_DE = Opportunity(Instant(0), {"country": "DE"})
DE = In("country", ("DE",))


def make_matcher(*lines: Line, delta_lines: int = 4) -> Matcher:
    matcher = Matcher(REGISTRY, Layout(delta_lines=delta_lines), native=False)
    matcher.load(lines)
    return matcher


def lines_of(*ranks: int) -> Iterator[Line]:
    return (Line(ordinal, rank, DE) for ordinal, rank in enumerate(ranks))


def test_the_best_come_first_and_ties_go_to_the_lower_ordinal() -> None:
    matcher = make_matcher(*lines_of(3, 1, 2, 1))

    matches = matcher.match(IN_DE, 10)

    assert (matches.lines, matches.ranks, matches.after) == ((1, 3, 2, 0), (1, 1, 2, 3), None)


def test_a_walk_goes_on_where_it_stopped() -> None:
    matcher = make_matcher(*lines_of(*range(9)))
    walk = matcher.walk(IN_DE)

    assert [walk.take(count).lines for count in (4, 0, 4, 4, 4)] == [
        (0, 1, 2, 3),
        (),
        (4, 5, 6, 7),
        (8,),
        (),
    ]


def test_a_walk_goes_on_from_its_place_in_another_process() -> None:
    matcher, other = make_matcher(*lines_of(5, 5, 5, 2)), make_matcher(*lines_of(5, 5, 5, 2))
    first = matcher.match(IN_DE, 2)
    assert (first.lines, first.after) == ((3, 0), After(5, 0))

    assert other.match(IN_DE, 9, first.after).lines == (1, 2)


def test_changed_line_items_stand_where_their_rank_puts_them() -> None:
    matcher = make_matcher(*lines_of(10, 20, 30))
    matcher.put(Line(7, 15, DE))
    matcher.put(Line(0, 25, DE))
    walk = matcher.walk(IN_DE)

    assert [walk.take(1).lines for _ in range(5)] == [(7,), (1,), (0,), (2,), ()]
    assert matcher.match(IN_DE, 9, After(15, 7)).lines == (1, 0, 2)


@pytest.mark.parametrize("merged", [False, True])
def test_a_change_shows_in_the_next_match(*, merged: bool) -> None:
    matcher = make_matcher(*lines_of(1, 2, 3))
    matcher.put(Line(0, 1, In("country", ("FR",))))
    matcher.stand(1, Standing.PAUSED)
    if merged:
        matcher.merge()

    assert matcher.match(IN_DE, 9).lines == (2,)
    assert matcher.match(Opportunity(Instant(0), {"country": "FR"}), 9).lines == (0,)
    assert matcher.stand(1, Standing.ACTIVE)
    assert matcher.match(IN_DE, 9).lines == (1, 2)


def test_what_is_removed_is_gone_and_may_come_back() -> None:
    matcher = make_matcher(*lines_of(1, 2))

    assert (matcher.remove(0), matcher.remove(0), matcher.remove(99)) == (True, False, False)
    assert matcher.match(IN_DE, 9).lines == (1,)
    assert not matcher.stand(0, Standing.ACTIVE)
    assert [each.ordinal for each in matcher.explain(IN_DE)] == [1]
    matcher.put(Line(0, 9, DE))
    assert matcher.match(IN_DE, 9).lines == (1, 0)


def test_a_refused_change_leaves_what_served_before() -> None:
    matcher = make_matcher(*lines_of(1))

    with pytest.raises(InvalidRequest):
        matcher.put(Line(0, 1, In("contry", ("DE",))))
    with pytest.raises(InvalidRequest, match="line item -1; ordinals are 0 to 2\\^31 - 1"):
        matcher.put(Line(-1, 1))

    assert matcher.match(IN_DE, 9).lines == (0,)


def test_line_items_with_wrong_targeting_do_not_serve_and_stop_no_other() -> None:
    matcher = Matcher(REGISTRY, native=False)

    loaded = matcher.load([Line(0, 1, DE), Line(1, 2, In("contry", ("DE",))), Line(2, 3, Not(Not(DE)))])

    assert loaded.line_items == 2
    assert loaded.refused == {1: "$: there is no dimension 'contry'; did you mean country?"}
    assert matcher.match(IN_DE, 9).lines == (0, 2)


def test_line_items_that_can_never_serve_are_warned_of() -> None:
    matcher = Matcher(REGISTRY, native=False)

    loaded = matcher.load(
        [Line(0, 1, Range("age", low=9, high=3)), Line(1, 2, starts_at=Instant(5), ends_at=Instant(5))]
    )

    assert loaded.warned == {
        0: "the targeting contradicts itself: it can never match",
        1: "its flight ends before it starts: it can never serve",
    }
    assert matcher.put(Line(1, 2, starts_at=Instant(6), ends_at=Instant(5))) == (loaded.warned[1],)


def test_an_ordinal_that_comes_twice_is_refused_and_nothing_changes() -> None:
    matcher = make_matcher(*lines_of(1))

    with pytest.raises(InvalidRequest, match="line item 5 came twice; ordinals are unique"):
        matcher.load([Line(5, 1), Line(5, 2)])

    assert matcher.match(IN_DE, 9).lines == (0,)


def test_compiled_targeting_is_put_without_its_rule() -> None:
    matcher = make_matcher(*lines_of(1))
    targeting = matcher.compile(InAudience("a"))

    matcher.put(Line(3, 0), targeting)

    assert matcher.match(IN_DE, 9).lines == (0,)
    assert matcher.match(Opportunity(Instant(0), audiences=("a",)), 9).lines == (3,)


def test_so_many_changes_make_a_merge_due() -> None:
    matcher = make_matcher(*lines_of(1, 2, 3), delta_lines=2)
    dues = []
    for ordinal in range(3):
        dues.append(matcher.is_due)
        matcher.put(Line(ordinal, 9, DE))
    assert dues == [False, False, True]

    matcher.merge()

    assert not matcher.is_due
    assert matcher.statistics()["delta_line_items"] == 0
    assert matcher.match(IN_DE, 9).lines == (0, 1, 2)


def test_a_walk_that_began_before_a_merge_ends_as_it_began() -> None:
    matcher = make_matcher(*lines_of(*range(6)))
    matcher.put(Line(9, 2, DE))
    walk = matcher.walk(IN_DE)
    first = walk.take(3).lines
    matcher.merge()

    assert first + walk.take(9).lines == (0, 1, 2, 9, 3, 4, 5)


def test_the_delta_grows_past_its_room() -> None:
    matcher = make_matcher(delta_lines=1)
    for ordinal in range(40):
        matcher.put(Line(ordinal, -ordinal, In("title", tuple(f"t{n}" for n in range(50)))))

    assert matcher.match(Opportunity(Instant(0), {"title": "t7"}), 99).lines == tuple(range(39, -1, -1))


class MergingMatcher(Matcher):
    """Lets a test change line items in the middle of a merge."""

    def __init__(self, meanwhile: list[Line | tuple[int, Standing] | int]) -> None:
        self.meanwhile: list[Line | tuple[int, Standing] | int] = []
        super().__init__(REGISTRY, Layout(delta_lines=2), native=False)
        self.load(lines_of(1, 2, 3, 4))
        self.put(Line(4, 5, DE))
        self.put(Line(5, 6, DE))
        self.meanwhile = meanwhile

    def _built(self, lines):  # type: ignore[no-untyped-def]
        snapshot = super()._built(lines)
        while self.meanwhile:
            match self.meanwhile.pop(0):
                case Line() as line:
                    self.put(line)
                case (ordinal, standing):
                    self.stand(ordinal, standing)
                case int(ordinal):
                    self.remove(ordinal)
        return snapshot


@pytest.mark.parametrize(
    ("meanwhile", "after"),
    [
        ([], (0, 1, 2, 3, 4, 5)),
        ([Line(0, 9, DE), Line(4, 0, DE), Line(8, 7, DE)], (4, 1, 2, 3, 5, 8, 0)),
        ([(1, Standing.PAUSED), (5, Standing.EXHAUSTED)], (0, 2, 3, 4)),
        ([1, 5, Line(9, 9, DE), 9], (0, 2, 3, 4)),
        ([1, Line(1, 8, DE), Line(1, 0, DE)], (1, 0, 2, 3, 4, 5)),
        ([Line(1, 8, DE), (1, Standing.PAUSED), (2, Standing.PAUSED), (2, Standing.ACTIVE)], (0, 2, 3, 4, 5)),
        ([(-1, Standing.ACTIVE), (5_000, Standing.PAUSED)], (0, 1, 2, 3, 4, 5)),  # they are not there
    ],
)
def test_changes_in_the_middle_of_a_merge_are_kept(
    meanwhile: list[Line | tuple[int, Standing] | int], after: tuple[int, ...]
) -> None:
    matcher = MergingMatcher(meanwhile)
    matcher.merge()

    assert matcher.match(IN_DE, 99).lines == after
    matcher.merge()
    assert matcher.match(IN_DE, 99).lines == after


def test_a_viewer_in_no_audience_is_not_one_of_whom_nothing_is_known() -> None:
    matcher = make_matcher(Line(0, 0, Not(InAudience("a"))))

    assert matcher.match(Opportunity(Instant(0), audiences=()), 9).lines == (0,)
    assert matcher.match(Opportunity(Instant(0), audiences=None), 9).lines == ()
    assert matcher.explain(Opportunity(Instant(0))).verdict(0).says == (
        "audience is unknown; asked: audience not in (a)"
    )


def test_matches_go_on_while_others_change_and_merge() -> None:
    matcher = Matcher(REGISTRY, Layout(delta_lines=64))
    matcher.load(lines_of(*range(2_000)))
    found: list[tuple[int, ...]] = []

    def ask() -> None:
        found.extend(matcher.match(IN_DE, 5_000).lines for _ in range(200))

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(200):
        matcher.put(Line(number, 10_000 + number, DE))
        if matcher.is_due:
            matcher.merge()
    for thread in threads:
        thread.join()

    assert len(found) == 400
    assert all(len(set(lines)) == len(lines) for lines in found)  # none twice
    assert all([each for each in lines if each >= 200] == list(range(200, 2_000)) for lines in found)
    assert matcher.match(IN_DE, 5_000).lines == (*range(200, 2_000), *range(200))


class AnyHistory(RuleBasedStateMachine):
    """Whatever changes in whatever order, the matcher says what the rules say."""

    @initialize(lines=st.lists(drawing.lines_of(*range(6)), max_size=6, unique_by=lambda line: line.ordinal))
    def load(self, lines: list[Line]) -> None:
        self.matcher = Matcher(REGISTRY, Layout(delta_lines=3), native=False)
        refused = self.matcher.load(lines).refused
        self.lines = {line.ordinal: line for line in lines if line.ordinal not in refused}

    @rule(line=drawing.lines_of(*range(8)))
    def put(self, line: Line) -> None:
        try:
            self.matcher.put(line)
        except InvalidRequest:
            return
        self.lines[line.ordinal] = line

    @rule(ordinal=st.integers(0, 8))
    def remove(self, ordinal: int) -> None:
        assert self.matcher.remove(ordinal) == (self.lines.pop(ordinal, None) is not None)

    @rule(ordinal=st.integers(0, 8), standing=st.sampled_from(Standing))
    def stand(self, ordinal: int, standing: Standing) -> None:
        assert self.matcher.stand(ordinal, standing) == (ordinal in self.lines)
        if ordinal in self.lines:
            line = self.lines[ordinal]
            self.lines[ordinal] = Line(
                line.ordinal, line.rank, line.rule, line.starts_at, line.ends_at, standing
            )

    @rule()
    def merge(self) -> None:
        self.matcher.merge()

    @rule(opportunity=drawing.opportunities, step=st.integers(1, 3))
    def walk(self, opportunity: Opportunity, step: int) -> None:
        walk = self.matcher.walk(opportunity)
        found: list[int] = []
        after = None
        while True:
            matches = walk.take(step)
            assert matches == self.matcher.match(opportunity, step, after)
            found += matches.lines
            after = matches.after
            if after is None:
                break

        assert found == oracle.best(list(self.lines.values()), opportunity, REGISTRY)

    @invariant()
    def explanations_cover_all(self) -> None:
        if hasattr(self, "matcher"):
            assert sorted(v.ordinal for v in self.matcher.explain(IN_DE)) == sorted(self.lines)


AnyHistory.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
test_any_history_ends_in_what_the_rules_say = AnyHistory.TestCase


def test_rules_are_compared_and_never_run() -> None:
    evil: Rule = In("country", ("__import__('os').system('false')", "'); DROP TABLE line_items; --"))
    matcher = make_matcher(Line(0, 0, evil))

    assert matcher.match(Opportunity(Instant(0), {"country": "'); DROP TABLE line_items; --"}), 9).lines == (
        0,
    )
