"""The contracts must bite: break each on purpose, in a copy, and see it fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BREACHES = {
    "a room named utils": ("src/bijou/utils/__init__.py", '"""Odds and ends."""\n', "utils"),
    "an upward import": ("src/bijou/catalog/upward.py", "import bijou.playback\n", "Floors"),
    "a sideways import": ("src/bijou/catalog/sideways.py", "import bijou.accounts\n", "Floors"),
    "a side door": ("src/bijou/playback/sneak.py", "import bijou.catalog.store\n", "Front doors"),
    "a clock in an algorithm": ("src/bijou/algorithms/ticking.py", "import time\n", "Algorithms are pure"),
    "a driver outside engines": ("src/bijou/catalog/raw.py", "import sqlite3\n", "Drivers live in engines"),
}


@pytest.fixture(scope="module")
def copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("house")
    shutil.copytree(root / "src", there / "src", ignore=shutil.ignore_patterns("web", "__pycache__"))
    shutil.copytree(root / "tools", there / "tools")
    shutil.copy(root / "pyproject.toml", there)
    return there


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"},
    )


def test_the_house_as_it_stands_keeps_its_contracts(copy: Path) -> None:
    verdict = lint_imports(copy)

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(copy: Path, breach: str) -> None:
    path, content, contract = BREACHES[breach]
    (copy / path).parent.mkdir(exist_ok=True)
    (copy / path).write_text(content)
    try:
        verdict = lint_imports(copy)
    finally:
        (copy / path).unlink()
        if not any((copy / path).parent.glob("*.py")):
            shutil.rmtree((copy / path).parent)

    assert verdict.returncode != 0
    assert contract in verdict.stdout + verdict.stderr
