"""What merging means: tag, concatenate, sort."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any


def merged(runs: Sequence[Sequence[Any]], key: Callable[[Any], Any] | None, *, reverse: bool) -> list[Any]:
    """All items, sorted stably: equal ones in the order of their runs."""
    return sorted((item for run in runs for item in run), key=key, reverse=reverse)


class Boom(Exception):
    pass


def failing(items: Iterable[Any], *, after: int) -> Iterator[Any]:
    """Yield `after` items and then fail."""
    for number, item in enumerate(items):
        if number == after:
            break
        yield item
    raise Boom


def until_it_fails(merge: Iterator[Any]) -> tuple[list[Any], str]:
    """Take items until the end or an error; return both."""
    taken: list[Any] = []
    try:
        taken.extend(merge)
    except Exception as error:  # noqa: BLE001
        return taken, type(error).__name__
    return taken, ""


class Spied:
    """0, 1, 2 ... without end, and how many of them were read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.read += 1
        return self.read - 1
