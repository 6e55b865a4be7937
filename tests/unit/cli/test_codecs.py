import pytest
from click.testing import CliRunner

from bijou.cli.commands import bijou


@pytest.mark.parametrize("words", [["hevc"], ["hevc", "sintel", "--all"]])
def test_codecs_are_for_one_title_or_for_all_and_never_for_both_or_neither(words: list[str]) -> None:
    result = CliRunner().invoke(bijou, ["codecs", "add", *words])

    assert result.exit_code == 2
    assert "name a title, or say --all; one of the two" in result.stderr


def test_a_priority_is_a_digit() -> None:
    result = CliRunner().invoke(bijou, ["codecs", "add", "hevc", "--all", "--priority", "10"])

    assert result.exit_code == 2
    assert "0<=x<=9" in result.stderr


def test_where_nothing_runs_codecs_say_so_in_one_sentence(tmp_path: object) -> None:
    words = [
        "codecs",
        "add",
        "hevc",
        "--all",
        "--server",
        "http://127.0.0.1:9",
        "--house-data-dir",
        str(tmp_path),
    ]
    result = CliRunner().invoke(bijou, words, env={"BIJOU_TOKEN": "x"})

    assert result.exit_code == 3
    assert result.stderr.startswith("bijou: ")
    assert len(result.stderr.strip().splitlines()) == 1
