"""Every question that a senior engineer asks has a page, once its room exists."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

SECTIONS = (
    "## Alternatives",
    "## Because",
    "## Flaws",
    "## If we did it again",
    "## What would change our mind",
)


@pytest.fixture(scope="module")
def questions(root: Path) -> dict[str, dict[str, Any]]:
    return tomllib.loads((root / "docs" / "explanation" / "questions.toml").read_text())


def is_open(root: Path, place: str) -> bool:
    """A module, or a folder with more than its one paragraph."""
    there = root / "src" / "bijou" / place
    return there.is_file() or any(path.name != "__init__.py" for path in there.rglob("*.py"))


def test_all_49_questions_are_listed(questions: dict[str, dict[str, Any]]) -> None:
    assert sorted(questions, key=lambda name: int(name[1:])) == [f"Q{number}" for number in range(1, 50)]


def test_a_question_whose_room_is_open_has_its_page(questions: dict[str, dict[str, Any]], root: Path) -> None:
    unanswered = [
        name
        for name, entry in questions.items()
        if "page" not in entry and all(is_open(root, place) for place in entry["needs"])
    ]

    assert not unanswered


def test_every_page_is_whole_and_names_its_command(questions: dict[str, dict[str, Any]], root: Path) -> None:
    faults = []
    for name, entry in questions.items():
        if "page" in entry:
            page = root / "docs" / "explanation" / entry["page"]
            text = page.read_text(encoding="utf-8") if page.is_file() else ""
            faults += [
                f"{name}: {page.name} lacks {what}"
                for what in (*SECTIONS, name, entry["command"])
                if what not in text
            ]

    assert not faults
