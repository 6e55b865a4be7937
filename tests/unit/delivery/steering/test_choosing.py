from hypothesis import given
from hypothesis import strategies as st

from bijou.delivery.steering import Candidate, Level, order

REGIONS = ("east", "north", "west")
SESSIONS = [f"ses_{n}" for n in range(2000)]
sessions = st.text("abcdef0123456789_", min_size=1, max_size=20)
candidates = st.lists(
    st.builds(
        Candidate,
        st.sampled_from(["east", "west", "north", "south", "mid"]),
        st.floats(0.01, 100),
        st.sampled_from(Level),
        st.floats(0, 1),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one.region,
)


@given(sessions, candidates, st.sampled_from(["", *REGIONS]), st.sampled_from(["", *REGIONS]))
def test_every_region_is_named_once_and_what_is_well_comes_first(
    session: str, some: list[Candidate], home: str, current: str
) -> None:
    told = order(session, some, home=home, current=current, locality=9)

    assert sorted(told) == sorted(one.region for one in some)
    levels = {one.region: one.level for one in some}
    sick = [max(levels[region], Level.RETURNING) for region in told]
    assert sick == sorted(sick)


@given(sessions, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["east", "west"]))
def test_a_session_that_came_back_never_leaves_because_the_share_grows(
    session: str, one: float, other: float, home: str
) -> None:
    less, more = sorted((one, other))

    def told(share: float) -> list[str]:
        some = [Candidate("east", level=Level.RETURNING, share=share), Candidate("west"), Candidate("north")]
        return order(session, some, home=home, locality=50)

    assert told(less).index("east") >= told(more).index("east")


@given(sessions, st.sampled_from(REGIONS), st.sampled_from([Level.IMPAIRED, Level.DOWN]))
def test_a_region_that_goes_moves_only_its_own_sessions(session: str, gone: str, level: Level) -> None:
    whole = order(session, [Candidate(region) for region in REGIONS])
    less = order(session, [Candidate(r, level=level if r == gone else Level.UP) for r in REGIONS])

    assert [region for region in less if region != gone] == [region for region in whole if region != gone]


def test_sessions_without_a_home_are_shared_out_by_weight() -> None:
    some = [Candidate("east", 1), Candidate("north", 2), Candidate("west", 5)]
    first = [order(session, some)[0] for session in SESSIONS]

    for region, share in (("east", 1 / 8), ("north", 2 / 8), ("west", 5 / 8)):
        assert abs(first.count(region) / len(SESSIONS) - share) < 0.03


def test_the_home_region_weighs_as_many_times_as_much_as_was_said() -> None:
    some = [Candidate("east", 1), Candidate("west", 1)]

    def at_home(locality: float) -> float:
        return sum(order(s, some, home="east", locality=locality)[0] == "east" for s in SESSIONS) / len(
            SESSIONS
        )

    assert at_home(1000) > 0.99
    assert abs(at_home(3) - 0.75) < 0.03


def test_a_returning_region_takes_its_share_of_those_who_live_there() -> None:
    some = [Candidate("east", level=Level.RETURNING, share=0.2), Candidate("west")]
    back = sum(order(session, some, home="east", locality=1000)[0] == "east" for session in SESSIONS)

    assert abs(back / len(SESSIONS) - 0.2) < 0.03


def test_who_came_back_by_the_word_of_an_edge_that_thinks_the_share_larger_is_not_sent_away() -> None:
    def told(edge_share: float, session: str, current: str) -> str:
        some = [Candidate("east", level=Level.RETURNING, share=edge_share), Candidate("west")]
        return order(session, some, home="east", current=current, locality=1000)[0]

    moves = dict.fromkeys(SESSIONS, 0)
    for session in SESSIONS:
        current = "west"
        for _ in range(6):
            asked = told(0.4 if current == "west" else 0.3, session, current)
            moves[session] += asked != current
            current = asked
    assert max(moves.values()) == 1
    assert abs(sum(moves.values()) / len(SESSIONS) - 0.4) < 0.03


def test_a_full_region_keeps_those_who_are_there_and_takes_nobody_else() -> None:
    some = [Candidate("east", full=True), Candidate("west")]

    assert order("ses_1", some, home="east", current="east", locality=1e6)[0] == "east"
    assert order("ses_1", some, home="east", current="", locality=1e6)[0] == "west"


def test_what_failed_a_session_comes_after_what_did_not() -> None:
    some = [Candidate("east"), Candidate("west"), Candidate("north", level=Level.DOWN)]

    assert order("ses_1", some, home="east", avoid={"east"}, locality=1e6) == ["west", "east", "north"]
