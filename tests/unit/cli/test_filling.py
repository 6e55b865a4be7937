import socket

import msgspec
import pytest
from click.testing import CliRunner, Result

from bijou.cli.commands import bijou
from bijou.cli.filling import standing_text, summary_text
from bijou.delivery import FillStanding, FillSummary

STANDING = FillStanding(
    region="east", state="filling", why="", order_at_s=1_700_053_200, next_plan_s=1_700_067_600,
    rate_bps=12_000_000, windows=[(1_700_053_200, 1_700_071_200)], wanted=20_000, wanted_bytes=40_000_000_000,
    here=5_000, here_bytes=10_000_000_000, fetched=4_000, fetched_bytes=8_000_000_000, gone=1, held=5_500,
    held_bytes=11_000_000_000, capacity_bytes=100_000_000_000, hits=1_200, hit_bytes=2_400_000_000,
    watched_since_s=1_699_000_000, titles_seen=448,
)  # fmt: skip


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(bijou, ["fill", *arguments], env={"BIJOU_CALLED_AS": "", **env})


def test_how_far_an_edge_is_says_plan_progress_what_is_held_and_what_it_saved() -> None:
    assert standing_text(STANDING).splitlines() == [
        "east  filling",
        "  plan     [######..................]  25%  5,000 of 20,000 objects, 10.0 GB of 40.0 GB",
        "  holds    5,500 objects, 11.0 GB of 100.0 GB",
        "  saved    2.4 GB in 1,200 reads since its start, for 8.0 GB fetched ahead",
        "  windows  13:00-18:00 UTC, at 12.0 Mb/s",
        "  watches  448 titles seen since 2023-11-03 08:26; next plan 2023-11-15 17:00",
    ]


def test_why_an_edge_rests_is_said() -> None:
    text = standing_text(msgspec.structs.replace(STANDING, state="paused", why="the volume is full"))

    assert text.startswith("east  paused (the volume is full)\n")


def test_an_edge_without_a_plan_yet_shows_an_empty_bar() -> None:
    text = standing_text(
        msgspec.structs.replace(
            STANDING, wanted=0, wanted_bytes=0, here=0, here_bytes=0, windows=[], next_plan_s=0
        )
    )

    assert "[........................]   0%  0 of 0 objects" in text
    assert text.endswith("plans when told to")


def test_a_plan_says_what_it_holds_and_fetches_and_when() -> None:
    summary = FillSummary(
        region="east", made_at_s=1_700_053_200, carried_out=True, rate_bps=12_000_000,
        windows=[(1_700_053_200, 1_700_060_400)], objects=20_000, object_bytes=40_000_000_000, fetches=9_000,
        fetch_bytes=18_000_000_000, left_out=7, titles=(93, 448), expected_share=0.456,
    )  # fmt: skip

    assert summary_text(summary).splitlines() == [
        "east  to hold 20,000 objects of 93 of 448 titles, 40.0 GB",
        "  worth    46% of the bytes that the coming day's busy hours ask for",
        "  fetch    9,000 objects, 18.0 GB, at 12.0 Mb/s",
        "  windows  13:00-15:00 UTC (2.0 h)",
        "  left out 7 objects, for which the windows have no time",
    ]


@pytest.mark.parametrize("command", ["show", "plan", "run", "history"])
def test_an_unknown_region_is_a_matter_of_usage(tmp_path: object, command: str) -> None:
    result = run(command, "mars", "--house-data-dir", str(tmp_path))

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "there is no region mars; there are east, west" in result.stderr


def test_an_edge_that_does_not_answer_is_a_matter_of_the_environment(tmp_path: object) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"east=http://127.0.0.1:{nobody.getsockname()[1]}"
        result = run("show", "--house-data-dir", str(tmp_path), "--delivery-edges", address)

    assert result.exit_code == 3
    assert "did not answer" in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("command", ["show", "plan", "run", "history"])
def test_each_command_shows_two_examples(command: str) -> None:
    assert run(command, "--help").stdout.count(f"bijou fill {command}") >= 2
