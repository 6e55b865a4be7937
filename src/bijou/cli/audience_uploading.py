"""Commands that bring features in: to the server that runs, or straight into the data folder."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from bijou.app.addresses import own_server
from bijou.app.audiences import open_audiences
from bijou.app.settings import Settings
from bijou.app.status import read_status
from bijou.app.volume import room_for
from bijou.cli.terminal import answer, configured, interactive, json_option, speaks_plainly, step
from bijou.cli.uploading import server_option
from bijou.ports import EngineUnavailable, Instant, InvalidRequest, SystemClock
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from bijou.audience import BatchReport, NewBatch

_installation = configured("house.data_dir", "control.host", "control.port", "control.public_url")


@click.command()
@click.argument("file")
@click.option(
    "--batch", default="", help="Id of the batch: sent again, it changes nothing.  [default: of the content]"
)
@click.option("--full", is_flag=True, help="The file is the whole picture; users not in it are gone.")
@click.option("--refuse-all", is_flag=True, help="One bad row refuses the batch; else good rows are kept.")
@click.option(
    "--at", "event_at", default="", help="Moment that the rows are true of, RFC 3339.  [default: the file's]"
)
@click.option("--id-column", default="user", show_default=True, help="Column of the identifiers.")
@server_option
@json_option
@speaks_plainly
@_installation
def upload(
    config: Settings,
    file: str,
    batch: str,
    event_at: str,
    id_column: str,
    server: str | None,
    *,
    full: bool,
    refuse_all: bool,
    as_json: bool,
) -> None:
    """Bring a CSV (plain, gzip, zstd), Parquet or Arrow file of features in.

    A server that runs gets it, in pieces, and goes on where it was when either
    end is stopped; without one it goes straight into the data folder. FILE may
    also be s3://bucket/key, which the server reads by itself.

    \b
    bijou audience upload users.parquet --full
    bijou audience upload changes.csv.gz --batch 2026-11-21 --at 2026-11-21T10:00:00Z
    """
    new = _wanted(file, batch, event_at, id_column, full=full, refuse_all=refuse_all)
    if server or new.source or runs(config):
        from bijou.cli import audience_sending  # noqa: PLC0415 - what only this needs

        place = server or own_server(config)
        report = asyncio.run(audience_sending.send(new, Path(file), server=place, settings=config))
        rejects = f"{place}/api/audience-batches/{report.id}/rejects"
    else:
        report = _straight(config, Path(file), new)
        rejects = str(Path(config.house.data_dir) / "audience" / report.rejects)
    if report.repeated:
        step("repeated", f"batch {report.id} was applied at {report.applied_at.rfc3339()}; nothing changed")
    if report.rejected:
        step("rejected", f"{report.rejected:,} rows; see {rejects}")
    text = (
        f"{report.state}: {report.kept:,} of {report.rows:,} rows, {report.users:,} users"
        f" ({report.fresh:,} new), {report.late:,} late"
    )
    answer(report, text, as_json=as_json)
    step("next", f"`{command('audience define NAME RULE')}`, then `{command('audience build')}`")


@click.command()
@click.option("--users", type=click.IntRange(1, 1_000_000_000), default=1_000_000, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default="users.parquet", show_default=True
)
@json_option
@speaks_plainly
def sample(users: int, out: Path, *, as_json: bool) -> None:
    """Write a Parquet file of viewers that nobody is, to try audiences with.

    \b
    bijou audience sample
    bijou audience sample --users 10000 --out small.parquet
    """
    try:
        from bijou.engines.audience_samples import write_sample  # noqa: PLC0415 - what only this needs
    except ImportError as error:
        raise EngineUnavailable(
            "audience.no_engine", f"audiences need the package {error.name}; install bijou[audience]"
        ) from error
    try:
        write_sample(out, users, SystemClock().now())
    except OSError as error:
        raise EngineUnavailable("cli.unwritable", f"{out} cannot be written: {error.strerror}") from error
    size_bytes = out.stat().st_size
    answer(
        {"file": str(out), "users": users, "size_bytes": size_bytes},
        f"{out}: {users:,} users, {size_bytes / 1e6:,.1f} MB",
        as_json=as_json,
    )
    step("next", f"`{command(f'audience upload {out} --full')}`")


def runs(config: Settings) -> bool:
    """Tell whether a server runs on this data folder."""
    return any(service.name == "control" for service in read_status(Path(config.house.data_dir)))


def _wanted(
    file: str, batch: str, event_at: str, id_column: str, *, full: bool, refuse_all: bool
) -> "NewBatch":
    from bijou.audience import Mode, NewBatch, Policy  # noqa: PLC0415 - numpy, which other commands need not

    mode = Mode.FULL if full else Mode.DELTA
    policy = Policy.REFUSE_ALL if refuse_all else Policy.KEEP_GOOD
    moment = _moment(event_at) if event_at else None
    if file.startswith("s3://"):
        name = batch or f"source-{hashlib.sha256(file.encode()).hexdigest()[:16]}"
        return NewBatch(name, source=file, mode=mode, policy=policy, event_at=moment, id_column=id_column)
    path = Path(file)
    try:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        there = path.stat()
    except OSError as error:
        raise InvalidRequest("audience.bad_file", f"{path.name}: {error.strerror}") from error
    return NewBatch(
        batch or f"content-{digest[:16]}",
        path.name,
        there.st_size,
        mode=mode,
        policy=policy,
        event_at=moment or Instant(there.st_mtime_ns // 1000),
        id_column=id_column,
        sha256=digest,
    )


def _straight(config: Settings, file: Path, new: "NewBatch") -> "BatchReport":
    """Bring a file in without a server."""
    from bijou.audience import Batch  # noqa: PLC0415 - what only this needs
    from bijou.engines.audience_files import FileSource  # noqa: PLC0415 - as above

    audiences = open_audiences(config, SystemClock(), SystemRandom())
    source = FileSource(file, id_column=new.id_column)
    sent = Batch(new.id, new.event_at or SystemClock().now(), new.mode, new.policy)
    with _progress(file.name) as tell, room_for(new.id):
        return audiences.upload(source, sent, tell)


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
