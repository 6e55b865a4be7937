import pytest

from bijou.ads.matching import Dayparts, Line, Matcher, Opportunity, Standing, daypart
from bijou.audience import And, In, InAudience, Not, Or, Range, Recency, Rule
from bijou.ports import Instant, InvalidRequest, NotFound
from tests.unit.ads.matching.drawing import REGISTRY

AT = Instant.parse("2026-03-04T12:30:00Z")  # a Wednesday
VIEWER = Opportunity(
    AT,
    {"country": "FR", "genre": ["noir", "war"], "age": 33, "live": False, "device": 7},
    audiences=["runners"],
    occasions={"watched": {"noir": Instant(AT - 60_000_000)}},
)


def explained(rule: Rule, **fields: object) -> tuple[str, str]:
    matcher = Matcher(REGISTRY, native=False)
    matcher.put(Line(1, 1, rule, **fields))  # type: ignore[arg-type]
    verdict = matcher.explain(VIEWER).verdict(1)
    assert verdict.may_serve == (not verdict.reason) == (matcher.match(VIEWER, 1).lines == (1,))
    return verdict.reason, verdict.says


@pytest.mark.parametrize(
    ("rule", "reason", "says"),
    [
        (In("country", ("FR",)), "", ""),
        (In("country", ("DE", "AT")), "country", "country is 'FR'; asked: country in (AT, DE)"),
        (Not(In("country", ("FR",))), "country", "country is 'FR'; asked: country not in (FR)"),
        (Not(In("city", ("Lyon",))), "city", "city is unknown; asked: city not in (Lyon)"),
        (In("device", ("tv",)), "device", "device is unknown; asked: device in (tv)"),
        (Not(In("genre", ("war",))), "genre", "genre is ['noir', 'war']; asked: genre not in (war)"),
        (In("live", (True,)), "live", "live is False; asked: live in (true)"),
        (Range("age", low=18, high=25), "age", "age is 33; asked: age >= 18 and <= 25"),
        (Range("age", low=33, low_open=True), "age", "age is 33; asked: age > 33"),
        (Range("age", high=33, high_open=True), "age", "age is 33; asked: age < 33"),
        (In("age", (34, 40)), "age", "age is 33; asked: age = 34 or = 40"),
        (Not(Range("age", low=30, high=40)), "age", "age is 33; asked: age < 30 or > 40"),
        (InAudience("golfers"), "audience", "the viewer is in 1 audiences; asked: audience in (golfers)"),
        (
            Recency("watched", "noir", 30),
            "watched:noir",
            "watched:noir is 60; asked: watched:noir >= 0 and <= 30",
        ),
        (In("weekday", ("sat", "sun")), "weekday", "weekday is 'wed'; asked: weekday in (sat, sun)"),
        (Range("hour", low=18), "hour", "hour is 12; asked: hour >= 18"),
        (
            And((InAudience("a"), Not(InAudience("a")))),
            "never",
            "its targeting contradicts itself: it can never match",
        ),
    ],
)
def test_the_reason_is_said_with_the_fact_and_what_was_asked(rule: Rule, reason: str, says: str) -> None:
    assert explained(rule) == (reason, says)


def test_standing_comes_before_the_flight_and_the_flight_before_targeting() -> None:
    nowhere = In("country", ("DE",))
    late, early = Instant(AT + 1), Instant(AT - 1)

    assert explained(nowhere, standing=Standing.PAUSED, starts_at=late)[0] == "paused"
    assert explained(nowhere, standing=Standing.EXHAUSTED) == ("exhausted", "it is exhausted")
    assert explained(nowhere, starts_at=late) == (
        "not begun",
        "its flight begins at 2026-03-04T12:30:00.000001Z",
    )
    assert explained(nowhere, ends_at=early) == ("ended", "its flight ended at 2026-03-04T12:29:59.999999Z")


def test_of_alternatives_the_one_that_got_furthest_is_said() -> None:
    near = And((In("country", ("FR",)), In("genre", ("noir",)), Range("age", low=40)))
    far = In("country", ("DE",))

    assert explained(Or((far, near)))[0] == "age"


def test_dimensions_are_looked_at_in_the_order_of_the_registry() -> None:
    assert explained(And((InAudience("x"), Range("age", low=90), In("country", ("DE",)))))[0] == "country"


