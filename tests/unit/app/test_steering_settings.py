"""Steering as settings describe it."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from bijou.app.rules import check
from bijou.app.settings import House, Settings, Steering
from bijou.app.steering import states_of, steerer_of
from bijou.delivery import Standing
from bijou.delivery.wire import Request
from bijou.ports import InvalidRequest, VirtualClock


def having(folder: Path, **steering: object) -> Settings:
    return msgspec.structs.replace(Settings(), house=House(str(folder)), steering=Steering(**steering))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"capacity": ["east=1"]}, "says nothing of west"),
        ({"capacity": ["east=0", "west=1"]}, "above 0"),
        ({"capacity": ["east=nan", "west=1"]}, "above 0"),
        ({"cost": ["north=1"]}, "each of east, west once"),
        ({"cost": ["east=1", "east=2"]}, "once"),
        ({"cost": ["east"]}, "region=number"),
        ({"url": "steer.example"}, "http://host:port"),
    ],
)
def test_what_says_nothing_of_a_region_is_refused_with_the_rule(
    tmp_path: Path, wrong: dict[str, object], rule: str
) -> None:
    with pytest.raises(InvalidRequest, match=rule) as refused:
        check(having(tmp_path, **wrong))

    assert refused.value.code == "settings.bad_value"


def test_a_process_answers_the_states_that_another_wrote_and_weighs_regions_as_said(tmp_path: Path) -> None:
    settings = check(having(tmp_path, capacity=["east=100", "west=300"], cost=["west=2"], locality=1))
    clock = VirtualClock()
    states, steerer = states_of(settings, clock, Random(1)), steerer_of(settings, clock, Random(2))
    assert states
    assert steerer

    answer = steerer.answer(
        Request("GET", f"/steer/{states.write(Standing('ses_1', 'east', 'east', 60))}", {})
    )

    assert answer
    assert answer.status == 200
    assert {one.region: one.weight for one in steerer.pathways.candidates} == {"east": 100, "west": 150}


def test_where_nobody_steers_there_is_nothing(tmp_path: Path) -> None:
    settings = having(tmp_path, enabled=False)

    assert states_of(settings, VirtualClock(), Random(1)) is None
    assert steerer_of(settings, VirtualClock(), Random(1)) is None
