from bijou.drills.grey import Fault, figures_of
from bijou.drills.region import Times, judged
from bijou.drills.region.judging import densest
from bijou.drills.swarm import FAILED, STEERED, Move, Seen
from bijou.drills.verdict import Claim, claims_text, passed

TIMES = Times(killed_s=20.0, back_s=40.0, ended_s=140.0, ttl_s=10.0, segment_s=4.0)


def mover(left_s: float = 24.0, back_s: float | None = 60.0) -> Seen:
    seen = Seen(startup_s=0.2, trail=[(1.0, "east"), (left_s, "west")])
    seen.moves.append(Move(left_s - 0.1, "east", "west", FAILED))
    if back_s is not None:
        seen.trail.append((back_s, "east"))
        seen.moves.append(Move(back_s - 0.1, "west", "east", STEERED))
    return seen


def stayer() -> Seen:
    return Seen(startup_s=0.2, trail=[(1.0, "west")])


def held(sessions: list[Seen], times: Times = TIMES) -> list[bool | None]:
    return [claim.held for claim in judged(sessions, "east", times)]


def test_an_evacuation_holds_where_all_moved_in_time_and_came_back_one_by_one() -> None:
    sessions = [mover(back_s=50.0 + 7 * number) for number in range(6)] + [stayer()]

    assert held(sessions) == [True, True, True, True]


def test_a_stall_counts_from_the_death_on_and_not_before() -> None:
    early, late = mover(), mover()
    early.stalls_at.append((19.9, 1.0))
    assert held([early])[0] is True
    late.stalls_at.append((20.1, 0.01))

    assert held([late])[0] is False


def test_who_moves_after_the_patience_of_an_answer_and_a_segment_is_late() -> None:
    assert held([mover(left_s=33.9)])[1] is True
    assert held([mover(left_s=34.1)])[1] is False


def test_who_never_moves_breaks_the_promise() -> None:
    stuck = Seen(startup_s=0.2, trail=[(1.0, "east")])

    assert held([mover(), stuck])[1] is False


def test_all_at_once_is_no_gradual_return() -> None:
    assert held([mover(back_s=60.0 + number / 10) for number in range(9)])[3] is False
    assert held([mover(back_s=50.0 + 4.9 * number) for number in range(9)])[3] is True


def test_fleeing_back_from_an_error_is_no_return() -> None:
    fled = mover(back_s=None)
    fled.trail.append((60.0, "east"))
    fled.moves.append(Move(59.9, "west", "east", FAILED))

    assert held([fled])[3] is False  # a minute passed, and steering had nobody come back


def test_without_steering_or_without_time_the_return_is_left_open() -> None:
    gone = [mover(back_s=None)]

    assert held(gone, Times(20.0, 40.0, 140.0, 0.0, 4.0))[3] is None
    assert held(gone, Times(20.0, 40.0, 50.0, 10.0, 4.0))[3] is None


def test_sessions_that_ended_or_never_began_break_the_promise() -> None:
    ended, unseen = mover(), Seen()
    ended.failure = "no answer"

    assert held([ended])[2] is False
    assert held([mover(), unseen])[2] is False


def test_nobody_on_the_dead_region_proves_nothing() -> None:
    assert held([stayer()])[1] is None
    assert not passed([Claim("nothing judged")])
    assert claims_text([Claim("a", True), Claim("b", False)]).endswith("not passed")


def test_the_busiest_span_is_found_wherever_it_lies() -> None:
    times_s = [0.0, 3.0, 4.0, 4.5, 9.0, 9.1]

    for within_s in (0.0, 0.5, 1.5, 5.0, 20.0):
        slow = max(sum(start <= at <= start + within_s for at in times_s) for start in times_s)
        assert densest(times_s, within_s) == slow
    assert densest([], 5.0) == 0


def test_grey_figures_tell_detection_leaving_and_false_failovers_apart() -> None:
    fault = Fault("one-way", "answers get lost")
    steered, failed, false = mover(back_s=None), mover(left_s=26.0, back_s=None), stayer()
    steered.moves[:] = [Move(23.0, "east", "west", STEERED)]
    failed.stalls_at += [(5.0, 1.0), (27.0, 0.5)]
    false.moves.append(Move(30.0, "west", "east", FAILED))

    figures = figures_of(fault, "east", [steered, failed, false], 20.0, detected_s=2.0)

    assert (figures.detected_s, figures.steered_s) == (2.0, 3.0)
    assert (figures.first_left_s, figures.half_left_s) == (4.0, 4.0)
    assert (figures.on_it, figures.left, figures.false_failovers) == (2, 2, 1)
    assert (figures.stalls, figures.stalled_s, figures.stalled_viewers, figures.early_stalls) == (
        1,
        0.5,
        1,
        1,
    )
