from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.ads.matching import Layout, Line, Matcher, Opportunity
from bijou.ads.matching.building import BASES
from bijou.ads.matching.samples import LOOSE, TIGHT, Sampler, Shape, registry
from bijou.ports import Instant
from tests.unit.ads.matching import drawing, oracle

EVERYTHING = 1 << 20
LAYOUTS = {
    "rows": Layout(),
    "lists": Layout(row_share=2.0),
    "shared groups": Layout(group_share=2.0, row_share=0.3),
    "trees of numbers": Layout(flat_bounds=0),
    "few rows": Layout(rows_bytes_per_conjunction=1.0),
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_line_items_match_as_their_rules_say(data: st.DataObject, layout: str, *, native: bool) -> None:
    lines = [data.draw(drawing.lines_of(ordinal)) for ordinal in range(data.draw(st.integers(0, 12)))]
    opportunities = data.draw(st.lists(drawing.opportunities, min_size=1, max_size=4))
    matcher = Matcher(drawing.REGISTRY, LAYOUTS[layout], native=native)
    refused = matcher.load(lines).refused
    lines = [line for line in lines if line.ordinal not in refused]

    for opportunity in opportunities:
        expected = oracle.best(lines, opportunity, drawing.REGISTRY)
        assert list(matcher.match(opportunity, EVERYTHING).lines) == expected
        assert matcher.explain(opportunity).serving() == expected


@pytest.mark.parametrize(("shape", "layout"), [(LOOSE, "rows"), (TIGHT, "shared groups")])
def test_half_a_million_pairs_have_no_mismatch(shape: Shape, layout: str) -> None:
    sampler = Sampler(Random(7), few_tests(shape))
    lines = list(sampler.lines(10_000))
    opportunities = [sampler.opportunity() for _ in range(50)]
    matcher = Matcher(registry(), LAYOUTS[layout])
    matcher.load(lines)

    assert mismatches(matcher, lines, opportunities) == 0


def few_tests(shape: Shape) -> Shape:
    """What is not there twice takes the oracle's time twice."""
    return msgspec.structs.replace(shape, pool=50)


def mismatches(matcher: Matcher, lines: list[Line], opportunities: list[Opportunity]) -> int:
    """Count pairs on which the matcher and the rules disagree."""
    truth = oracle.ManyOpportunities(opportunities, registry())
    expected: list[set[int]] = [set() for _ in opportunities]
    for line in lines:
        for number in truth.serving(line).tolist():
            expected[number].add(line.ordinal)
    found = [set(matcher.match(opportunity, EVERYTHING).lines) for opportunity in opportunities]
    return sum(len(one ^ other) for one, other in zip(expected, found, strict=True))


def test_one_wrong_bit_is_noticed() -> None:
    sampler = Sampler(Random(8), few_tests(LOOSE))
    lines = list(sampler.lines(2_000))
    opportunities = [sampler.opportunity() for _ in range(20)]
    matcher = Matcher(registry())
    matcher.load(lines)
    assert mismatches(matcher, lines, opportunities) == 0
    rows = matcher._snapshot.base._rows
    often = matcher.match(opportunities[0], 1).lines[0]
    (line,) = (matcher._snapshot.base.lines.ordinals == often).nonzero()[0].tolist()
    conjunction = int(matcher._snapshot.base._first[line])

    rows[BASES:, conjunction >> 6] ^= 1 << (conjunction & 63)

    assert mismatches(matcher, lines, opportunities) > 0


def test_the_samples_are_as_choosy_as_they_say() -> None:
    shares = {}
    for name, shape in {"loose": LOOSE, "tight": TIGHT}.items():
        sampler = Sampler(Random(9), few_tests(shape))
        matcher = Matcher(registry())
        matcher.load(sampler.lines(4_000))
        found = [len(matcher.match(sampler.opportunity(), EVERYTHING).lines) for _ in range(60)]
        shares[name] = sum(found) / len(found) / 4_000

    assert 0.02 < shares["loose"] < 0.06
    assert 0.0005 < shares["tight"] < 0.003


def test_a_flight_begins_at_its_first_microsecond_and_ends_before_its_last() -> None:
    matcher = Matcher(drawing.REGISTRY, native=False)
    matcher.load([Line(1, 0, starts_at=Instant(10), ends_at=Instant(20))])

    assert [matcher.match(Opportunity(Instant(at)), 1).lines for at in (9, 10, 19, 20)] == [
        (),
        (1,),
        (1,),
        (),
    ]
