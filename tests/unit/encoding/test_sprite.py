import re

from hypothesis import given
from hypothesis import strategies as st

from bijou.encoding.sprite import plan_sprite


@given(st.floats(0.04, 20_000), st.integers(1, 60))
def test_every_moment_has_one_tile_and_there_are_at_most_a_hundred(duration_s: float, rate: int) -> None:
    frames = min(5000, max(1, int(duration_s * rate)))
    times = [n * duration_s / frames for n in range(frames)]

    sprite = plan_sprite(times, duration_s, (160, 90))

    assert 1 <= len(sprite.starts_s) <= 100
    assert len(sprite.starts_s) <= sprite.columns * sprite.rows
    assert sprite.starts_s[0] == 0
    assert all(start in times for start in sprite.starts_s)


def test_the_index_names_a_rectangle_for_each_stretch() -> None:
    sprite = plan_sprite([n / 10 for n in range(250)], 25.0, (160, 90))

    cues = re.findall(r"(\S+) --> (\S+)\nsprite.jpg#xywh=(\d+),(\d+),160,90", sprite.index("sprite.jpg"))

    assert cues[0] == ("00:00:00.000", "00:00:01.000", "0", "0")
    assert cues[9] == ("00:00:09.000", "00:00:10.000", "1440", "0")
    assert cues[-1] == ("00:00:24.000", "00:00:25.000", "640", "180")
    assert len(cues) == 25
