import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.abr import memory, reference_film
from bijou.abr.bola import GP, best, leave_bola, stays_bola

FILM = reference_film(segments=4)


@settings(max_examples=300)
@given(
    rung=st.integers(1, 9),
    v=st.floats(0.5, 4.0),
    level_s=st.floats(0.0, 24.0),
    lasts_s=st.floats(0.0, 20.0),
    got_share=st.floats(0.01, 0.9),
)
def test_where_no_look_is_taken_none_would_have_left(
    rung: int, v: float, level_s: float, lasts_s: float, got_share: float
) -> None:
    bits = float(FILM.sizes[0, rung])
    got, mind = got_share * bits, np.zeros(memory.SIZE)
    mind[memory.BOLA_V] = v

    if stays_bola(FILM, v, GP, rung, bits, bits - got, max(0.0, level_s - lasts_s)):
        for share in np.linspace(0.0, 0.99, 25):
            level, more = max(0.0, level_s - share * lasts_s), share * (bits - got)
            assert leave_bola(FILM, mind, rung, bits, got + more, level) == -1


def test_more_buffer_never_asks_for_less() -> None:
    chosen = [best(FILM, 2.0, GP, 0.0, level_s) for level_s in np.linspace(0.0, 20.0, 200)]

    assert chosen == sorted(chosen)
    assert (chosen[0], chosen[-1]) == (0, 9)
