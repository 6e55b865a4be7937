"""What edges fetch ahead of demand, from the command line."""

import asyncio
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, interactive, json_option, speaks_plainly, step
from bijou.ports import BijouError, EngineUnavailable, Instant, SystemClock

if TYPE_CHECKING:
    from bijou.app.filling import FillCalls
    from bijou.delivery import FillStanding, FillSummary

T = TypeVar("T")

_FOLLOWED_S = 1.0
_BAR = 24
_regions = click.argument("regions", nargs=-1)
_config = configured("house.data_dir", "delivery.edges")
_for = click.option(
    "--for", "for_s", type=click.IntRange(0, 7 * 86_400), default=0, show_default=True,
    help="Seconds from now on in which to fetch, whatever the demand; 0: when it is quiet.",
)  # fmt: skip
_rate = click.option(
    "--rate-mbps", type=click.FloatRange(0.1, 1e6), show_default=True,
    help="How fast at most; by default as the edge is set.",
)  # fmt: skip


@click.group()
def fill() -> None:
    """What edges fetch in quiet hours, before anybody asks.

    Each edge plans by itself, from what it was asked for; see [edge]
    filled_disk_bytes and docs/explanation/fill.md.
    """


@fill.command()
@_regions
@click.option("--follow", is_flag=True, help="Go on showing it; Ctrl-C ends it.")
@json_option
@speaks_plainly
@_config
def show(config: Settings, regions: tuple[str, ...], *, follow: bool, as_json: bool) -> None:
    """Say how far edges are, what they hold, and what that has saved.

    \b
    bijou fill show
    bijou fill show east --follow
    """
    calls = _calls(config, regions)
    if follow and interactive():
        asyncio.run(_followed(calls))
        return
    told = _each(calls, calls.standing)
    answer(told, "\n".join(standing_text(each) for each in told), as_json=as_json)


@fill.command()
@_regions
@_for
@_rate
@json_option
@speaks_plainly
@_config
def plan(
    config: Settings, regions: tuple[str, ...], for_s: int, rate_mbps: float | None, *, as_json: bool
) -> None:
    """Say what edges would fetch if they planned now, and fetch nothing.

    \b
    bijou fill plan
    bijou fill plan east --for 3600
    """
    told = _planned(_calls(config, regions), for_s, rate_mbps, tries=True)
    answer(told, "\n".join(summary_text(each) for each in told), as_json=as_json)
    step("next", "bijou fill run has it done")


@fill.command()
@_regions
@_for
@_rate
@json_option
@speaks_plainly
@_config
def run(
    config: Settings, regions: tuple[str, ...], for_s: int, rate_mbps: float | None, *, as_json: bool
) -> None:
    """Have edges plan now, and fetch what they plan; it replaces what they have not fetched yet.

    \b
    bijou fill run
    bijou fill run east --for 7200 --rate-mbps 200
    """
    told = _planned(_calls(config, regions), for_s, rate_mbps, tries=False)
    answer(told, "\n".join(summary_text(each) for each in told), as_json=as_json)
    step("next", "bijou fill show --follow")


@fill.command()
@click.argument("region")
@speaks_plainly
@_config
def history(config: Settings, region: str) -> None:
    """Print what an edge was asked for, as JSON: by title and hour, position and rendition.

    \b
    bijou fill history east
    bijou fill history east > east.json
    """
    calls = _calls(config, (region,))
    answer(_each(calls, calls.history)[0], "", as_json=True)


def standing_text(told: "FillStanding") -> str:
    """Return how far an edge is, for people."""
    share = told.here_bytes / told.wanted_bytes if told.wanted_bytes else 0.0
    bar = "#" * round(share * _BAR) + "." * (_BAR - round(share * _BAR))
    why = f" ({told.why})" if told.why else ""
    done = f"{_size(told.here_bytes)} of {_size(told.wanted_bytes)}"
    fetched = f"{_size(told.fetched_bytes)} fetched"
    lines = [
        f"{told.region}  {told.state}{why}",
        f"  plan     [{bar}] {share:4.0%}  {told.here:,} of {told.wanted:,} objects, {done}",
        f"  holds    {told.held:,} objects, {_size(told.held_bytes)} of {_size(told.capacity_bytes)}",
        f"  saved    {_size(told.hit_bytes)} in {told.hits:,} reads since its start, for {fetched} ahead",
    ]
    if told.windows and told.wanted:
        lines.append(f"  windows  {_windows(told.windows)} UTC, at {told.rate_bps / 1e6:.1f} Mb/s")
    planned = f"next plan {_moment(told.next_plan_s)}" if told.next_plan_s else "plans when told to"
    known = f"{told.titles_seen:,} titles seen since {_moment(told.watched_since_s)}"
    return "\n".join([*lines, f"  watches  {known}; {planned}"])


