"""Eviction that knows the playheads: what it learns, what it keeps, and when it had better not meddle."""

from collections.abc import Callable, Iterator
from itertools import accumulate, cycle
from random import Random
from typing import Any

import pytest

from bijou.algorithms.caches import Policy, S3Fifo
from bijou.delivery import watching as watching_module
from bijou.delivery.duel import Duel
from bijou.delivery.playheads import PlayheadPolicy
from bijou.delivery.watching import IDLE_S, Watching

RUNG = "/media/ast_1/v360"


def segment(number: int, rung: str = RUNG) -> str:
    return f"{rung}/{number:05}.m4s"


def expected(watching: Watching, path: str, now_s: float) -> float:
    place = watching.place(path, now_s)
    assert place is not None
    return watching.expected(place, now_s)


def watch(watching: Watching, session: str, first: int, last: int, now_s: float, rung: str = RUNG) -> float:
    """Ask for segments first..last, one in four seconds; return when it ended."""
    for number in range(first, last + 1):
        watching.asked(segment(number, rung), session, segment(number + 1, rung), now_s)
        now_s += 4.0
    return now_s


def test_what_lies_before_a_playhead_is_expected_and_what_lies_behind_is_not() -> None:
    watching = Watching()
    now_s = watch(watching, "s", 0, 20, 0.0)
    watching.look_ahead(120.0, now_s)

    ahead = [expected(watching, segment(number), now_s) for number in (21, 25, 40)]
    behind = expected(watching, segment(10), now_s)
    elsewhere = expected(watching, segment(21, "/media/ast_1/v720"), now_s)

    assert ahead[0] > ahead[1] > ahead[2] > behind
    assert 0.5 < ahead[0] <= 1.2
    assert behind < ahead[0] / 5
    assert elsewhere < ahead[0] / 3


def test_two_playheads_are_worth_two() -> None:
    watching = Watching()
    for session in ("s", "t"):
        now_s = watch(watching, session, 0, 20, 0.0)
    watching.look_ahead(120.0, now_s)

    both = expected(watching, segment(21), now_s)
    watch(watching, "other film", 0, 0, now_s + IDLE_S + 1, "/media/ast_2/v360")

    assert both > 1.2
    assert expected(watching, segment(21), now_s + IDLE_S + 1) < both / 4


def test_what_a_player_says_comes_next_moves_its_playhead_to_that_rendition() -> None:
    watching = Watching()
    watch(watching, "s", 0, 20, 0.0)
    watching.asked(segment(21), "s", segment(22, "/media/ast_1/v720"), 84.0)
    watching.look_ahead(120.0, 84.0)

    assert expected(watching, segment(22, "/media/ast_1/v720"), 84.0) > expected(watching, segment(22), 84.0)


def test_it_learns_where_people_leave() -> None:
    watching, now_s = Watching(), 0.0
    for number in range(60):  # all leave after ten segments of forty
        watch(watching, f"s{number}", 0, 10, now_s)
        now_s += 44.0
    watch(watching, "one who stays", 0, 39, now_s)
    watch(watching, "now", 0, 8, now_s)
    watching.look_ahead(300.0, now_s + 200)

    soon, late = (expected(watching, segment(number), now_s + 36) for number in (10, 14))

    assert late < soon / 3


def test_an_ad_break_leaves_the_films_playhead_where_it_is() -> None:
    watching = Watching()
    now_s = watch(watching, "s", 0, 10, 0.0)
    now_s = watch(watching, "s", 0, 3, now_s, "/media/ad_1/v360")
    watching.look_ahead(60.0, now_s)

    assert expected(watching, segment(11), now_s) > 0.5


def test_names_that_are_no_segments_have_no_place_and_break_nothing() -> None:
    watching = Watching()
    for path in (
        "/media/a/master.m3u8",
        "/media/a/init.mp4",
        "/",
        "",
        "/media/a/v/99999999.m4s",
        "/a/b/5000.m4s",
    ):
        watching.asked(path, "s", "nonsense", 0.0)

        assert watching.place(path, 0.0) is None, path


def test_no_flood_of_names_that_are_nothing_takes_more_memory_than_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching_module, "_CELLS_KEPT", 1 << 20)
    monkeypatch.setattr(watching_module, "_HEADS_KEPT", 500)
    watching = Watching()
    first = watching.place(segment(4095, "/media/ast_1/x0/v"), 0.0)
    for number in range(1000):
        watching.asked(segment(4095, f"/media/ast_1/x{number}/v"), f"s{number}", "", 0.0)
        watching.asked(segment(4095, f"/media/ast_1/x/v{number}"), "s", "", 0.0)
    held = {id(title): title for _, _, title in watching._heads} | {
        id(title): title for title in watching._titles.values()
    }
    now_s = watch(watching, "viewer", 0, 20, 10.0)
    watching.look_ahead(120.0, now_s)

    assert sum(title.cells for title in held.values()) <= 1 << 20
    assert len(watching._heads) <= 500
    assert first is not None
    assert watching.expected(first, now_s) == 0
    assert expected(watching, segment(21), now_s) > 0.5


