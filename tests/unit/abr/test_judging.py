import numpy as np
import pytest

from bijou.abr import compare, comparison_svg, drawn_traces, own_policy, reference_film

FILM, TRACES = reference_film(segments=30), drawn_traces(24, seed=2)
LOWEST = {**own_policy(), "value": ["-", 0, "utility"]}


def test_a_policy_that_is_better_everywhere_surely_wins() -> None:
    judged = compare("drawn", FILM, TRACES, {"bola": "bola", "lowest": LOWEST}, ours="bola")

    assert judged.verdict is not None
    assert judged.verdict.winner == "bola"
    assert judged.verdict.sure
    assert judged.verdict.score_gain.low > 0.5
    assert judged.ours == judged.verdict


def test_two_of_a_kind_cannot_be_told_apart() -> None:
    judged = compare("drawn", FILM, TRACES, {"one": "bola", "two": "bola"}, ours="one")

    assert judged.verdict is not None
    assert not judged.verdict.sure
    assert judged.verdict.score_gain.mean == 0
    assert judged.verdict.switches_ratio.low == judged.verdict.switches_ratio.high == 1


def test_an_interval_holds_its_mean_and_is_narrower_with_more_recordings() -> None:
    few = compare("few", FILM, TRACES[:6], {"bola": "bola"}).rows[0].score
    many = compare("many", FILM, drawn_traces(96, seed=2), {"bola": "bola"}).rows[0].score

    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low


def test_parts_of_one_recording_count_as_one() -> None:
    parts = [one._replace(name=f"tram_{at // 8}_part{at % 8}") for at, one in enumerate(TRACES)]
    apart = compare("apart", FILM, TRACES, {"bola": "bola"})
    together = compare("together", FILM, parts, {"bola": "bola"})

    assert (apart.recordings, together.recordings) == (24, 3)
    assert together.rows[0].score.mean == pytest.approx(apart.rows[0].score.mean)


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="0 traces"):
        compare("none", FILM, [], {"bola": "bola"})


def test_the_drawing_names_every_policy_and_stays_inside_its_frame() -> None:
    judged = compare("one & <two>", FILM, TRACES[:4], {"bola": "bola", "dynamic": "dynamic"})

    drawing = comparison_svg([judged])

    assert drawing.count("<circle") == 4 + 2  # and the legend
    assert "one &amp; &lt;two&gt;" in drawing
    places = [float(word.split('"')[1]) for word in drawing.split() if word.startswith(("cx=", "cy="))]
    assert np.isfinite(places).all()
    assert min(places) >= 0
    assert max(places) <= 440
