"""Drills on the command line: each in a house of its own, on addresses that are free."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

import click
import uvloop

from bijou.cli.progress import one_bar
from bijou.cli.terminal import NO, json_option, speaks_plainly, step, write_text
from bijou.ports import InvalidRequest, SystemClock
from bijou.runtime import codec, lifecycle

ACCOUNTS = 8
"""Of those who sign in at a peak; they take them in turn."""

T = TypeVar("T")


class _Outcome(Protocol):
    @property
    def passed(self) -> bool: ...

    def text(self) -> str: ...

    def figures(self) -> dict[str, object]: ...

    def svg(self) -> str: ...


_plot_option = click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it too, into this SVG file."
)
_seed_option = click.option("--seed", default=1, show_default=True, help="Of everything that is drawn.")


@click.group()
def drill() -> None:
    """Hurt an installation of its own on purpose, and judge what viewers felt.

    Nothing of yours is touched: each drill starts an installation in a folder
    that goes with it, on 127.0.0.4 and the following.
    """


@drill.command()
@click.option("--viewers", type=click.IntRange(1, 20_000), default=500, show_default=True, help="How many.")
@click.option(
    "--buffer",
    "buffer_s",
    type=click.FloatRange(1.0),
    default=6.0,
    show_default=True,
    help="Seconds with less of which viewers ask for more.",
)
@click.option("--browsers", type=click.IntRange(0, 8), default=0, show_default=True, help="Real Chromiums.")
@click.option("--calm", "calm_s", default=15.0, show_default=True, help="Seconds before the region dies.")
@click.option("--dead", "dead_s", default=20.0, show_default=True, help="Seconds that it stays dead.")
@click.option("--after", "after_s", default=100.0, show_default=True, help="Seconds after it is back.")
@_seed_option
@_plot_option
@json_option
@speaks_plainly
def region(
    viewers: int,
    buffer_s: float,
    browsers: int,
    calm_s: float,
    dead_s: float,
    after_s: float,
    seed: int,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    """Kill all of a region in the middle of an evening, and bring it back.

    Half of the viewers watch by `east`, half by `west`, with little buffer;
    `east` is killed with SIGKILL, stays dead, and is started again. The plot
    shows over time who serves whom, which region steering names first, whose
    picture stands still, and buffers. Exit status 1 if a picture stood still
    after the death, a viewer of `east` did not move over in time, a session
    ended, or too many came back at once.

    \b
    bijou drill region --plot region.svg
    bijou drill region --viewers 40 --calm 5 --dead 8 --after 8
    bijou drill region --browsers 2
    """
    from bijou.cli.drill_house import CUT, REGIONS, standing  # noqa: PLC0415 - what only drills need
    from bijou.drills import region as drills  # noqa: PLC0415 - as above

    clock, screens = SystemClock(), drills.NO_SCREENS
    if browsers and (missing := drills.missing_for_browsers()):
        step("note", missing)
    elif browsers:
        screens = drills.Chromiums(browsers, clock)
    plan = drills.Plan(viewers, buffer_s, min(60.0, 2 + viewers / 20), calm_s, dead_s, after_s)
    pair = (CUT, next(name for name in REGIONS if name != CUT))

    async def drilled(told: Callable[[str, float], None]) -> drills.Outcome:
        async with standing(24.0, told) as stage:
            return await drills.evacuate(
                stage.house,
                stage.page,
                plan,
                pair,
                screens=screens,
                clock=clock,
                chance=Random(seed),  # noqa: S311 - no secret
                cpu_s=time.process_time,
                told=told,
            )

    _finish(_run(drilled), plot, as_json=as_json)


@drill.command()
@click.option("--viewers", type=click.IntRange(2, 5000), default=40, show_default=True, help="How many.")
@click.option("--fault", "wanted", multiple=True, help="Only this one; may be given again.")
@click.option("--calm", "calm_s", default=10.0, show_default=True, help="Seconds before each fault.")
@click.option("--seconds", "fault_s", default=30.0, show_default=True, help="That each fault lasts.")
@_seed_option
@_plot_option
@json_option
@speaks_plainly
def grey(
    viewers: int,
    wanted: tuple[str, ...],
    calm_s: float,
    fault_s: float,
    seed: int,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a region unwell in five ways, and see who notices when.

    A proxy stands before `east` and triples its latency, spoils requests,
    halves its bandwidth, flaps, or swallows answers; each in an installation
    of its own. Exit status 1 if a picture stood still, a session ended, or
    somebody fled from the region that was well.

    \b
    bijou drill grey --plot grey.svg
    bijou drill grey --fault one-way --fault flapping
    """
    from bijou.cli.drill_house import CUT, REGIONS, standing  # noqa: PLC0415 - what only drills need
    from bijou.drills import grey as drills  # noqa: PLC0415 - as above

    clock, plan = SystemClock(), drills.Plan(viewers, calm_s=calm_s, fault_s=fault_s, rate_bps=viewers * 4e5)
    pair = (CUT, next(name for name in REGIONS if name != CUT))
    known = {fault.name: fault for fault in drills.faults(plan.rate_bps)}
    if strange := [name for name in wanted if name not in known]:
        raise InvalidRequest(
            "drills.fault", f"no fault is called {strange[0]!r}; there are {', '.join(known)}"
        )

    async def drilled(told: Callable[[str, float], None]) -> drills.Outcome:
        scenes = []
        for name in wanted or known:
            async with standing(24.0, told, usual=drills.calm(plan.rate_bps)) as stage:
                assert stage.proxy is not None
                scene = await drills.endure(
                    known[name],
                    stage.page,
                    stage.proxy,
                    plan,
                    pair,
                    clock=clock,
                    chance=Random(seed),  # noqa: S311 - no secret
                    cpu_s=time.process_time,
                    told=told,
                )
            step(name, f"{scene.figures.left} of {scene.figures.on_it} left, {scene.figures.stalls} stalls")
            scenes.append(scene)
        return drills.judged(scenes, pair)

    _finish(_run(drilled), plot, as_json=as_json)


