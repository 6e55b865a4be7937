"""What an edge counts of what it serves."""

from random import Random

import msgspec
import pytest

from bijou.delivery.filling import Forecast, History
from bijou.delivery.filling.ledger import LONGEST, Ledger, LedgerImage
from tests.unit.delivery.filling.titles import DAY, HOUR, title

TITLE = "/media/ast_1"


def segment(number: int, rendition: str = "v360", of: str = TITLE) -> str:
    return f"{of}/{rendition}/{number:05}.m4s"


def test_a_ledger_comes_back_from_its_image_through_json_as_it_was() -> None:
    chance, ledger = Random(1), Ledger(1000.0)
    for _ in range(3000):
        of = f"/media/ast_{chance.randrange(20)}"
        at_s = 1000.0 + chance.random() * 3 * DAY
        ledger.asked(segment(chance.randrange(1, 40), f"v{chance.randrange(4)}", of), 1000, at_s)
    content = msgspec.json.encode(ledger.image())
    again = Ledger.of(msgspec.json.decode(content, type=LedgerImage))

    assert again.image() == ledger.image()
    for each in (ledger, again):
        each.asked(segment(1), 1000, 5 * DAY)  # a day later: both fade alike
    assert again.image() == ledger.image()


def test_an_image_is_not_changed_by_what_is_counted_later() -> None:
    ledger = Ledger(0)
    ledger.asked(segment(1), 10, 5)
    before = msgspec.json.encode(image := ledger.image())
    ledger.asked(segment(1), 10, 6)
    ledger.asked(segment(2), 10, 2 * DAY)

    assert msgspec.json.encode(image) == before


@pytest.mark.parametrize(
    "path",
    [
        "/media/ast_1/master.m3u8",
        "/media/ast_1/v360/init.mp4",
        "/media/ast_1/v360/00000.m4s",
        "/media/ast_1/00001.m4s",
        f"/media/ast_1/v360/{LONGEST + 1}.m4s",
        "/media/ast_1/stills/00001.jpg",
        "/healthz",
    ],
)
def test_what_is_no_segment_of_a_title_is_not_counted(path: str) -> None:
    ledger = Ledger(0)
    ledger.asked(path, 10, 5)

    assert ledger.image() == Ledger(0).image()


def test_memory_is_bounded_whatever_is_asked_for() -> None:
    ledger = Ledger(0)
    for number in range(10_050):
        ledger.asked(segment(1, of=f"/media/ast_{number}"), 10, 5.0)
    for number in range(400):
        ledger.asked(segment(1, f"r{number}"), 10, 5.0)

    assert len(ledger.starts) == len(ledger.begun) == 10_000
    assert "/media/ast_0" not in ledger.starts  # begun longest ago
    assert "/media/ast_10049" in ledger.starts
    assert len(ledger.bands) == 256
    for day in range(40):
        ledger.asked(segment(1), 10, day * DAY + HOUR)
    assert len(ledger.slots) <= 16
    assert len(ledger.starts[TITLE]) <= 16


def test_a_forecast_from_an_edges_ledger_is_that_of_a_history_that_was_told_the_same() -> None:
    chance, ledger, history = Random(3), Ledger(0), History(0)
    titles = [title(number, length=6) for number in range(1, 8)]
    for each in titles:
        history.publish(each)
    for at_s in sorted(chance.random() * 3 * DAY for _ in range(2000)):
        each = titles[min(6, int(chance.expovariate(0.5)))]
        row, number = chance.randrange(2), chance.randrange(6)
        history.asked(each.renditions[row].paths[number], at_s)
        ledger.asked(f"{each.name}/v{row}/{number + 1:05}.m4s", (1000, 3000)[row], at_s)
    planned = History(0, ledger)
    for each in titles:
        planned.publish(each)

    for each in titles:
        told = Forecast(history, 3 * DAY).requests(each.name, 3 * DAY, 4 * DAY).requests
        again = Forecast(planned, 3 * DAY).requests(each.name, 3 * DAY, 4 * DAY).requests
        assert again == pytest.approx(told)
