import pytest
from click.testing import CliRunner

from bijou.cli.commands import bijou
from bijou.cli.drill_house import free_port


@pytest.mark.parametrize("drill", ["region", "grey", "peak"])
def test_every_drill_says_what_it_does_with_two_examples_and_what_status_1_means(drill: str) -> None:
    said = CliRunner().invoke(bijou, ["drill", drill, "--help"]).stdout

    assert said.count(f"bijou drill {drill}") >= 3  # usage and two examples
    assert "Exit status 1" in said
    assert "--plot" in said


def test_a_fault_that_nobody_knows_is_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(bijou, ["drill", "grey", "--fault", "locusts"])

    assert result.exit_code == 1
    assert "locusts" in result.stderr
    assert "one-way" in result.stderr


def test_a_port_is_free_at_every_address_that_wants_it() -> None:
    assert free_port("127.0.0.4", "127.0.0.5", "127.0.0.6") > 0
