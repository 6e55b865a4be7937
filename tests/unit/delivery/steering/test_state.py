"""A session's state in its address: it comes back whole, or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.steering import Standing, States
from bijou.delivery.steering.state import SteeringEnded, SteeringRefused
from bijou.delivery.tokens import Grant, TokenKey, TokenKeys
from bijou.ports import BijouError, Instant, InvalidRequest, VirtualClock

CLOCK = VirtualClock(Instant(0))
KEYS = TokenKeys(lambda: [TokenKey("k1", bytes(32))], CLOCK)
STATES = States(KEYS, CLOCK)
regions = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
standings = st.builds(
    Standing,
    st.from_regex(r"[A-Za-z0-9_-]{0,64}", fullmatch=True),
    regions,
    regions,
    st.integers(1, 2**40),
    st.from_regex(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}(?:/[A-Za-z0-9_-]{1,20}){0,3})?", fullmatch=True),
    st.lists(st.tuples(regions, st.integers(0, 2**40)), max_size=8).map(tuple),
)


@settings(max_examples=40)
@given(standings)
def test_what_is_written_is_read(standing: Standing) -> None:
    assert STATES.read(STATES.write(standing)) == standing


@settings(max_examples=40)
@given(standings, st.data())
def test_no_changed_text_is_read(standing: Standing, data: st.DataObject) -> None:
    text = STATES.write(standing)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=255).filter(lambda c: c != text[at]))

    with pytest.raises(SteeringRefused):
        STATES.read(text[:at] + other + text[at + 1 :])


@given(st.text(max_size=900))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(SteeringRefused):
        STATES.read(text)


def test_a_token_of_media_is_no_state_and_a_state_no_token() -> None:
    state = STATES.write(Standing("ses_1", "east", "east", 60, "ast_1"))
    token = KEYS.sign(Grant("ast_1", 60, "ses_1", "east"))

    with pytest.raises(SteeringRefused):
        STATES.read(token)
    with pytest.raises(BijouError):
        KEYS.check(state.encode(), "/media/ast_1/a")


def test_an_old_state_is_gone() -> None:
    clock = VirtualClock(Instant(0))
    states = States(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
    text = states.write(Standing("ses_1", "east", "east", 60))
    clock.advance(59.9)
    assert states.read(text).session == "ses_1"
    clock.advance(0.1)

    with pytest.raises(SteeringEnded) as gone:
        states.read(text)
    assert gone.value.problem().status == 410


def test_the_longest_that_can_be_written_can_be_read() -> None:
    keys = TokenKeys(lambda: [TokenKey("k" * 16, bytes(32))], CLOCK)
    avoid = tuple((f"{number:032}", 2**47) for number in range(8))
    longest = Standing("s" * 64, "e" * 32, "w" * 32, 2**47, "a" * 256, avoid)
    states = States(keys, CLOCK)

    assert states.read(states.write(longest)) == longest


def test_a_new_key_signs_what_is_begun_after_it_was_taken_up() -> None:
    kept = [TokenKey("k1", bytes(32))]
    states, other = States(TokenKeys(lambda: kept, CLOCK), CLOCK), TokenKeys(lambda: kept, CLOCK)
    kept = [TokenKey("k2", b"2" * 32)]
    states.refresh()
    other.refresh()

    assert States(other, CLOCK).read(states.write(Standing("ses_1", "east", "east", 60))).session == "ses_1"


@pytest.mark.parametrize("home", ["", "East", "a b", "x" * 40, "-a"])
def test_what_could_not_stand_in_an_address_is_not_written(home: str) -> None:
    with pytest.raises(InvalidRequest):
        STATES.write(Standing("ses_1", home, "east", 60))
