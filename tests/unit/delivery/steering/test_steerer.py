"""One session's answers, over time: what it is told, and what it says of itself."""

from typing import Any

import msgspec
import pytest

from bijou.delivery.gate import Gate
from bijou.delivery.steering import Pathway, Pathways, Patience, PeerHealth, Standing, States, Steerer, Tempo
from bijou.delivery.steering.evidence import Sums
from bijou.delivery.steering.state import MOST_AVOIDED
from bijou.delivery.steering.steerer import asked_from
from bijou.delivery.tokens import Grant, Route, TokenKey, TokenKeys
from bijou.delivery.wire import Request
from bijou.ports import Instant, VirtualClock

HOUR = Instant(3600 * 1_000_000)
OTHERS = [Pathway("east", "http://127.0.0.2:8810"), Pathway("west", "http://127.0.0.3:8810")]


class Desk:
    """A steerer, and a player that asks it."""

    def __init__(self, pathways: list[Pathway] | None = None, own: str = "", **options: Any) -> None:
        self.clock = VirtualClock(HOUR)
        self.keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], self.clock)
        self.states = States(self.keys, self.clock)
        self.pathways = Pathways(pathways or OTHERS, self.clock, Patience(), own=own)
        self.pathways.look()
        self.steerer = Steerer(self.pathways, self.keys, self.clock, tempo=Tempo(10, 2, 60), **options)

    def begin(self, session: str = "ses_1", home: str = "east") -> str:
        return self.states.write(Standing(session, home, home, 3600 + 43200, "ast_1"))

    def ask(self, state: str, query: str = "", peer: str = "") -> dict[str, Any]:
        request = Request("GET", f"/steer/{state}", {}, query=query.encode(), peer=peer)
        answer = self.steerer.answer(request)
        assert answer is not None
        assert answer.status == 200
        told: dict[str, Any] = msgspec.json.decode(answer.body)
        return told

    def tell(self, body: bytes, query: str = "", peer: str = "", forwarded: str = "") -> int:
        fields = {b"x-forwarded-for": forwarded.encode()} if forwarded else {}
        request = Request("POST", "/cmcd", fields, query=query.encode(), body=body, peer=peer)
        answer = self.steerer.answer(request)
        assert answer is not None
        return answer.status

    def seen(self) -> list[Sums]:
        """What was told of each pathway, as the next look finds it."""
        self.pathways.look()
        return [status.seen for status in self.pathways.status()]

    def kill(self, *regions: str) -> None:
        for _ in range(2):
            for region in self.pathways.all:
                if region in regions:
                    self.pathways.unanswered(region)
                else:
                    self.pathways.answered(region, 0.01, PeerHealth())
            self.clock.advance(1)
            self.pathways.look()


def state_of(told: dict[str, Any]) -> str:
    return str(told["RELOAD-URI"]).rpartition("/")[2]


@pytest.mark.parametrize("kind", ["HLS", "DASH"])
def test_players_of_hls_and_dash_are_told_the_same(kind: str) -> None:
    desk = Desk()

    told = desk.ask(desk.begin(), f"_{kind}_pathway=%22east%22&_{kind}_throughput=5000000")

    assert list(told) == ["TTL", "RELOAD-URI", "PATHWAY-PRIORITY", "PATHWAY-CLONES", "VERSION"]
    assert (told["VERSION"], told["TTL"], told["PATHWAY-PRIORITY"]) == (1, 10, ["east", "west"])


@pytest.mark.parametrize(
    ("query", "pathway"),
    [
        ("_HLS_pathway=%22east%22", "east"), ("_HLS_pathway=east", "east"), ("_DASH_pathway=%22w%22", "w"),
        ("a=b&_HLS_pathway=w&c=d", "w"), ("x_HLS_pathway=east", ""), ("", ""), ("_HLS_pathway=", ""),
        ("_HLS_pathway=%FF", "\xff"), ("_DASH_pathway=%22east,w%22", "w"),
        ("_DASH_pathway=%22east%2Cw%22", "w"),
    ],
)  # fmt: skip
def test_a_player_says_its_pathway_with_quotes_or_without(query: str, pathway: str) -> None:
    assert asked_from(query.encode()) == pathway