def test_every_line_item_has_its_verdict_best_first() -> None:
    matcher = Matcher(REGISTRY, native=False)
    matcher.load([Line(1, 5), Line(2, 4, In("country", ("DE",))), Line(3, 3, standing=Standing.PAUSED)])
    matcher.put(Line(4, 1, In("country", ("AT",))))
    explanation = matcher.explain(VIEWER)

    assert [(each.ordinal, each.reason) for each in explanation] == [
        (4, "country"),
        (3, "paused"),
        (2, "country"),
        (1, ""),
    ]
    assert explanation.reasons() == {"country": 2, "paused": 1}
    assert explanation.serving() == [1]


def test_an_unknown_line_item_has_no_verdict() -> None:
    with pytest.raises(NotFound, match="there is no line item 9 among 0"):
        Matcher(REGISTRY, native=False).explain(VIEWER).verdict(9)


def test_a_daypart_follows_the_viewers_clock() -> None:
    matcher = Matcher(REGISTRY, native=False)
    matcher.put(Line(0, 0, daypart([2 * 24 + 12, 3 * 24 + 0])))  # Wednesday noon, Thursday's first hour

    def at(text: str, offset_s: int = 0) -> tuple[int, ...]:
        return matcher.match(Opportunity(Instant.parse(text), utc_offset_s=offset_s), 1).lines

    assert at("2026-03-04T12:59:59Z") == (0,)
    assert at("2026-03-04T13:00:00Z") == ()
    assert at("2026-03-04T13:00:00Z", -3600) == (0,)
    assert at("2026-03-04T23:30:00Z", 3600) == (0,)
    with pytest.raises(ValueError, match="hour 168 of the week; a week has hours 0 to 167"):
        daypart([168])


def test_dayparts_follow_the_line_items_clock_wherever_the_viewer_is() -> None:
    evenings = Dayparts("Europe/Berlin", ((20 * 60, 22 * 60), (24 * 60 + 20 * 60, 24 * 60 + 22 * 60)))
    matcher = Matcher(REGISTRY, native=False)
    matcher.put(Line(0, 0, Not(In("country", ("DE",))), dayparts=evenings))

    def at(text: str, offset_s: int = 0) -> tuple[int, ...]:
        return matcher.match(
            Opportunity(Instant.parse(text), {"country": "FR"}, utc_offset_s=offset_s), 1
        ).lines

    assert at("2026-03-02T18:59:59Z") == ()
    assert at("2026-03-02T19:00:00Z") == at("2026-03-02T20:59:59Z", -36_000) == (0,)
    assert at("2026-03-02T21:00:00Z") == at("2026-03-04T19:30:00Z") == ()
    assert at("2026-03-30T18:00:00Z") == (0,)  # summer has come
    verdict = matcher.explain(Opportunity(Instant.parse("2026-03-04T19:30:00Z"), {"country": "FR"})).verdict(
        0
    )
    assert (verdict.reason, verdict.says) == (
        "daypart",
        "it is wed 20:30 in Europe/Berlin; asked: mon 20:00 to mon 22:00, tue 20:00 to tue 22:00",
    )


@pytest.mark.parametrize(
    ("dayparts", "says"),
    [
        (Dayparts("Europe/Bonn", ((0, 1),)), "dayparts: there is no time zone 'Europe/Bonn'"),
        (Dayparts("UTC", ((5, 5),)), "dayparts: minutes 5 to 5; they lie in a week of 10,080"),
        (Dayparts("UTC", ((0, 10_081),)), "dayparts: minutes 0 to 10081; they lie in a week of 10,080"),
    ],
)
def test_dayparts_that_no_week_has_are_refused(dayparts: Dayparts, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Matcher(REGISTRY, native=False).put(Line(0, 0, dayparts=dayparts))

    assert refused.value.detail == says


def test_no_dayparts_at_all_are_warned_of_and_serve_nobody() -> None:
    matcher = Matcher(REGISTRY, native=False)

    assert matcher.put(Line(0, 0, dayparts=Dayparts("UTC", ()))) == (
        "it has no dayparts: it can never serve",
    )
    assert matcher.match(VIEWER, 1).lines == ()
