import re
import tomllib
from pathlib import Path

from bijou.cli.pages import all_pages

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def test_every_link_in_the_documentation_leads_somewhere(texts: dict[Path, str], root: Path) -> None:
    broken = []
    for path, text in texts.items():
        if path.suffix != ".md":
            continue
        for target in LINK.findall(FENCE.sub("", text)):
            place, _, anchor = target.partition("#")
            if "://" in target or place.startswith("mailto:"):
                continue
            linked = (path.parent / place) if place else path
            if not linked.exists() or (anchor and linked.suffix == ".md" and anchor not in anchors(linked)):
                broken.append(f"{path.relative_to(root)}: {target}")

    assert not broken


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_reference_is_what_the_code_says(root: Path) -> None:
    folder = root / "docs" / "reference"

    stale = [name for name, text in all_pages().items() if (folder / name).read_text() != text]

    assert not stale, "run: ./run reference"


def test_every_dependency_has_its_line(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + [
        entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)
    ]
    page = (root / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")

    assert not [
        name for name in (re.split(r"[<>=\[]", entry)[0] for entry in wanted) if f"| {name} |" not in page
    ]


def test_every_decision_says_what_would_change_our_mind(root: Path) -> None:
    records = sorted((root / "docs" / "decisions").glob("[0-9]*.md"))
    words = ("## Context", "## Options", "## Choice", "ecause", "## Flaws", "## What would change our mind")

    incomplete = [
        f"{page.name}: {word}" for page in records for word in words if word not in page.read_text()
    ]

    assert records
    assert not incomplete


def test_every_room_is_on_the_map(root: Path) -> None:
    rooms = {path.parent.name for path in (root / "src" / "bijou").glob("*/__init__.py")}
    page = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")

    assert not {room for room in rooms if f"`{room}`" not in page}


def test_every_room_has_its_paragraph(root: Path) -> None:
    silent = [
        str(door.relative_to(root))
        for door in (root / "src" / "bijou").glob("*/__init__.py")
        if not door.read_text(encoding="utf-8").startswith('"""')
    ]

    assert not silent