def test_the_title_asked_for_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "_CELLS_KEPT", 1 << 15)  # two titles to their ends, and no third
    watching = Watching()
    for title, number in (("first", 10), ("second", 4095), ("third", 10), ("first", 4095)):
        watching.asked(segment(number, f"/media/{title}/v"), title, "", 0.0)

    assert [*watching._titles] == ["/media/third", "/media/first"]


Requests = list[tuple[float, str, str]]
"""When, what, and in which session or none."""


def played(policy: Policy[str, Any], requests: Requests, capacity: int) -> float:
    policy.fit(capacity)
    watches = policy if isinstance(policy, PlayheadPolicy) else None
    weight = hits = 0
    for now_s, path, session in requests:
        MOMENT[0] = now_s
        if session and watches is not None:
            watches.asked(path, session, "")
        entry = policy.find(path)
        if entry is not None:
            policy.touch(entry)
            hits += 1
            continue
        policy.insert(policy.entry_type(path, None, 1000))
        weight += 1000
        while weight > capacity:
            weight -= policy.evict().weight
        assert len(policy) * 1000 == weight
    return hits / len(requests)


MOMENT = [0.0]


def playheads() -> PlayheadPolicy:
    return PlayheadPolicy(lambda: int(MOMENT[0] * 1e9))


def in_pairs(films: int, length: int) -> Requests:
    """Each film is watched by two, the second so far behind that queues have let go by then."""
    requests = []
    for film in range(films):
        for viewer, late_s in ((0, 0.0), (1, 400.0)):
            start_s = film * 10.0 + late_s
            requests += [
                (start_s + 4 * number, segment(number, f"/media/ast_{film}/v1"), f"s{film}.{viewer}")
                for number in range(length if film % 4 == 0 or viewer == 0 else 2)
            ]
    return sorted(requests)


def test_who_follows_somebody_finds_what_he_left_where_queues_have_let_go() -> None:
    requests = in_pairs(films=60, length=100)
    capacity = 1000 * 700

    policy = playheads()
    found, by_queues = played(policy, requests, capacity), played(S3Fifo(), requests, capacity)

    assert policy.leads
    assert found > by_queues + 0.01


def test_where_nobody_tells_who_asks_it_is_s3_fifo_to_the_request() -> None:
    chance = Random(3)
    requests = [(at / 10, f"/objects/{int(chance.paretovariate(0.7)) % 3000}", "") for at in range(8_000)]

    assert played(playheads(), requests, 200_000) == played(S3Fifo(), requests, 200_000)


def at_random(chance: Random, many: int) -> Requests:
    """Names and sessions as of films, but every request goes anywhere."""
    return [
        (at / 10, segment(int(chance.paretovariate(0.7)) % 3000), f"s{chance.randrange(50)}")
        for at in range(many)
    ]


def backwards(chance: Random, many: int) -> Requests:
    """Fifty sessions read from the end to the beginning, the popular more often."""
    popular = [*accumulate((rank + 1) ** -0.9 for rank in range(60))]
    standing: dict[int, tuple[int, int]] = {}
    requests = []
    for at in range(many):
        reader = chance.randrange(50)
        film, number = standing.get(reader, (0, -1))
        if number < 0:
            film, number = chance.choices(range(60), cum_weights=popular)[0], chance.randrange(60, 200)
        standing[reader] = film, number - 1
        requests.append((at / 50, segment(number, f"/media/log_{film}/a"), f"s{reader}"))
    return requests


def walked(chance: Random, many: int) -> Requests:
    """Sessions walk over maps to neighbours, one step in four to what a viewer would ask for next."""
    popular = [*accumulate((rank + 1) ** -1.1 for rank in range(200))]
    standing: dict[int, int] = {}
    requests = []
    for at in range(many):
        walker = chance.randrange(60)
        if walker not in standing or chance.random() < 0.03:
            standing[walker] = chance.choices(range(200), cum_weights=popular)[0] * 19 % 4096
        standing[walker] = min(4095, max(0, standing[walker] + chance.choice((1, -1, 64, -64))))
        requests.append((at / 50, segment(standing[walker], "/media/map/z1"), f"s{walker}"))
    return requests


@pytest.mark.parametrize("made", [at_random, backwards, walked])
@pytest.mark.parametrize("kept", [50, 400])
def test_where_sessions_do_as_no_viewer_does_it_never_loses_half_a_point(
    made: Callable[[Random, int], Requests], kept: int
) -> None:
    requests = made(Random(4), 10_000)

    lost = played(S3Fifo(), requests, kept * 1000) - played(playheads(), requests, kept * 1000)

    assert lost < 0.005


