import pytest

from bijou.runtime.invocation import CALLED_AS, command


@pytest.mark.parametrize(("called_as", "shown"), [("./run", "./run upload"), ("", "bijou upload")])
def test_a_command_is_spelled_as_whoever_started_us_spells_it(
    called_as: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CALLED_AS, called_as)

    assert command("upload") == shown
