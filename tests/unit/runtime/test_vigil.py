from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bijou.runtime.vigil import Answer, Pace, Vigil

PACE = Pace()
SECOND = 10**9

HEALTHY, UNWELL, SILENT = Answer.HEALTHY, Answer.UNWELL, Answer.SILENT


def vigil_after(*answers: Answer) -> Vigil:
    vigil = Vigil(PACE)
    for second, answer in enumerate(answers):
        vigil.heard(answer, second * SECOND)
    return vigil


@given(st.lists(st.sampled_from(Answer)))
def test_only_a_child_that_was_healthy_and_then_silent_three_times_is_frozen(answers: list[Answer]) -> None:
    silent_end = answers[-3:] == [SILENT] * 3

    assert vigil_after(*answers).frozen == (silent_end and HEALTHY in answers)


@given(st.lists(st.sampled_from(Answer)))
def test_it_is_healthy_while_its_last_word_was_that_and_it_is_not_frozen(answers: list[Answer]) -> None:
    spoken = [answer for answer in answers if answer is not SILENT]
    vigil = vigil_after(*answers)

    frozen = (
        any(answers[i : i + 3] == [SILENT] * 3 for i in range(len(answers)) if HEALTHY in answers[:i])
        and answers[-3:] == [SILENT] * 3
    )
    assert vigil.healthy == (spoken[-1:] == [HEALTHY] and not frozen)


@given(st.floats(0, 1))
def test_one_that_stands_in_line_for_a_processor_is_killed_later_but_in_the_end(waited: float) -> None:
    vigil, silences = vigil_after(HEALTHY), 0
    while not vigil.frozen:
        vigil.heard(SILENT, SECOND, waited=waited)
        silences += 1

    assert silences >= PACE.misses / (1 - min(0.8, waited)) - 1e-6
    assert silences <= 5 * PACE.misses + 1


def test_a_starting_or_silent_child_is_asked_more_often() -> None:
    assert vigil_after().probe_in_s == PACE.starting_s
    assert vigil_after(HEALTHY).probe_in_s == PACE.steady_s
    assert vigil_after(HEALTHY, SILENT).probe_in_s == PACE.starting_s


def test_the_first_restart_is_at_once_and_later_ones_wait_longer_up_to_the_cap() -> None:
    class Most(Random):
        def random(self) -> float:
            return 1.0

    vigil = vigil_after(HEALTHY)

    waits = [vigil.ended(Most()) for _ in range(8)]

    assert waits == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2]
    assert vigil.restarts == 8


def test_ten_seconds_of_health_forget_the_failures() -> None:
    chance = Random(1)
    vigil = vigil_after(HEALTHY)
    for _ in range(4):
        vigil.ended(chance)
    vigil.heard(HEALTHY, 100 * SECOND)
    vigil.heard(HEALTHY, 109 * SECOND)
    assert vigil.ended(chance) > 0
    vigil.heard(HEALTHY, 200 * SECOND)
    vigil.heard(UNWELL, 205 * SECOND)
    vigil.heard(HEALTHY, 206 * SECOND)
    vigil.heard(HEALTHY, 215 * SECOND)
    assert vigil.ended(chance) > 0
    vigil.heard(HEALTHY, 300 * SECOND)
    vigil.heard(HEALTHY, 310 * SECOND)

    assert vigil.ended(chance) == 0


def test_only_a_child_that_was_never_healthy_is_given_up() -> None:
    chance = Random(1)
    never, once = vigil_after(UNWELL), vigil_after(HEALTHY)

    given_up = []
    for _ in range(PACE.tries):
        never.ended(chance)
        once.ended(chance)
        given_up.append((never.hopeless, once.hopeless))

    assert given_up == [(False, False)] * 4 + [(True, False)]


def test_a_new_run_owes_nothing_to_the_silence_of_the_last() -> None:
    vigil = vigil_after(HEALTHY, SILENT, SILENT)
    vigil.ended(Random(1))

    vigil.heard(SILENT, 0)

    assert not vigil.frozen
    assert not vigil.healthy
