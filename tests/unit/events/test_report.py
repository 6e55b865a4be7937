"""Events change by additions only. `python tests/unit/events/test_report.py` writes the report anew."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import bijou.catalog.happenings
import bijou.encoding.service  # noqa: F401 - rooms register their events on import
from bijou.events import registered
from bijou.events.report import Report, breaks, report_of, written

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "events.json"


def product() -> Report:
    """Report what the product registers; other tests may have registered more."""
    return report_of({n: k for n, k in registered().items() if k.payload.__module__.startswith("bijou.")})


def test_the_committed_report_is_what_the_code_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == written(product()), f"run: python {Path(__file__).name}"


def test_nothing_that_peers_know_was_taken_away() -> None:
    assert breaks(json.loads(COMMITTED.read_text(encoding="utf-8")), product()) == []


def changed(path: list[str], value: Any) -> Report:
    report = copy.deepcopy(product())
    there: Any = report
    for name in path[:-1]:
        there = there[name]
    if value is None:
        del there[path[-1]]
    else:
        there[path[-1]] = value
    return report


PUBLISHED = ["title.published@1", "types", "TitlePublished"]
JOB = ["job.changed@1", "types"]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["title.published@1"], None, "title.published@1 is gone"),
        ([*PUBLISHED, "properties", "name"], None, "title.published@1: TitlePublished.name is gone"),
        ([*PUBLISHED, "properties", "name"], {"type": "integer"}, "TitlePublished.name changed its type"),
        ([*PUBLISHED, "required"], ["slug", "name", "row"], "TitlePublished.row is required and was not"),
        (
            [*JOB, "JobState", "enum"],
            ["queued", "running", "done", "failed"],
            "JobState lost the value refused",
        ),
        ([*JOB, "Problem"], None, "type Problem is gone"),
    ],
)
def test_a_change_that_breaks_peers_is_named(path: list[str], value: Any, complaint: str) -> None:
    found = breaks(product(), changed(path, value))

    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([*PUBLISHED, "properties", "row"], {"type": "string", "default": ""}),
        ([*PUBLISHED, "properties", "name"], {"type": "string", "default": "x"}),
        (["title.moved@1"], {"types": {}}),
        ([*JOB, "Another"], {"type": "object"}),
    ],
)
def test_an_addition_breaks_nobody(path: list[str], value: Any) -> None:
    assert breaks(product(), changed(path, value)) == []


if __name__ == "__main__":
    COMMITTED.write_text(written(product()), encoding="utf-8")