def test_every_other_pathway_can_be_made_of_the_one_in_use_with_a_token_of_its_own() -> None:
    desk = Desk()

    (clone,) = desk.ask(desk.begin(), "_HLS_pathway=%22east%22")["PATHWAY-CLONES"]

    params = clone["URI-REPLACEMENT"].pop("PARAMS")
    assert clone == {"BASE-ID": "east", "ID": "west", "URI-REPLACEMENT": {"HOST": "127.0.0.3"}}
    grant = desk.keys.check(params["token"].encode(), "/media/ast_1/v360/media.signed.m3u8")
    assert grant == Grant("ast_1", 3600 + 43200, "ses_1", "west", Route.STEERED)
    entered = Gate(desk.keys, "west").enter(
        Request("GET", "/media/ast_1/a.m4s", {}, query=f"token={params['token']}".encode())
    )
    assert (entered.session, entered.miss) == ("ses_1", "steering")


def test_a_pathway_at_another_port_is_no_clone_for_players_change_names_only() -> None:
    desk = Desk(
        [*OTHERS, Pathway("north", "http://127.0.0.4:8811"), Pathway("south", "https://127.0.0.5:8810")]
    )

    told = desk.ask(desk.begin(), "_HLS_pathway=%22east%22")

    assert sorted(told["PATHWAY-PRIORITY"]) == ["east", "north", "south", "west"]
    assert [clone["ID"] for clone in told["PATHWAY-CLONES"]] == ["west"]


def test_without_tokens_clones_have_none() -> None:
    (clone,) = Desk(tokens=False).ask(Desk(tokens=False).begin())["PATHWAY-CLONES"]

    assert clone["URI-REPLACEMENT"] == {"HOST": "127.0.0.3", "PARAMS": {}}


def test_what_a_session_left_by_itself_is_not_offered_to_it_for_a_while() -> None:
    desk = Desk()
    told = desk.ask(desk.begin(), "_HLS_pathway=%22east%22")
    told = desk.ask(state_of(told), "_HLS_pathway=%22west%22")

    assert told["PATHWAY-PRIORITY"] == ["west", "east"]
    assert desk.ask(desk.begin("ses_2"))["PATHWAY-PRIORITY"] == ["east", "west"]
    for _ in range(6):
        desk.clock.advance(10)
        assert told["PATHWAY-PRIORITY"] == ["west", "east"]
        told = desk.ask(state_of(told), "_HLS_pathway=%22west%22")
    desk.clock.advance(61)
    assert desk.ask(state_of(told), "_HLS_pathway=%22west%22")["PATHWAY-PRIORITY"] == ["east", "west"]


def test_a_grudge_outlives_no_clock_that_is_set_back() -> None:
    ahead, behind = Desk(), Desk()
    ahead.clock.advance(3000)
    told = ahead.ask(ahead.begin(), "_HLS_pathway=%22west%22")
    assert told["PATHWAY-PRIORITY"] == ["west", "east"]

    told = behind.ask(state_of(told), "_HLS_pathway=%22west%22")
    assert told["PATHWAY-PRIORITY"] == ["east", "west"]
    assert behind.states.read(state_of(told)).avoid == ()


