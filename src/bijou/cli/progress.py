"""How far it is: bars where a person watches, silence otherwise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bijou.cli.terminal import interactive

_WHOLE = 1000


@contextmanager
def one_bar(word: str) -> Iterator[Callable[[str, float], None]]:
    """Give a function that takes a step and its share, and shows them in one bar."""
    if not interactive():
        yield lambda _step, _share: None
        return
    from rich.console import Console  # noqa: PLC0415 - only people pay for it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.description:<9}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(word, total=_WHOLE)
        yield lambda step, share: progress.update(bar, description=step, completed=round(share * _WHOLE))
