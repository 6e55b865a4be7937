"""What was said lately is what would be said now, or is not said again."""

from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.steering import Pathway, Pathways, Patience, PeerHealth, Standing, States, Steerer, Tempo
from bijou.delivery.steering.lately import Lately, Said
from bijou.delivery.steering_site import SteeringSite
from bijou.delivery.tokens import TokenKey, TokenKeys
from bijou.delivery.wire import Request
from bijou.ports import Instant, VirtualClock

REGIONS: Final = [
    Pathway("east", "http://127.0.0.2:8810", capacity=100),
    Pathway("west", "http://127.0.0.3:8810", capacity=100),
]  # fmt: skip
OLD, NEW = TokenKey("k1", bytes(32)), TokenKey("k2", bytes(range(32)))
USUAL = "_HLS_pathway=%22east%22&_HLS_throughput=5000000"
QUERIES = [
    USUAL, USUAL, USUAL, "_DASH_pathway=west&_DASH_throughput=700", "_HLS_pathway=%22east%22", "",
    "_HLS_pathway=north", "_HLS_pathway=%22east%22&_HLS_throughput=0", "a=b&" + USUAL, USUAL + "&a=b",
    "_HLS_throughput=5000000&_HLS_pathway=east", "_HLS_pathway=EAST",
]  # fmt: skip


class House:
    """All regions as one process sees them, and a steerer that remembers."""

    def __init__(self) -> None:
        self.clock = VirtualClock(Instant(3600 * 1_000_000))
        self.believed = [OLD]
        self.keys = TokenKeys(lambda: self.believed, self.clock)
        self.pathways = Pathways(REGIONS, self.clock, Patience())
        self.pathways.look()
        self.steerer = self.newcomer()
        self.states = [self.state(f"ses_{number}") for number in range(2)]

    def newcomer(self) -> Steerer:
        """One that remembers nothing."""
        return Steerer(self.pathways, self.keys, self.clock, tempo=Tempo(10, 2, 60))

    def state(
        self,
        session: str = "ses_1",
        *,
        home: str = "east",
        lasts_s: int = 30,
        avoid: tuple[tuple[str, int], ...] = (),
    ) -> str:
        ends_s = self.clock.now() // 1_000_000 + lasts_s
        standing = Standing(session, home, "east", ends_s, "ast_1", avoid)
        return States(self.keys, self.clock).write(standing)

    def look(self, dead: str = "", connections: int = 0) -> None:
        for region in self.pathways.all:
            if region == dead:
                self.pathways.unanswered(region)
            else:
                self.pathways.answered(region, 0.01, PeerHealth(connections))
        self.clock.advance(1)
        self.pathways.look()

    def rotate(self) -> None:
        self.believed = [NEW]
        self.steerer.expire(0)

    def ask(self, state: str, query: str, steerer: Steerer) -> tuple[int, bytes, bytes]:
        answer = steerer.answer(Request("GET", f"/steer/{state}", {}, query=query.encode()))
        assert answer is not None
        return answer.status, answer.head, bytes(answer.body)

    def readily(self, state: str, query: str = USUAL) -> bytes | None:
        answer = self.steerer.ready(f"GET /steer/{state}?{query}".encode())
        return None if answer is None else answer.whole()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 5), st.sampled_from(QUERIES)),
        st.tuples(st.just("ask"), st.integers(0, 1), st.just(USUAL)),
        st.tuples(
            st.just("look"), st.sampled_from(["", "", "east", "west"]), st.sampled_from([0, 0, 90, 99])
        ),
        st.tuples(st.just("wait"), st.sampled_from([1, 29, 70])),
        st.tuples(st.just("rotate")),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_what_is_remembered_is_what_one_would_say_who_remembers_nothing(
    steps: list[tuple[object, ...]],
) -> None:
    house = House()
    for step in steps:
        match step:
            case ("ask", int(at), str(query)):
                state = house.states[at % len(house.states)]
                status, head, body = house.ask(state, query, house.newcomer())
                ready = house.readily(state, query)
                assert ready in {None, head + b"\r\n" + body}
                assert house.ask(state, query, house.steerer) == (status, head, body)
                if status == 200:
                    told = msgspec.json.decode(body)["RELOAD-URI"].rpartition("/")[2]
                    house.states = [*house.states, told][-6:]
            case ("look", str(dead), int(connections)):
                house.look(dead, connections)
            case ("wait", int(seconds)):
                house.clock.advance(seconds)
            case _:
                house.rotate()


def test_a_session_that_asks_again_is_answered_without_being_read() -> None:
    house = House()
    state = house.state()
    assert house.readily(state) is None
    status, head, body = house.ask(state, USUAL, house.steerer)

    assert status == 200
    assert house.readily(state) == head + b"\r\n" + body
    assert house.readily(state, "_HLS_pathway=east&_HLS_throughput=7") == head + b"\r\n" + body
    assert house.steerer.answers == 3


