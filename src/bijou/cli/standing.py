"""An encode as it is watched at a terminal: a bar a rendition, and a table at the end."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from bijou.app.film_report import Encoded, Made
from bijou.app.film_wish import Wish
from bijou.app.standalone import Stopped, Watcher, encode_film
from bijou.cli.sending import clock_time, media_text
from bijou.cli.terminal import interactive, step
from bijou.encoding import Standing
from bijou.ports import SystemClock
from bijou.runtime import logs

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STOPPED = 130


def encode(wish: Wish, *, verbose: bool) -> Encoded:
    """Encode a film, showing how it goes; Ctrl-C ends it for now.

    Raises:
        BijouError: see `encode_film`.
    """
    logs.configure("encode", clock=SystemClock(), level="debug" if verbose else "error")
    try:
        with _bars() as bars:
            made = asyncio.run(_interruptible(wish, bars))
    except Stopped as stopped:
        click.echo(f"stopped at {stopped.progress:.0%}; the same command goes on from there", err=True)
        raise click.exceptions.Exit(_STOPPED) from None
    if made.fresh:
        speed = made.encoded_s / max(made.took_s, 0.001)
        facts = f"{clock_time(made.encoded_s)} of renditions in {clock_time(made.took_s)}"
        step("encoded", f"{facts} ({speed:.1f}x real time)")
    else:
        step("there", f"nothing was left to do in {wish.out}")
    return made


async def _interruptible(wish: Wish, watcher: Watcher) -> Encoded:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)  # told twice, it ends at once

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told, number)
    return await encode_film(wish, watcher, stop, SystemRandom())


def table(made: Encoded) -> str:
    """Return what has come out, a line a rendition."""
    head = ("rendition", "size", "codec", "kb/s", "MB", "VMAF", "x real time")
    rows = [head, *(_row(one) for one in made.renditions)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = []
    for row in rows:
        words = [
            word.ljust(width) if place in {0, 2} else word.rjust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(words).rstrip())
    return "\n".join([*lines, made.hls])


def _row(made: Made) -> tuple[str, ...]:
    return (
        made.name,
        f"{made.width}x{made.height}" if made.width else "-",
        made.codecs,
        f"{made.average_bps / 1000:.0f}",
        f"{made.size_bytes / 1e6:.2f}",
        f"{made.vmaf:.1f}" if made.vmaf is not None else "-",
        f"{made.speed:.1f}" if made.speed else "-",
    )


@contextmanager
def _bars() -> Iterator[Watcher]:
    if not interactive():
        yield _Words()
        return
    from rich.console import Console  # noqa: PLC0415 - only people pay for it
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    columns: tuple[Any, ...] = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[facts]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bars(progress)


class _Words(Watcher):
    """For a log: what is worth a line."""

    def __init__(self) -> None:
        self._told = False

    def step(self, name: str, facts: str) -> None:
        step(name, facts)

    def standing(self, standing: Standing) -> None:
        if standing.media is not None and standing.media.video and not self._told:
            self._told = True
            self.step("probe", media_text(standing.media))


class _Bars(_Words):
    """For a person: a bar a rendition, with its speed, and one for all with the time that is left."""

    def __init__(self, progress: "Progress") -> None:
        super().__init__()
        self._progress = progress
        self._clock = SystemClock()
        self._began: tuple[int, float] | None = None
        self._bars: dict[str, TaskID] = {}

    def step(self, name: str, facts: str) -> None:
        self._progress.console.print(f"[dim]{name:<9}[/] {facts}", highlight=False)

    def standing(self, standing: Standing) -> None:
        super().standing(standing)
        for rung in standing.rungs:
            whole = max(standing.duration_s, 0.001)
            speed = f"{rung.speed:.1f}x" if rung.speed else ""
            chunks = f"{rung.chunks_done} of {rung.chunks}" if rung.kind == "video" else f"{rung.chunks_done}"
            facts = f"{clock_time(rung.done_s)}  {chunks:<9} {speed:>6}  {rung.size_bytes / 1e6:.1f} MB"
            self._show(rung.name, min(1.0, rung.done_s / whole), facts)
        self._show("all", standing.progress, self._left(standing))

    def scoring(self, step: str, share: float) -> None:
        self._show(step, share, "")

    def _show(self, name: str, share: float, facts: str) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=1.0, facts="")
        self._progress.update(self._bars[name], completed=share, facts=facts)

    def _left(self, standing: Standing) -> str:
        """How long it will take, by how long it has taken."""
        now_ns = self._clock.monotonic_ns()
        if self._began is None:
            self._began = (now_ns, standing.progress)
        spent_s, done = (now_ns - self._began[0]) / 1e9, standing.progress - self._began[1]
        if done < 0.02:
            return standing.step
        return f"{standing.step:<8} {clock_time(spent_s / done * (1 - standing.progress))} left"
