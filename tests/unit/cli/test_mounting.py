"""What `bijou fs mount` takes for a budget, and how it repeats it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bijou.cli import mounting
from bijou.cli.commands import bijou


@pytest.mark.parametrize("budget", ["0", "0MiB"])
def test_a_budget_of_nothing_is_a_matter_of_usage(tmp_path: Path, budget: str) -> None:
    result = CliRunner().invoke(bijou, ["fs", "mount", str(tmp_path / "none"), "--budget", budget])

    assert result.exit_code == 2
    assert f"{budget!r} holds nothing; a budget is 1 byte or more" in result.stderr


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (1, "1 B"),
        (1000, "1000 B"),
        (1024, "1 KiB"),
        (512 << 10, "512 KiB"),
        (1536 << 20, "1536 MiB"),
        (2 << 30, "2 GiB"),
        (4096 << 40, "4096 TiB"),
    ],
)
def test_the_budget_is_repeated_to_the_byte(
    capsys: pytest.CaptureFixture[str], budget: int, said: str
) -> None:
    mounting._told(Path("/mnt/scratch"), budget, None)()

    assert f" {said} in memory\n" in capsys.readouterr().err
