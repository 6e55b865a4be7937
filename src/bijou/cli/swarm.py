"""Viewers in numbers, from the command line."""

import time
from random import Random

import click
import uvloop

from bijou.cli.terminal import NO, answer, json_option, speaks_plainly, step
from bijou.drills.swarm import Crowd, gather
from bijou.ports import InvalidRequest, SystemClock


@click.command()
@click.option("--viewers", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@click.option("--target", required=True, help="Address of a title's page, or of a multivariant playlist.")
@click.option("--seconds", default=60.0, show_default=True, help="After which all leave.")
@click.option(
    "--arrive", "arrive_s", default=5.0, show_default=True, help="Seconds in which they come; 0: at once."
)
@click.option(
    "--stay", "stay_s", default=0.0, show_default=True, help="Mean seconds of a stay; 0: to the end."
)
@click.option("--jumps", default=0.0, show_default=True, help="Chance of a jump before each segment.")
@click.option(
    "--link-mbps", "link", nargs=2, type=float, default=(2.0, 40.0), show_default=True, help="Last miles."
)
@click.option("--seed", default=1, show_default=True, help="Of everything that is drawn.")
@json_option
@speaks_plainly
def swarm(
    viewers: int,
    target: str,
    seconds: float,
    arrive_s: float,
    stay_s: float,
    jumps: float,
    link: tuple[float, float],
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Send viewers to a title, and print what they saw.

    They fetch for real, choose renditions by the player's own policy, say so in
    CMCD, and throw away what they receive. From a title's page each opens a
    session, knows all pathways, and follows steering. Exit status 1 if one saw
    nothing.

    \b
    bijou swarm --viewers 500 --target http://127.0.0.1:8800/t/ringlight
    bijou swarm --viewers 1000 --arrive 0 --seconds 30 --target URL
    """
    low, high = link
    crowd = Crowd(viewers, seconds, arrive_s, stay_s, jumps, (low * 1e6, high * 1e6))
    try:
        report = uvloop.run(
            gather(target, crowd, clock=SystemClock(), chance=Random(seed), cpu_s=time.process_time)  # noqa: S311 - no secret
        )
    except ValueError as error:
        raise InvalidRequest("swarm.crowd", str(error)) from error
    answer(report, report.text(), as_json=as_json)
    step("next", "the same --seed sends the same viewers")
    if report.started < report.viewers:
        raise click.exceptions.Exit(NO)
