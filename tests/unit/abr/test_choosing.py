import pytest

from bijou.abr import Chooser, decisions, ladder_of, own_policy


def test_a_chooser_decides_as_the_simulator_wrote_down() -> None:
    for session in decisions(own_policy(), seed=3)[:3]:
        chooser = Chooser(ladder_of(own_policy(), session["bitrates_bps"], segment_s=session["segment_s"]))
        for step in session["steps"]:
            chooser.observe(*step["observe"])
            buffer_s, limit_s, left_s = step["standing"]

            assert chooser.decide(buffer_s=buffer_s, limit_s=limit_s, left_s=left_s) == step["rung"]


def test_choosers_of_one_ladder_do_not_disturb_each_other() -> None:
    ladder = ladder_of(own_policy(), [4e5, 1e6, 4e6], segment_s=4.0)
    poor, rich = Chooser(ladder), Chooser(ladder)
    poor.observe(4e5, 2.0, 0.05)
    rich.observe(4e6, 0.1, 0.05)

    standing = {"buffer_s": 20.0, "limit_s": 30.0, "left_s": 600.0}
    assert (rich.decide(**standing), poor.decide(**standing), rich.decide(**standing)) == (2, 0, 2)


def test_before_the_first_download_it_is_the_lowest_rung() -> None:
    chooser = Chooser(ladder_of(own_policy(), [4e5, 1e6], segment_s=4.0))
    chooser.observe(0.0, 1.0, 0.1)  # nothing came

    assert chooser.throughput_bps == 0
    assert chooser.decide(buffer_s=30.0, limit_s=30.0, left_s=60.0) == 0


def test_a_ladder_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="two rungs"):
        ladder_of(own_policy(), [1e6], segment_s=4.0)
