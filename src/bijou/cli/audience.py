"""Commands of ad operations: features in, audiences out."""

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click
import msgspec

from bijou.app.audiences import open_audiences
from bijou.app.settings import Settings
from bijou.cli.audience_shards import shards
from bijou.cli.audience_uploading import runs, sample, upload
from bijou.cli.terminal import answer, configured, json_option, speaks_plainly, step
from bijou.ports import EngineUnavailable, InvalidRequest, SystemClock
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from bijou.audience.api import Forgotten
    from bijou.audience.service import AudienceService

_installation = configured("house.data_dir")


@click.group()
def audience() -> None:
    """Users' features in, audiences out, on an installation's data folder.

    \b
    bijou audience upload users.parquet --full
    bijou audience reach 'country in ("DE") and watched("noir", 30d)'
    """


for each in (sample, shards, upload):
    audience.add_command(each)


def _there(config: Settings) -> "AudienceService":
    """Open the audiences of an installation; make none where there is none."""
    folder = Path(config.house.data_dir) / "audience"
    if not folder.is_dir():
        raise EngineUnavailable(
            "audience.no_installation",
            f"{folder.parent} holds no audiences; bring features in first, or name --house-data-dir",
        )
    return open_audiences(config, SystemClock(), SystemRandom())


def _audiences(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function that gets `audiences`, and speaks plainly."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def wrapped(config: Settings, **given: Any) -> Any:
            return function(_there(config), **given)

        return audience.command(name)(json_option(speaks_plainly(_installation(wrapped))))

    return decorate


@_audiences("define")
@click.argument("name")
@click.argument("rule")
@click.option("--purpose", default="ads", show_default=True, help="What members must have consented to.")
@click.option("--households", is_flag=True, help="Everybody who lives with a match belongs to it, too.")
@click.option("--says", default="", help="A sentence about it.")
def define(
    audiences: "AudienceService",
    name: str,
    rule: str,
    purpose: str,
    says: str,
    *,
    households: bool,
    as_json: bool,
) -> None:
    """Add an audience, or change the rule of one; the next build makes it.

    \b
    bijou audience define noir-lovers 'watched("noir", 30d) and not in audience("kids")'
    bijou audience define families 'children and household_size >= 3' --households
    """
    from bijou.audience.api import NewAudience  # noqa: PLC0415 - what only this command needs

    made = audiences.define(NewAudience(name, rule, purpose, households, says))
    for warned in made.warnings:
        step("warning", warned.says)
    answer(made, f"{made.name}: {made.rule}", as_json=as_json)
    step("next", f"`{command('audience build')}`")


@_audiences("drop")
@click.argument("name")
def drop(audiences: "AudienceService", name: str, *, as_json: bool) -> None:
    """Remove an audience that no other builds on.

    \b
    bijou audience drop noir-lovers
    bijou audience drop "last summer"
    """
    audiences.drop(name)
    answer({"dropped": name}, f"{name} is gone", as_json=as_json)


@audience.command("build")
@click.option("--full", is_flag=True, help="Look at everybody, not only at those who changed.")
@click.option(
    "--engine",
    type=click.Choice(["here", "dask"]),
    default="here",
    show_default=True,
    help="What looks at everybody: this process, or workers on Dask, through the installation's blobs.",
)
@click.option("--scheduler", default="", help="Dask's, as tcp://host:port.  [default: processes of our own]")
@click.option(
    "--workers", type=click.IntRange(0), default=0, help="How many of those.  [default: one a core]"
)
@json_option
@speaks_plainly
@_installation
def build(config: Settings, engine: str, scheduler: str, workers: int, *, full: bool, as_json: bool) -> None:
    """Build all audiences into one snapshot, and put it in force.

    \b
    bijou audience build
    bijou audience build --full --engine dask --scheduler tcp://10.0.0.7:8786
    """
    from bijou.app.audience_engines import dask_engine  # noqa: PLC0415 - what only this command needs

    audiences = _there(config)
    if engine == "dask":
        with dask_engine(config, scheduler, workers) as on_dask:
            built = audiences.build(full=full, engine=on_dask)
    else:
        built = audiences.build(full=full)
    answer(built, _listed(built), as_json=as_json)
    step("next", f"`{command('audience overlap ONE OTHER')}`")


@_audiences("list")
def list_(audiences: "AudienceService", *, as_json: bool) -> None:
    """List the audiences, their rules and sizes.

    \b
    bijou audience list
    bijou audience list --json
    """
    there = audiences.audiences()
    answer(there, _listed(there), as_json=as_json)


def _listed(built: list[Any]) -> str:
    def size(each: Any) -> str:
        if each.withheld:
            return "withheld"
        return "not built" if each.members is None else f"{each.members:,}"

    width = max((len(each.name) for each in built), default=0)
    return "\n".join(f"{each.name:<{width}}  {size(each):>12}  {each.rule}" for each in built) or "none"


@_audiences("reach")
@click.argument("rule")
@click.option("--purpose", default="ads", show_default=True, help="What users must have consented to.")
def reach(audiences: "AudienceService", rule: str, purpose: str, *, as_json: bool) -> None:
    """Estimate how many users a rule reaches.

    \b
    bijou audience reach 'country in ("DE", "AT") and age 25..34'
    bijou audience reach 'in audience("noir-lovers") and not subscriber'
    """
    checked = audiences.check(rule, purpose=purpose)
    if checked.problem:
        raise InvalidRequest("audience.bad_rule", checked.problem)
    for warned in checked.warnings:
        step("warning", warned.says)
    answer(checked.reach, _told(checked.reach), as_json=as_json)


def _told(found: Any) -> str:
    if found is None:
        return "nothing is stored yet"
    if found.users is None:
        return f"fewer than {found.floor}, of {found.of:,}"
    span = "" if found.exact else f" ({found.low:,} to {found.high:,}, 19 times out of 20)"
    return f"{found.users:,}{span}, of {found.of:,}"


@_audiences("overlap")
@click.argument("one")
@click.argument("other")
def overlap(audiences: "AudienceService", one: str, other: str, *, as_json: bool) -> None:
    """Tell how many members two built audiences share.

    \b
    bijou audience overlap noir-lovers families
    bijou audience overlap noir-lovers families --json
    """
    found = audiences.overlap(one, other)
    answer(found, f"{_told(found.shared)} in either", as_json=as_json)


@_audiences("alike")
@click.argument("seed")
@click.argument("size", type=int)
def alike(audiences: "AudienceService", seed: str, size: int, *, as_json: bool) -> None:
    """Find people like those of a built audience, and say in what they are alike.

    \b
    bijou audience alike noir-lovers 100000
    bijou audience alike families 50000 --json
    """
    found = audiences.alike(seed, size)
    lines = [f"  {each.dimension} = {each.value}: {each.weight:+.2f}" for each in found.reasons[:8]]
    answer(found, "\n".join([_told(found.reach), *lines]), as_json=as_json)


@_audiences("households")
@click.argument("file", type=click.Path(path_type=Path))
def households(audiences: "AudienceService", file: Path, *, as_json: bool) -> None:
    """Group users seen together: a CSV of two identifiers a line, without a head.

    \b
    bijou audience households seen-together.csv
    bijou audience households pairs.csv --json
    """
    from bijou.audience.api import read_pairs  # noqa: PLC0415 - what only this command needs

    count = audiences.group(read_pairs(file))
    answer({"households": count}, f"{count:,} households", as_json=as_json)


@audience.command("delete")
@click.argument("user")
@json_option
@speaks_plainly
@_installation
def delete(config: Settings, user: str, *, as_json: bool) -> None:
    """Delete a user from every file; the answer is the certificate.

    A server that runs does it, and keeps the user out of files that it has
    received; without one they are kept out by the server that runs next.

    \b
    bijou audience delete user-0000000042
    bijou audience delete ada@example.org --json
    """
    deleted = _forgotten(config, user)
    found = "deleted" if deleted.known else "unknown; nothing was stored"
    text = f"{found}; {deleted.files} files changed in {deleted.took_s:.3f} s"
    answer(deleted, text, as_json=as_json)


def _forgotten(config: Settings, user: str) -> "Forgotten":
    from bijou.audience.api import keep_out  # noqa: PLC0415 - what only this command needs

    if runs(config):
        from bijou.cli import audience_sending  # noqa: PLC0415 - as above

        return asyncio.run(audience_sending.forget(user, settings=config))
    audiences = _there(config)
    waiting = keep_out(audiences.store.folder, audiences.store.hasher.one(user))
    return msgspec.structs.replace(audiences.forget(user), waiting=waiting)


@_audiences("viewer")
@click.argument("user")
@click.option("--purpose", default="ads", show_default=True, help="What it is to be used for.")
def viewer(audiences: "AudienceService", user: str, purpose: str, *, as_json: bool) -> None:
    """Tell what may be used of a viewer for a purpose.

    \b
    bijou audience viewer user-0000000042
    bijou audience viewer ada@example.org --purpose measurement
    """
    known = audiences.known(user, purpose)
    text = known.degraded or f"{', '.join(known.audiences) or 'no audience'} ({known.age_s:.0f} s old)"
    answer(known, text, as_json=as_json)


@_audiences("status")
def status(audiences: "AudienceService", *, as_json: bool) -> None:
    """Tell what is stored and built here.

    \b
    bijou audience status
    bijou audience status --json
    """
    state = audiences.state()
    built = state.built_at.rfc3339() if state.built_at else "never"
    text = (
        f"{state.users:,} users, {state.audiences} audiences, {state.layers} deltas,"
        f" {state.size_bytes / 1e6:,.1f} MB; built {built}{', changes are waiting' if state.pending else ''}"
    )
    answer(state, text, as_json=as_json)
