from bijou.encoding.pulse import Pulse
from bijou.ports import VirtualClock


def test_progress_never_goes_back() -> None:
    pulse = Pulse(VirtualClock())

    pulse.say("encode", 0.5, 2.0)
    pulse.say("publish", 0.4, 0.0)

    assert (pulse.take().step, pulse.take().progress) == ("publish", 0.5)


def test_a_word_is_due_when_it_is_news_or_when_the_last_is_old() -> None:
    clock = VirtualClock()
    pulse = Pulse(clock)

    assert pulse.due(3)
    pulse.take()
    assert not pulse.due(3)
    clock.advance(3)
    assert pulse.due(3)
    pulse.take()
    pulse.say("encode", 0.1, 0.0)
    assert pulse.due(3)


def test_the_same_word_again_is_no_movement() -> None:
    clock = VirtualClock()
    pulse = Pulse(clock)
    pulse.say("encode", 0.1, 2.0)
    clock.advance(60)

    pulse.say("encode", 0.1, 1.9)

    assert pulse.idle_s() == 60