@drill.command()
@click.option("--people", type=click.IntRange(1, 20_000), default=500, show_default=True, help="How many.")
@click.option(
    "--within", "within_s", default=15.0, show_default=True, help="Seconds in which all press play."
)
@click.option(
    "--signing",
    type=click.FloatRange(0.0, 1.0),
    default=0.05,
    show_default=True,
    help="Share of them who have to sign in first.",
)
@click.option(
    "--patience",
    "patience_s",
    default=60.0,
    show_default=True,
    help="Seconds for which they go on trying to.",
)
@_seed_option
@_plot_option
@json_option
@speaks_plainly
def peak(
    people: int,
    within_s: float,
    signing: float,
    patience_s: float,
    seed: int,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    """Let everyone press play at once, and see how each tier bears it.

    Sign-in, the title's page, the session, playlists, the first segments: each
    try is counted. Whoever is told that everybody signs in just now comes back
    when told to. Exit status 1 if less than 99.9 % of them came in, or of the
    tries of another tier went well.

    \b
    bijou drill peak --plot peak.svg
    bijou drill peak --people 2000 --within 60 --signing 0.01
    """
    from bijou.cli.drill_house import standing  # noqa: PLC0415 - what only drills need
    from bijou.drills import peak as drills  # noqa: PLC0415 - as above

    plan, clock = drills.Plan(people, within_s, signing, patience_s), SystemClock()

    async def drilled(told: Callable[[str, float], None]) -> drills.Outcome:
        async with standing(24.0, told) as stage:
            names = await drills.admit(stage.site, stage.token, ACCOUNTS, clock=clock) if signing else []
            chance = Random(seed)  # noqa: S311 - no secret
            return await drills.everyone(stage.page, names, plan, clock=clock, chance=chance, told=told)

    _finish(_run(drilled), plot, as_json=as_json)


def _run(work: Callable[[Callable[[str, float], None]], Awaitable[T]]) -> T:
    """Do it on a loop of its own with a bar; the first signal ends it in order, the second at once.

    Raises:
        KeyboardInterrupt: it was ended by a signal.
        InvalidRequest: the wish makes no sense.
    """

    async def interruptible() -> T:
        with one_bar("drill") as told:
            working = asyncio.ensure_future(work(told))
            with _stopping(working.cancel):
                return await working

    try:
        return uvloop.run(interruptible())
    except ValueError as error:
        raise InvalidRequest("drills.plan", str(error)) from error
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextlib.contextmanager
def _stopping(cancel: Callable[[], Any]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = lifecycle.stopping()

    def told() -> None:
        cancel()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, told)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _finish(outcome: _Outcome, plot: Path | None, *, as_json: bool) -> None:
    if plot:
        write_text(plot, outcome.svg())
    click.echo(codec.encode(outcome).decode() if as_json else outcome.text())
    if not as_json:
        click.echo(codec.encode(outcome.figures()).decode())
    step("plot" if plot else "next", str(plot) if plot else "--plot FILE.svg draws it")
    if not outcome.passed:
        raise click.exceptions.Exit(NO)
