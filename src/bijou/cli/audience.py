"""Commands of ad operations: features in, audiences out."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from bijou.app.audiences import open_audiences
from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, interactive, json_option, speaks_plainly, step
from bijou.ports import Instant, InvalidRequest, SystemClock
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from bijou.audience.service import AudienceService

_installation = configured("house.data_dir")


@click.group()
def audience() -> None:
    """Users' features in, audiences out, on an installation's data folder.

    \b
    bijou audience upload users.parquet --full
    bijou audience reach 'country in ("DE") and watched("noir", 30d)'
    """


def _audiences(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function that gets `audiences`, and speaks plainly."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def wrapped(config: Settings, **given: Any) -> Any:
            return function(open_audiences(config, SystemClock(), SystemRandom()), **given)

        return audience.command(name)(json_option(speaks_plainly(_installation(wrapped))))

    return decorate


@_audiences("upload")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--batch", default="", help="Id of the batch: sent again, it changes nothing.  [default: of the content]"
)
@click.option("--full", is_flag=True, help="The file is the whole picture; users not in it are gone.")
@click.option("--refuse-all", is_flag=True, help="One bad row refuses the batch; else good rows are kept.")
@click.option(
    "--at", "event_at", default="", help="Moment that the rows are true of, RFC 3339.  [default: the file's]"
)
@click.option("--id-column", default="user", show_default=True, help="Column of the identifiers.")
def upload(
    audiences: "AudienceService",
    file: Path,
    batch: str,
    event_at: str,
    id_column: str,
    *,
    full: bool,
    refuse_all: bool,
    as_json: bool,
) -> None:
    """Bring a CSV (plain, gzip, zstd), Parquet or Arrow file of features in.

    \b
    bijou audience upload users.parquet --full
    bijou audience upload changes.csv.gz --batch 2026-11-21 --at 2026-11-21T10:00:00Z
    """
    from bijou.audience import Batch, Mode, Policy  # noqa: PLC0415 - what only this command needs
    from bijou.engines.audience_files import FileSource  # noqa: PLC0415 - as above

    source = FileSource(file, id_column=id_column)
    moment = _moment(event_at) if event_at else Instant(file.stat().st_mtime_ns // 1000)
    sent = Batch(
        batch or f"content-{source.fingerprint()[:16]}",
        moment,
        Mode.FULL if full else Mode.DELTA,
        Policy.REFUSE_ALL if refuse_all else Policy.KEEP_GOOD,
    )
    with _progress(file.name) as tell:
        report = audiences.upload(source, sent, tell)
    if report.repeated:
        step("repeated", f"batch {report.id} was applied at {report.applied_at.rfc3339()}; nothing changed")
    if report.rejected:
        step("rejected", f"{report.rejected:,} rows; see {audiences.store.folder / report.rejects}")
    text = (
        f"{report.state}: {report.kept:,} of {report.rows:,} rows, {report.users:,} users"
        f" ({report.fresh:,} new), {report.late:,} late"
    )
    answer(report, text, as_json=as_json)
    step("next", f"`{command('audience define NAME RULE')}`, then `{command('audience build')}`")


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[Any], None]]:
    """Draw a bar where a person watches."""
    if not interactive():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - drawn only for people
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda told: bars.update(task, completed=told.rows, total=told.of or None)


def _moment(text: str) -> Instant:
    try:
        return Instant.parse(text)
    except ValueError as error:
        raise InvalidRequest("audience.bad_moment", f"--at {text!r} is no moment: {error}") from error


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


@_audiences("build")
@click.option("--full", is_flag=True, help="Look at everybody, not only at those who changed.")
def build(audiences: "AudienceService", *, full: bool, as_json: bool) -> None:
    """Build all audiences into one snapshot, and put it in force.

    \b
    bijou audience build
    bijou audience build --full --json
    """
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


@_audiences("delete")
@click.argument("user")
def delete(audiences: "AudienceService", user: str, *, as_json: bool) -> None:
    """Delete a user from every file; the answer is the certificate.

    \b
    bijou audience delete user-0000000042
    bijou audience delete ada@example.org --json
    """
    deleted = audiences.forget(user)
    found = "deleted" if deleted.known else "unknown; nothing was stored"
    text = f"{found}; {deleted.files} files changed in {deleted.took_s:.3f} s"
    answer(deleted, text, as_json=as_json)


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