@pytest.mark.parametrize("what", ["a region died", "a key was taken away", "it is crowded", "it is full"])
def test_nothing_is_remembered_beyond_a_change(what: str) -> None:
    house = House()
    state = house.state()
    house.ask(state, USUAL, house.steerer)
    if what == "a region died":
        house.look("east")
        house.look("east")
    elif what == "it is crowded":
        house.look(connections=90)
    elif what == "it is full":
        house.look(connections=99)
    else:
        house.rotate()

    assert house.readily(state) is None
    assert house.ask(state, USUAL, house.steerer) == house.ask(state, USUAL, house.newcomer())


def test_a_session_that_says_where_it_is_is_not_told_what_it_was_told_before_it_said_so() -> None:
    house = House()
    state = house.state(home="west")
    house.ask(state, "", house.steerer)

    assert house.readily(state) is None
    assert house.ask(state, USUAL, house.steerer) == house.ask(state, USUAL, house.newcomer())


def test_a_region_that_failed_a_session_is_offered_again_when_its_time_is_over() -> None:
    house = House()
    now_s = house.clock.now() // 1_000_000
    state = house.state(home="west", lasts_s=90, avoid=(("west", now_s + 20),))
    avoiding = house.ask(state, USUAL, house.steerer)[2]
    house.clock.advance(20)
    after = house.ask(state, USUAL, house.steerer)

    assert after == house.ask(state, USUAL, house.newcomer())
    assert after[2] != avoiding


def test_a_session_that_asks_again_stays_one_that_proved_itself() -> None:
    house = House()
    state = house.state("ses_1")
    house.ask(state, USUAL, house.steerer)
    for number in range(65_536):
        house.keys.note(str(number))
    assert not house.keys.knows("ses_1")

    assert house.readily(state) is not None
    assert house.keys.knows("ses_1")


def test_what_does_not_change_is_remembered_however_often_one_looks() -> None:
    house = House()
    state = house.state()
    house.ask(state, USUAL, house.steerer)
    for _ in range(5):
        house.look()

    assert house.readily(state) is not None


def test_a_session_that_ended_is_told_so_though_it_was_answered_lately() -> None:
    house = House()
    state = house.state(lasts_s=30)
    house.ask(state, USUAL, house.steerer)
    house.clock.advance(29)
    assert house.readily(state) is not None
    house.clock.advance(1)

    assert house.readily(state) is None
    assert house.ask(state, USUAL, house.steerer)[0] == 410


def test_the_throughput_of_who_asks_again_counts() -> None:
    house = House()
    states = [house.state(f"ses_{number}") for number in range(3)]
    for _ in range(8):
        for state in states:
            assert house.readily(state) or house.ask(state, USUAL, house.steerer)
        house.clock.advance(1)
    house.pathways.look()
    sums = {status.region: status.seen for status in house.pathways.status()}

    assert sums["east"].rate.n > 3 * 4


def test_who_lost_its_voice_to_another_of_its_address_is_not_heard_from_memory_either() -> None:
    house = House()
    states = [house.state(f"ses_{number}", lasts_s=300) for number in range(8)]
    for at in range(0, 8, 2):
        for state in states[at : at + 2]:
            asking = Request("GET", f"/steer/{state}", {}, query=USUAL.encode(), peer="198.51.100.7")
            house.steerer.answer(asking)
        house.clock.advance(31)
    for _ in range(8):
        for state in states:
            assert house.readily(state)
        house.clock.advance(1)
    house.pathways.look()
    sums = {status.region: status.seen for status in house.pathways.status()}

    assert 0 < sums["east"].rate.n <= 2 * 9


def test_what_steering_alone_has_ready_is_counted() -> None:
    house = House()
    site, state = SteeringSite(house.steerer, house.clock), house.state()
    asked = f"GET /steer/{state}?{USUAL}".encode()
    assert site.ready(asked, 0) is None
    site.at_once(Request("GET", f"/steer/{state}", {}, query=USUAL.encode()))
    whole = site.ready(asked, 0)

    assert whole is not None
    assert (site.tally.requests, site.tally.sent_bytes) == (1, len(whole.partition(b"\r\n\r\n")[2]))


def test_the_oldest_answers_are_forgotten_first_and_no_more_than_fit_are_kept() -> None:
    lately = Lately()
    for number in range(40_000):
        lately.keep(str(number), Said("s", "", Instant(9), b"{}"))
    kept = [number for number in range(40_000) if lately.find(str(number), "", 0, Instant(0))]

    assert kept == list(range(40_000 - len(kept), 40_000))
    assert len(kept) == 32_768
