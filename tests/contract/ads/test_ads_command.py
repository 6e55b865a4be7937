import asyncio
import json
import shutil
from pathlib import Path
from random import Random

import msgspec
import pytest
from click.testing import CliRunner, Result

from bijou.ads import State
from bijou.ads.service import AdOperationsService
from bijou.app.settings import House, Settings
from bijou.app.stores import open_records, records_place
from bijou.cli.commands import bijou
from bijou.ports import VirtualClock
from tests.contract.ads.campaigns import change, house


@pytest.fixture
def installation(empty_records: Path, tmp_path: Path) -> Path:
    """A data folder with one active line item for Germany and Austria."""
    settings = msgspec.structs.replace(Settings(), house=House(data_dir=str(tmp_path)))
    place = Path(str(records_place(settings)))
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_records, place)

    async def fill() -> None:
        records = open_records(settings)
        service = AdOperationsService(records, VirtualClock(), Random(1))
        await service.prepare()
        made = await house(service)
        await change(service, made["line_item"], state=State.ACTIVE)
        await records.close()

    asyncio.run(fill())
    return tmp_path


def explain(folder: Path, *words: str) -> Result:
    command = ["ads", "explain", "--house-data-dir", str(folder), *words]
    return CliRunner().invoke(bijou, command, env={"BIJOU_CALLED_AS": ""})


def test_explain_tells_every_line_items_verdict(installation: Path) -> None:
    in_flight = ("--at", "2026-12-24T20:00:00Z")

    abroad = explain(installation, "--viewer", "u9", "--fact", "country=FR", *in_flight).stdout
    at_home = json.loads(explain(installation, "--fact", "country=AT", *in_flight, "--json").stdout)

    assert "no: country is 'FR'; asked: country in (AT, DE)" in abroad
    assert "0 of 1 line items may serve\nwithout a profile: no_profile\nout for: country 1\n" in abroad
    assert [each["may_serve"] for each in at_home["verdicts"]] == [True]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fact", "country"], "--fact 'country'; it is dimension=value, such as country=DE (ads.bad_fact)"),
        (["--fact", "contry=DE"], "there is no dimension 'contry'; did you mean country?"),
        (["--at", "noon"], "--at: Invalid isoformat string: 'noon' (ads.bad_fact)"),
        (["--break", "brk_1"], "there is no break 'brk_1' (ads.no_record)"),
        (["--line-item", "x"], "no line item 'x' among 1 (ads.no_line_item)"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(installation: Path, words: list[str], says: str) -> None:
    told = explain(installation, *words)

    assert told.exit_code
    assert says in told.stderr


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    told = explain(tmp_path / "none")

    assert "start bijou, or name --house-data-dir (ads.no_installation)" in told.stderr
    assert not (tmp_path / "none").exists()


def test_a_sample_campaign_has_line_items_of_which_some_may_serve(installation: Path) -> None:
    runner, env = CliRunner(), {"BIJOU_CALLED_AS": ""}
    place = ["--house-data-dir", str(installation), "--json"]

    made = json.loads(runner.invoke(bijou, ["ads", "sample", "--audience", "noir", *place], env=env).stdout)
    again = runner.invoke(bijou, ["ads", "sample", "--audience", "noir", *place], env=env)
    told = json.loads(
        explain(installation, "--break", made["break_id"], "--fact", "country=DE", "--json").stdout
    )

    verdicts = {
        each["name"]: each["may_serve"]
        for each in told["verdicts"]
        if each["line_item"] in made["line_items"]
    }
    assert len(verdicts) == 7
    assert {name for name, may_serve in verdicts.items() if may_serve} == {"Everybody", "Germany"}
    assert told["degraded"] == "stranger"
    assert again.exit_code == 0
