"""Commands for users who are divided over several processes."""

from random import SystemRandom
from typing import TYPE_CHECKING

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, json_option, speaks_plainly, step
from bijou.ports import SystemClock

if TYPE_CHECKING:
    from bijou.audience.shards.asking import ShardState


@click.group()
def shards() -> None:
    """Divide users over several processes, each `bijou run audience-shard`.

    \b
    bijou audience shards add one=http://127.0.0.1:8804 two=http://127.0.0.1:8805
    bijou audience shards status
    """


@shards.command("add")
@click.argument("entries", nargs=-1, required=True)
@json_option
@speaks_plainly
@configured("house.data_dir")
def add(config: Settings, entries: tuple[str, ...], *, as_json: bool) -> None:
    """Let more shards hold their share of the users, who move there while they are read.

    \b
    bijou audience shards add one=http://127.0.0.1:8804
    bijou audience shards add two=http://10.0.0.8:8804 three=http://10.0.0.9:8804
    """
    from bijou.app.audiences import sharded_audiences  # noqa: PLC0415 - what only this needs

    audiences = sharded_audiences(config, SystemClock(), SystemRandom())
    made = audiences.add_shards(
        list(entries),
        lambda move: step("moved", f"slot {move.slot} from {move.source} to {move.target}"),
    )
    held = "\n".join(f"{name:<12} {made.holders.count(name):>3} slots" for name in made.addresses)
    answer(made, held, as_json=as_json)


@shards.command("status")
@json_option
@speaks_plainly
@configured("house.data_dir")
def status(config: Settings, *, as_json: bool) -> None:
    """Tell which shards answer, and how many users each has; exit status 1 if one is away.

    \b
    bijou audience shards status
    bijou audience shards status --json
    """
    from bijou.app.audiences import sharded_audiences  # noqa: PLC0415 - what only this needs

    states = sharded_audiences(config, SystemClock(), SystemRandom()).shards()
    answer(states, "\n".join(_line(name, state) for name, state in states.items()), as_json=as_json)
    if None in states.values():
        raise click.exceptions.Exit(1)


def _line(name: str, state: "ShardState | None") -> str:
    if state is None:
        return f"{name:<12} away"
    return f"{name:<12} {len(state.users):>3} slots  {sum(state.users.values()):>12,} users"
