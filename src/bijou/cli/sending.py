"""A film's way from this machine to a bijou: bytes out, news back, an address."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bijou.accounts import SignIn
from bijou.app.clients import connected
from bijou.app.keys import keep_secret
from bijou.catalog import NewTitle, Publication
from bijou.cli.terminal import interactive, step
from bijou.encoding import Encoding, Job, JobState
from bijou.ingest import Ingest, NewUpload
from bijou.ports import BijouBug, BijouError, InvalidRequest, SystemClock, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES = 1 << 20
_ASK_EVERY_S = 0.3


class Sent(msgspec.Struct, frozen=True):
    """What came of an upload.

    Args:
        address: Where the title can be watched.
        took_s: Seconds from the first byte to the publication.
    """

    address: str
    title: str
    job: str
    took_s: float


def token_for(server: str, data_dir: Path) -> str:
    """Return the token to show: environment, then `bijou sign-in`'s, then this folder's own.

    Raises:
        Unauthenticated: `cli.no_token`, there is none.
    """
    if token := os.environ.get("BIJOU_TOKEN", ""):
        return token
    for place in (_token_file(server), data_dir / "keys" / "operator.token"):
        if place.is_file():
            return place.read_text(encoding="utf-8").strip()
    raise Unauthenticated("cli.no_token", f"no token for {server}; run: bijou sign-in NAME --server {server}")


async def sign_in(name: str, password: str, *, server: str) -> Path:
    """Sign in and keep the token; returns where."""
    async with connected(server) as clients:
        signed_in = await clients.sign_in(SignIn(name, password))
    place = _token_file(server)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_secret(place, signed_in.token)
    return place


async def send(file: Path, *, name: str, synopsis: str, server: str, token: str) -> Sent:
    """Upload a file and wait until its title can be watched.

    Raises:
        InvalidRequest: `cli.no_file`, or whatever the service found wrong with it.
        EngineUnavailable: the service does not answer.
    """
    if not file.is_file():
        raise InvalidRequest("cli.no_file", f"{file} is not a file that can be read here")
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    async with connected(server, token) as clients:
        job_id = await _deliver(clients.ingest, file, name, synopsis)
        job = await _finished(clients.encoding, job_id, clock)
        title = await clients.catalog.title(job.title)
    took_s = (clock.monotonic_ns() - began_ns) / 1e9
    _tell(title.publication, took_s)
    address = f"{server.rstrip('/')}/t/{title.slug}"
    return Sent(address=address, title=title.name, job=job.id, took_s=round(took_s, 3))


async def _deliver(ingest: Ingest, file: Path, name: str, synopsis: str) -> str:
    size = file.stat().st_size
    wanted = NewTitle(name=name or _name_of(file), synopsis=synopsis)
    upload = await ingest.open(NewUpload(filename=file.name, size_bytes=size, title=wanted))
    with _bar("upload", size) as advance:
        received = await ingest.receive(upload.id, _pieces(file, advance))
    return received.job


async def _finished(encoding: Encoding, job_id: str, clock: SystemClock) -> Job:
    with _bar("encode", 1000) as advance:
        shown = 0
        while True:
            job = await encoding.job(job_id)
            now = round(job.progress * 1000)
            advance(now - shown)
            shown = now
            if job.state is JobState.DONE:
                return job
            if job.state in {JobState.REFUSED, JobState.FAILED}:
                raise _reason(job)
            await clock.sleep(_ASK_EVERY_S)


def _reason(job: Job) -> BijouError:
    if job.problem is None:
        return BijouBug("encoding.no_reason", f"{job.filename} came to nothing, and nobody said why")
    return BijouError.from_problem(job.problem)


def _tell(publication: Publication, took_s: float) -> None:
    media = publication.media
    video, audio = media.video[0], media.audio[:1]
    sound = f"{audio[0].channels} ch" if audio else "no sound"
    rate = frame_rate_text(video.frame_rate)
    step(
        "probe",
        f"{clock_time(media.duration_s)}  {video.width}x{video.height}  {rate} fps  {video.codec}  {sound}",
    )
    rungs = [each for each in publication.renditions if each.kind == "video"]
    segments = max(each.segments for each in rungs)
    step(
        "encode",
        f"{len(rungs)} renditions, {segments} segments each   {clock_time(took_s)}"
        f"  ({media.duration_s / max(took_s, 0.001):.1f}x real time)",
    )
    step("package", "HLS + DASH, segments up to 4 s")


def frame_rate_text(fraction: str) -> str:
    """Return a frame rate as people write it.

    Example:
        >>> frame_rate_text("24/1"), frame_rate_text("24000/1001")
        ('24', '23.976')
    """
    above, _, below = fraction.partition("/")
    return f"{int(above) / int(below or 1):.3f}".rstrip("0").rstrip(".")


def clock_time(seconds: float) -> str:
    """Return a length as players show it.

    Example:
        >>> clock_time(29.6), clock_time(3723)
        ('0:30', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _name_of(file: Path) -> str:
    return file.stem.replace("_", " ").replace("-", " ").strip().capitalize() or file.name


def _token_file(server: str) -> Path:
    home = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    place = server.split("://", 1)[-1].rstrip("/").replace("/", "_").replace(":", "_")
    return home / "bijou" / f"{place}.token"


async def _pieces(file: Path, advance: Callable[[int], None]) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE_BYTES):
            yield piece
            advance(len(piece))


@contextmanager
def _bar(word: str, total: int) -> "Iterator[Callable[[int], None]]":
    """Draw progress where a person watches; stay silent otherwise."""
    if not interactive():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only people pay for it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    columns: tuple[Any, ...] = (
        TextColumn(f"{word:<9}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(word, total=total)
        yield lambda step: progress.advance(task, step)