def summary_text(told: "FillSummary") -> str:
    """Return a plan, for people."""
    hours = sum(end - start for start, end in told.windows) / 3600
    titles = f"{told.titles[0]} of {told.titles[1]} titles"
    lines = [
        f"{told.region}  to hold {told.objects:,} objects of {titles}, {_size(told.object_bytes)}",
        f"  worth    {told.expected_share:.0%} of the bytes that the coming day's busy hours ask for",
        f"  fetch    {told.fetches:,} objects, {_size(told.fetch_bytes)}, at {told.rate_bps / 1e6:.1f} Mb/s",
        f"  windows  {_windows(told.windows) or 'none'} UTC ({hours:.1f} h)",
    ]
    if told.left_out:
        lines.append(f"  left out {told.left_out:,} objects, for which the windows have no time")
    return "\n".join(lines)


def _calls(config: Settings, regions: tuple[str, ...]) -> "FillCalls":
    from bijou.app.filling import FillCalls  # noqa: PLC0415 - what only these commands need

    return FillCalls(config, regions, SystemClock(), SystemRandom())


def _planned(calls: "FillCalls", for_s: int, rate_mbps: float | None, *, tries: bool) -> "list[FillSummary]":
    from bijou.delivery import FillWish  # noqa: PLC0415 - as above

    wish = FillWish(SystemClock().now(), for_s, round((rate_mbps or 0) * 1e6), tries)
    return _each(calls, lambda region: calls.order(region, wish))


def _each(calls: "FillCalls", call: Callable[[str], Awaitable[T]]) -> list[T]:
    """Call every edge; those that fail are named.

    Raises:
        BijouError: the last failure, where no edge answered.
    """

    async def all_of_them() -> list[T | BaseException]:
        return await asyncio.gather(*(call(region) for region in calls.regions), return_exceptions=True)

    told: list[T] = []
    failed: BijouError | None = None
    for region, each in zip(calls.regions, asyncio.run(all_of_them()), strict=True):
        if isinstance(each, BijouError):
            failed = each
            step(region, each.detail)
        elif isinstance(each, BaseException):
            raise each
        else:
            told.append(each)
    if failed is not None and not told:
        raise failed
    return told


async def _followed(calls: "FillCalls") -> None:
    """Show a bar an edge until stopped."""
    from rich.console import Console  # noqa: PLC0415 - only people pay for it
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    columns: tuple[Any, ...] = (
        TextColumn("{task.description:<9}"), BarColumn(bar_width=30), TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[facts]}"),
    )  # fmt: skip
    clock = SystemClock()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {region: progress.add_task(region, total=1.0, facts="") for region in calls.regions}
        while True:
            for region, bar in bars.items():
                try:
                    told = await calls.standing(region)
                except EngineUnavailable as error:
                    progress.update(bar, facts=error.detail)
                    continue
                saved = f"saved {_size(told.hit_bytes)}"
                facts = f"{told.state} {told.why}  {told.here:,} of {told.wanted:,}, {saved}"
                progress.update(bar, total=max(1, told.wanted_bytes), completed=told.here_bytes, facts=facts)
            await clock.sleep(_FOLLOWED_S)


def _size(size_bytes: int) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes / 1e3:.1f} kB"


def _windows(windows: list[tuple[int, int]]) -> str:
    return ", ".join(f"{_moment(start)[-5:]}-{_moment(end)[-5:]}" for start, end in windows)


def _moment(at_s: float) -> str:
    """Return a moment to the minute: `2026-11-21 05:00`."""
    return Instant(round(at_s * 1e6)).rfc3339()[:16].replace("T", " ")
