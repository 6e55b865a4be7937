import ast
from pathlib import Path
from statistics import quantiles

import pytest

LONGEST_MODULE, LONGEST_FUNCTION = 600, 80


@pytest.fixture(scope="module")
def modules(root: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted((root / "src").rglob("*.py"))}


def lines_of(text: str) -> int:
    return text.count("\n")


def functions_of(text: str) -> list[tuple[str, int]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.name, (node.end_lineno or 0) - node.body[0].lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds)
    ]


def test_no_module_is_longer_than_600_lines(modules: dict[Path, str], root: Path) -> None:
    assert not [
        str(path.relative_to(root)) for path, text in modules.items() if lines_of(text) > LONGEST_MODULE
    ]


def test_nine_modules_in_ten_are_under_350_lines(modules: dict[Path, str]) -> None:
    ninth_decile = quantiles([lines_of(text) for text in modules.values()], n=10)[8]

    assert ninth_decile < 350


def test_no_function_is_longer_than_80_lines(modules: dict[Path, str], root: Path) -> None:
    long = [
        f"{path.relative_to(root)}: {name} has {length}"
        for path, text in modules.items()
        for name, length in functions_of(text)
        if length > LONGEST_FUNCTION
    ]

    assert not long


def test_nine_functions_in_ten_are_under_30_lines(modules: dict[Path, str]) -> None:
    lengths = [length for text in modules.values() for _, length in functions_of(text)]

    assert quantiles(lengths, n=10)[8] < 30


def test_no_module_is_named_after_nothing(modules: dict[Path, str], root: Path) -> None:
    empty_words = {"utils", "common", "helpers", "manager", "base", "misc", "util", "helper"}

    assert not [str(path.relative_to(root)) for path in modules if path.stem in empty_words]