def test_a_crowd_that_left_together_does_not_return_together() -> None:
    desk = Desk()
    moved = [desk.ask(desk.begin(f"ses_{n}"), "_HLS_pathway=%22west%22") for n in range(100)]
    ends = sorted(desk.states.read(state_of(told)).avoid[0][1] - HOUR // 1_000_000 for told in moved)

    assert 60 <= ends[0] < 65
    assert 115 < ends[-1] <= 120
    assert 80 < ends[50] < 100


def test_a_grudge_against_a_region_that_died_ends_with_its_death_for_the_ramp_brings_back() -> None:
    desk = Desk()
    told = desk.ask(desk.begin(), "_HLS_pathway=%22west%22")
    assert desk.states.read(state_of(told)).avoid
    desk.kill("east")
    told = desk.ask(state_of(told), "_HLS_pathway=%22west%22")

    assert told["PATHWAY-PRIORITY"] == ["west", "east"]
    assert desk.states.read(state_of(told)).avoid == ()


def test_who_was_moved_away_comes_back_without_a_grudge() -> None:
    desk = Desk()
    told = desk.ask(desk.begin(), "_HLS_pathway=%22east%22")
    desk.kill("east")
    told = desk.ask(state_of(told), "_HLS_pathway=%22east%22")

    assert (told["PATHWAY-PRIORITY"], told["TTL"]) == (["west", "east"], 2)
    assert desk.states.read(state_of(told)).avoid == ()
    assert desk.states.read(state_of(desk.ask(state_of(told), "_HLS_pathway=%22west%22"))).avoid == ()


def test_a_region_that_was_away_learns_so_from_the_others_and_comes_back_as_slowly_as_they_think() -> None:
    stayed, back = Desk(), Desk(own="east")
    stayed.kill("east")
    told = PeerHealth(1, stayed.pathways.status())
    back.pathways.answered("west", 0.01, told)
    back.pathways.look()

    assert back.ask(back.begin())["PATHWAY-PRIORITY"] == ["west", "east"]
    for _ in range(40):
        for desk in (stayed, back):
            desk.pathways.answered("west", 0.01, told)
            desk.pathways.answered("east", 0.01, told)
            desk.clock.advance(1)
            desk.pathways.look()
    shares = [desk.pathways.status()[0].share for desk in (stayed, back)]
    assert shares == pytest.approx([0.5, 0.5], abs=0.1)
    assert [desk.pathways.status()[0].level for desk in (stayed, back)] == ["returning"] * 2


def test_a_session_that_left_many_regions_is_answered_still() -> None:
    regions = [f"r{number:02}" for number in range(12)]
    desk = Desk([Pathway(region, f"http://127.0.1.{n}:8810") for n, region in enumerate(regions)])
    told = desk.ask(desk.begin(home="r00"))
    farthest = told["PATHWAY-PRIORITY"][-1]
    for _ in range(24):
        told = desk.ask(state_of(told), f"_HLS_pathway=%22{farthest}%22")

    assert sorted(told["PATHWAY-PRIORITY"]) == regions
    assert len(desk.states.read(state_of(told)).avoid) == MOST_AVOIDED


def test_where_all_are_dead_all_are_named() -> None:
    desk = Desk()
    desk.kill("east", "west")

    assert sorted(desk.ask(desk.begin())["PATHWAY-PRIORITY"]) == ["east", "west"]


def test_a_strange_pathway_is_passed_over() -> None:
    desk = Desk()

    told = desk.ask(desk.begin(), "_HLS_pathway=%22cdn-x%22&_HLS_throughput=99")

    assert told["PATHWAY-PRIORITY"] == ["east", "west"]
    assert desk.states.read(state_of(told)).avoid == ()


def test_when_regions_fill_up_the_top_rung_goes_first_and_newcomers_next() -> None:
    desk = Desk([Pathway("east", OTHERS[0].base_url, 100), Pathway("west", OTHERS[1].base_url, 100)])

    def filled(east: int, west: int) -> dict[str, Any]:
        for region, connections in (("east", east), ("west", west)):
            desk.pathways.answered(region, 0.01, PeerHealth(connections))
        desk.pathways.look()
        return desk.ask(desk.begin(), "_HLS_pathway=%22east%22")

    assert "X-BIJOU-BROWN-OUT" not in filled(90, 70)
    assert filled(90, 85)["X-BIJOU-BROWN-OUT"] == "top-rung"
    assert filled(96, 80)["PATHWAY-PRIORITY"] == ["east", "west"]
    assert desk.ask(desk.begin("ses_9"))["PATHWAY-PRIORITY"] == ["west", "east"]
    assert filled(90, 20)["PATHWAY-PRIORITY"] == ["east", "west"]
    assert desk.ask(desk.begin("ses_9"))["PATHWAY-PRIORITY"] == ["west", "east"]
    filled(84, 20)
    assert desk.ask(desk.begin("ses_9"))["PATHWAY-PRIORITY"] == ["east", "west"]


FAILED = b'e=e,ec="x",rc=0,sid="ses_1",url="http://127.0.0.2:8810/media/ast_1/1.m4s"\n'


def test_only_a_session_that_proved_itself_is_believed() -> None:
    desk = Desk()

    assert desk.tell(FAILED) == 204
    assert (desk.steerer.reports, desk.steerer.unproven) == (1, 1)
    assert desk.tell(FAILED, f"state={desk.begin()}") == 204
    assert desk.steerer.unproven == 1
    assert desk.tell(FAILED) == 204  # known by now
    assert desk.steerer.unproven == 1
    assert desk.seen()[0].failures.failed == 1


def test_where_no_tokens_are_asked_for_a_name_that_anybody_could_make_up_is_no_proof_either() -> None:
    desk = Desk(tokens=False)

    assert desk.tell(FAILED) == 204
    assert desk.steerer.unproven == 1
    desk.ask(desk.begin())
    assert desk.tell(FAILED) == 204
    assert desk.steerer.unproven == 1
    assert desk.seen()[0].failures.failed == 1


@pytest.mark.parametrize("url", ["http://[", "http://[1]/a", "//", "http://", "east", "http://\u2100/a"])
def test_an_address_that_is_none_is_passed_over_and_the_rest_is_read(url: str) -> None:
    desk = Desk()
    strange = b'e=rr,rc=0,url="%s"\n' % url.encode()

    assert desk.tell(strange + FAILED, f"state={desk.begin()}") == 204
    assert [seen.failures.failed for seen in desk.seen()] == [1, 0]


def test_one_state_is_one_voice_whatever_it_calls_itself() -> None:
    desk = Desk()
    names = b"".join(FAILED.replace(b"ses_1", b"ses_%d" % n) for n in range(9))

    desk.ask(desk.begin("ses_2"))

    desk.tell(names, f"state={desk.begin()}")

    assert desk.seen()[0].failures.failed == 1


def test_garbage_and_forged_states_are_refused_and_counted() -> None:
    desk = Desk()

    assert desk.tell(b"\x00\xff", f"state={desk.begin()}") == 400
    assert desk.tell(FAILED, "state=k1.ff.ses_1.east.east..ast_1.AAAAAAAAAAAAAAAAAAAAAA") == 400
    assert desk.steerer.garbled == 2
    assert desk.seen()[0].failures.failed == 0


def test_throughput_told_with_a_question_counts_for_the_pathway_in_use() -> None:
    desk = Desk()
    state = desk.begin()
    for _ in range(4):
        state = state_of(desk.ask(state, "_HLS_pathway=%22east%22&_HLS_throughput=5000000"))
        desk.clock.advance(1)

    assert [seen.rate.n for seen in desk.seen()] == [1, 0]


def test_where_steering_runs_alone_it_is_asked_there_again() -> None:
    desk = Desk(own_url="https://steer.example/")

    assert desk.ask(desk.begin())["RELOAD-URI"].startswith("https://steer.example/steer/k1.")


def crowd_of_liars(desk: Desk, peers: list[str], forwarded: str = "") -> int:
    """Let ten sessions tell of failures for ten seconds; return how many of them were heard."""
    for _ in range(10):
        for number in range(10):
            proof = f"state={desk.begin(f'ses_liar{number}')}"
            desk.tell(FAILED, proof, peers[number % len(peers)], forwarded)
        desk.clock.advance(1)
        desk.seen()
    return desk.seen()[0].failures.failed


def test_one_address_never_has_a_region_left_however_many_sessions_it_begins() -> None:
    desk = Desk()

    heard = crowd_of_liars(desk, ["198.51.100.7"])

    assert heard == 2
    assert desk.steerer.statistics().unheard == 80
    assert desk.pathways.status()[0].level == "up"


def test_the_same_told_from_many_homes_has_it_left() -> None:
    desk = Desk()

    heard = crowd_of_liars(desk, [f"198.51.100.{number}" for number in range(10)])

    assert heard == 10
    assert desk.pathways.status()[0].level == "impaired"


@pytest.mark.parametrize(
    ("peers", "heard"),
    [
        (["127.0.0.1"], 10),  # nobody is a stranger on this machine
        ([f"2001:db8::{number}" for number in range(10)], 2),  # one home has many addresses of IPv6
        ([f"2001:db8:{number}::1" for number in range(10)], 10),
        ([""], 10),
    ],
)
def test_homes_count_and_not_addresses(peers: list[str], heard: int) -> None:
    assert crowd_of_liars(Desk(), peers) == heard


def test_a_proxy_is_believed_about_whom_it_calls_for_where_it_is_one_of_ours() -> None:
    assert crowd_of_liars(Desk(), ["127.0.0.1"], forwarded="198.51.100.7") == 2
    assert crowd_of_liars(Desk(proxies=["10.0.0.0/8"]), ["10.1.2.3"], forwarded="1.2.3.4, 198.51.100.7") == 2
    liars = [f"198.51.100.{number}" for number in range(10)]
    assert crowd_of_liars(Desk(), liars, forwarded="127.0.0.1") == 10
    assert crowd_of_liars(Desk(), ["198.51.100.7"], forwarded="127.0.0.1") == 2


def test_where_all_are_to_be_heard_all_are() -> None:
    assert crowd_of_liars(Desk(voices=0), ["198.51.100.7"]) == 10


def test_a_voice_that_has_fallen_silent_is_another_sessions_of_its_address() -> None:
    desk = Desk()
    for name in ("one", "other", "third"):
        desk.tell(FAILED, f"state={desk.begin(f'ses_{name}')}", "198.51.100.7")
    assert desk.seen()[0].failures.failed == 2

    desk.clock.advance(31)
    desk.tell(FAILED, f"state={desk.begin('ses_third')}", "198.51.100.7")

    assert desk.seen()[0].failures.failed == 1


def test_who_is_not_heard_is_steered_like_everybody_and_its_throughput_passed_over() -> None:
    desk = Desk()
    state = desk.begin("ses_9")
    for number in range(2):
        desk.tell(FAILED, f"state={desk.begin(f'ses_{number}')}", "198.51.100.7")
    for _ in range(6):
        told = desk.ask(state, "_HLS_pathway=%22east%22&_HLS_throughput=5000000", "198.51.100.7")
        desk.clock.advance(1)

    assert told["PATHWAY-PRIORITY"] == ["east", "west"]
    assert desk.seen()[0].rate.n == 0


def test_health_is_as_of_the_last_look_and_costs_nothing_to_ask() -> None:
    desk = Desk()
    for number in range(3):
        desk.tell(FAILED, f"state={desk.begin(f'ses_{number}')}")
    before = desk.pathways.status()[0].seen

    assert before.failures.failed == 0
    assert desk.seen()[0].failures.failed == 3
    assert desk.pathways.status()[0].seen is desk.pathways.status()[0].seen


@pytest.mark.parametrize("told", ["5000000", "1000,5000000", "1000%2C5000000", ",5000000"])
def test_of_several_throughputs_the_last_is_that_of_the_pathway_in_use(told: str) -> None:
    desk, state = Desk(), ""
    for _ in range(5):
        state = state_of(desk.ask(desk.begin(), f"_DASH_pathway=%22west,east%22&_DASH_throughput={told}"))
        desk.clock.advance(1)

    assert state
    assert [seen.rate.n for seen in desk.seen()] == [2, 0]


def test_what_was_told_of_a_region_before_it_comes_back_is_told_to_nobody_any_more() -> None:
    desk = Desk()
    desk.kill("east")
    assert desk.pathways.status()[0].level == "down"

    while desk.pathways.status()[0].level == "down":
        desk.tell(FAILED, f"state={desk.begin()}")
        desk.kill()
    assert desk.pathways.status()[0].level == "returning"

    assert desk.pathways.status()[0].seen == Sums()