class Misled(PlayheadPolicy):
    """Follows a forecast that expects nothing, for as long as it is told to."""

    misled = True

    @property
    def leads(self) -> bool:
        return self.misled


def test_coming_back_to_s3_fifo_costs_each_object_that_it_holds_one_miss_and_no_more() -> None:
    requests, kept = at_random(Random(5), 12_000), 200
    misled, reference = Misled(lambda: int(MOMENT[0] * 1e9)), S3Fifo[str, None]()
    played(misled, [(0.0, path, "") for _, path, _ in requests[:6000]], kept * 1000)
    played(reference, requests[:6000], kept * 1000)
    misled.misled = False
    missed = []

    for _, path, _ in requests[6000:]:
        here = found(misled, path, kept)
        if found(reference, path, kept) and not here:
            missed.append(path)

    assert 5 < len(missed) == len(set(missed)) <= kept
    asked_since = {path for _, path, _ in requests[6000:]}
    assert {entry.key for entry in reference} & asked_since <= {entry.key for entry in misled}


def found(policy: Policy[str, Any], path: str, kept: int) -> bool:
    """Ask for one object of a cache of so many."""
    entry = policy.find(path)
    if entry is not None:
        policy.touch(entry)
        return True
    policy.insert(policy.entry_type(path, None, 1000))
    if len(policy) > kept:
        policy.evict()
    return False


def duel_of_viewers() -> Duel:
    """Over a cache of a hundred names of 1,000 bytes, of which the forecast keeps the lowest."""
    watching = Watching()
    watch(watching, "s", 0, 400, 0.0)
    return Duel(100_000, watching, lambda entry: -float(entry.key))


def in_no_order() -> Watching:
    """What is learnt of sessions of which none goes on."""
    watching = Watching()
    for number in range(400):
        watching.asked(segment(number * 37 % 400), "s", "", number * 4.0)
    return watching


def until_followed(duel: Duel, names: Iterator[int]) -> int:
    """Ask in a loop longer than the cache, of which S3-FIFO finds nothing; return after how many."""
    for count, name in enumerate(names):
        if duel.leads:
            return count
        duel.asked_bytes += 1000
        duel.asked(str(name), 1000, None)
    raise AssertionError


def test_the_forecast_is_followed_until_it_lost_a_tenth_of_the_cache_since_its_best_moment() -> None:
    duel = duel_of_viewers()
    until_followed(duel, cycle(range(150)))

    duel.differed(+50_000)
    duel.differed(-10_000)
    still = duel.leads
    duel.differed(-1000)

    assert still
    assert not duel.leads


def test_where_sessions_do_not_go_on_as_viewers_do_the_forecast_must_show_more_and_may_lose_less() -> None:
    of_viewers, of_others = duel_of_viewers(), Duel(100_000, in_no_order(), lambda entry: -float(entry.key))

    soon, late = (until_followed(duel, cycle(range(150))) for duel in (of_viewers, of_others))
    of_others.differed(-5001)

    assert late > soon + 5
    assert not of_others.leads


def test_where_nobody_tells_sessions_no_lead_is_believed() -> None:
    duel = Duel(100_000, Watching(), lambda entry: -float(entry.key))
    for name in 20 * [*range(150)]:
        duel.asked_bytes += 1000
        duel.asked(str(name), 1000, None)

    assert not duel.leads


def test_who_had_won_little_when_it_lost_must_show_four_times_as_much_to_be_followed_again() -> None:
    duel, names = duel_of_viewers(), cycle(range(150))
    duel.asked_bytes = 3e7
    needed = []
    for _ in range(3):
        needed.append(until_followed(duel, names))
        duel.differed(-11_000)

    assert needed[1] < needed[2] / 2


def test_nobody_is_followed_who_has_cost_more_than_four_in_a_thousand_in_all() -> None:
    duel, names = duel_of_viewers(), cycle(range(150))
    until_followed(duel, names)
    duel.differed(-11_000)

    assert until_followed(duel, names) > 2500


@pytest.mark.parametrize(("capacity", "one_in"), [(1, 1), (64 << 20, 1), (1 << 30, 8), (1 << 40, 16)])
def test_large_caches_are_judged_by_a_sample(capacity: int, one_in: int) -> None:
    duel = Duel(capacity, Watching(), lambda _entry: 0.0)
    sampled = sum(duel.samples(segment(number)) for number in range(4096))

    assert duel.one_in == one_in
    assert 4096 / one_in * 0.8 - 10 <= sampled <= 4096 / one_in * 1.2 + 10
