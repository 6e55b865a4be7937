"""Walking through a tree, and finding paths by pattern."""

import fnmatch
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from bijou.memfs.paths import join

Listing: TypeAlias = tuple[str, list[str], list[str]]
List: TypeAlias = Callable[[str], tuple[list[str], list[str]]]


def walk_down(top: str, listed: List) -> Iterator[Listing]:
    """Yield (path, directories, other names) of every directory below, parents first.

    Names that the caller takes from a list of directories are not walked into.
    A directory that is gone or closed by the time is passed over.
    """
    pending = [top]
    while pending:
        path = pending.pop()
        try:
            directories, others = listed(path)
        except OSError:
            continue
        yield path, directories, others
        pending += [join(path, name) for name in reversed(directories)]


def matching(pattern: str, listed: List, exists: Callable[[str], bool]) -> Iterator[str]:
    """Yield the paths that match, each once, a directory before what is below it.

    `**` stands for any number of directories. As in a shell, `*`, `?` and `**`
    do not match a name that begins with a dot.

    Cost: each directory is read at most once for each part of the pattern.
    """
    parts = [part for part in pattern.split("/") if part]
    pending, seen = [("/", 0)], set[tuple[str, int]]()
    while pending:
        step = pending.pop()
        if step in seen:
            continue
        seen.add(step)
        path, depth = step
        if depth == len(parts):
            yield path
        else:
            pending += _steps(path, parts, depth, listed, exists)


def _steps(
    path: str, parts: list[str], depth: int, listed: List, exists: Callable[[str], bool]
) -> list[tuple[str, int]]:
    """Return where one part of the pattern leads, and how many parts are done there; the last is the next."""
    part, is_last = parts[depth], depth + 1 == len(parts)
    if not _is_magic(part):
        below = join(path, part)
        return [(below, depth + 1)] if exists(below) else []
    directories, others = _quietly(path, listed)
    if part == "**":
        deeper = [(join(path, name), depth) for name in directories if name[0] != "."]
        files = [(join(path, name), depth + 1) for name in others if is_last and name[0] != "."]
        return [*sorted(deeper + files, reverse=True), (path, depth + 1)]
    fits = re.compile(fnmatch.translate(part)).match
    names = sorted(directories + others if is_last else directories, reverse=True)
    shown = [name for name in names if part[0] == "." or name[0] != "."]
    return [(join(path, name), depth + 1) for name in shown if fits(name)]


def _quietly(path: str, listed: List) -> tuple[list[str], list[str]]:
    try:
        return listed(path)
    except OSError:
        return [], []


def _is_magic(part: str) -> bool:
    return any(character in part for character in "*?[")
