"""Eviction that knows the playheads: what it learns, what it keeps, and when it had better not meddle."""

from random import Random

import pytest

from bijou.algorithms.caches import S3Fifo
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


def played(policy: S3Fifo[str, None], requests: list[tuple[float, str, str]], capacity: int) -> float:
    policy.fit(capacity)
    weight = hits = 0
    for now_s, path, session in requests:
        MOMENT[0] = now_s
        if session and isinstance(policy, PlayheadPolicy):
            policy.asked(path, session, "")
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


def in_pairs(films: int, length: int) -> list[tuple[float, str, str]]:
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


def test_where_what_is_told_is_nonsense_it_loses_next_to_nothing() -> None:
    chance = Random(4)
    requests = [
        (at / 10, segment(int(chance.paretovariate(0.7)) % 3000), f"s{chance.randrange(50)}")
        for at in range(8_000)
    ]

    lost = played(S3Fifo(), requests, 200_000) - played(playheads(), requests, 200_000)

    assert lost < 0.005


@pytest.mark.parametrize(("capacity", "one_in"), [(1, 1), (64 << 20, 1), (1 << 30, 8), (1 << 40, 64)])
def test_large_caches_are_judged_by_a_sample(capacity: int, one_in: int) -> None:
    duel = Duel(capacity, Watching(), lambda: 0.0)
    sampled = sum(duel.samples(segment(number)) for number in range(4096))

    assert duel.one_in == one_in
    assert 4096 / one_in * 0.8 - 10 <= sampled <= 4096 / one_in * 1.2 + 10
