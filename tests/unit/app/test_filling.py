from pathlib import Path
from random import Random

import pytest

from bijou.app.filling import FillCalls, fills_of, seals_of
from bijou.app.settings import Settings
from bijou.delivery.wire import Request
from bijou.ports import InvalidRequest, VirtualClock
from bijou.runtime.settings import load


def told(folder: Path, **flags: str) -> Settings:
    flags["house_data_dir"] = str(folder)
    return load(Settings, flags={f"--{name.replace('_', '-')}": value for name, value in flags.items()})


def test_nothing_is_fetched_ahead_unless_disk_is_set_aside_for_it(tmp_path: Path) -> None:
    assert fills_of(told(tmp_path), VirtualClock(), Random(1)) is None


def test_each_edge_fills_a_folder_of_its_own_at_the_hours_that_were_set(tmp_path: Path) -> None:
    settings = told(
        tmp_path,
        edge_region="west",
        edge_filled_disk_bytes="9000",
        edge_fill_hours="13,1",
        edge_fill_bps="250000",
    )
    fills = fills_of(settings, VirtualClock(), Random(1))

    assert fills is not None
    assert (fills.folder, fills.capacity_bytes) == (tmp_path / "edge-west" / "filled", 9000)
    assert (fills.hours, fills.rate_bps, fills.quiet) == ((1, 13), 250_000, 0.6)


@pytest.mark.parametrize("tokens", ["true", "false"])
def test_services_of_one_installation_believe_each_others_seals_with_tokens_or_without(
    tmp_path: Path, tokens: str
) -> None:
    settings, clock = told(tmp_path, delivery_tokens=tokens), VirtualClock()
    seal = seals_of(settings, clock, Random(1)).seal("GET", "/stock")

    seals_of(settings, clock, Random(2)).check(Request("GET", "/stock", {b"bijou-seal": seal.encode()}))


def test_calls_go_to_the_regions_that_are_named_or_to_all(tmp_path: Path) -> None:
    settings, clock = told(tmp_path), VirtualClock()

    assert FillCalls(settings, (), clock, Random(1)).regions == ["east", "west"]
    assert FillCalls(settings, ("west",), clock, Random(1)).regions == ["west"]
    with pytest.raises(InvalidRequest, match="there is no region mars; there are east, west"):
        FillCalls(settings, ("mars",), clock, Random(1))
