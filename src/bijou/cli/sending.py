"""A film's way from this machine to a bijou: bytes out, news back, an address."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from bijou.accounts import SignIn
from bijou.app.addresses import is_own
from bijou.app.clients import Clients, connected
from bijou.app.keys import keep_secret
from bijou.app.settings import Settings
from bijou.catalog import MediaInfo, NewTitle, Publication, Title
from bijou.cli.resuming import Memory, Sender, begun
from bijou.cli.terminal import interactive, step
from bijou.encoding import Encoding, Job, JobState
from bijou.ingest import Ingest, Upload
from bijou.ports import (
    BijouBug,
    BijouError,
    Clock,
    EngineUnavailable,
    InvalidRequest,
    Overloaded,
    SystemClock,
    Unauthenticated,
)
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASK_EVERY_S = 0.3
_RESTART_NS = 15 * 10**9

T = TypeVar("T")


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


def token_for(server: str, settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Return the token to show: environment, then `bijou sign-in`'s, then this folder's own.

    The folder's is the operator's: it is shown to the installation that drew it, and to no other server.

    Raises:
        Unauthenticated: `cli.no_token`, there is none.
    """
    if token := environ.get("BIJOU_TOKEN", ""):
        return token
    own = Path(settings.house.data_dir) / "keys" / "operator.token"
    for place in (_token_file(server, environ), *([own] if is_own(settings, server) else [])):
        if place.is_file():
            return place.read_text(encoding="utf-8").strip()
    sign_in = command(f"sign-in NAME --server {server}")
    raise Unauthenticated("cli.no_token", f"no token for {server}; run: {sign_in}")


async def sign_in(name: str, password: str, *, server: str) -> Path:
    """Sign in and keep the token; returns where."""
    async with connected(server) as clients:
        signed_in = await clients.sign_in(SignIn(name, password))
    place = _token_file(server, os.environ)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_secret(place, signed_in.token)
    return place


async def send(file: Path, *, name: str, synopsis: str, server: str, token: str) -> Sent:
    """Upload a file and wait until its title can be watched.

    Killed, or left by the server for too long, it goes on where it was when it
    is run again. Cancelled, it cancels the upload and its encode, and says so.

    Raises:
        InvalidRequest: `cli.no_file`, or whatever the service found wrong with it.
        EngineUnavailable: the service does not answer; `cli.lost_sight`, no
            longer, and the film is delivered.
    """
    if not file.is_file():
        raise InvalidRequest("cli.no_file", f"{file} is not a file that can be read here")
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    wanted = NewTitle(name=name or _name_of(file), synopsis=synopsis)
    folder = _token_file(server, os.environ).parent / "uploads"
    memory = Memory(folder, file, server, wanted.name, wanted.synopsis)
    async with connected(server, token) as clients:
        upload = await begun(clients.ingest, file, wanted, memory, clock)
        try:
            received = await _delivered(clients.ingest, upload, file, clock)
            job, title = await _published(clients, received.job, server, clock)
        except asyncio.CancelledError:
            await _call_off(clients.ingest, upload)
            memory.forget()
            raise
        except (EngineUnavailable, Overloaded):
            step("kept", "the same command goes on where this one ended")
            raise
        except BijouError:
            memory.forget()
            raise
        memory.forget()
    took_s = (clock.monotonic_ns() - began_ns) / 1e9
    _tell(title.publication, took_s)
    return Sent(address=_address(server, title.slug), title=title.name, job=job.id, took_s=round(took_s, 3))


async def _delivered(ingest: Ingest, upload: Upload, file: Path, clock: Clock) -> Upload:
    if upload.offset_bytes:
        step("resume", f"{file.name} at {upload.offset_bytes / upload.size_bytes:.0%}")
    with bar("upload", upload.size_bytes) as advance:
        return await Sender(ingest, file, clock, SystemRandom(), advance).deliver(upload)


async def _call_off(ingest: Ingest, upload: Upload) -> None:
    """Cancel on the server what is being left here, and say whether that went well."""
    try:
        await ingest.abandon(upload.id)
    except BijouError as error:
        step("left", f"{upload.filename} goes on without this command: {error.detail} ({error.code})")
    else:
        step("cancelled", f"{upload.filename}; nothing of it is kept")


async def _published(clients: Clients, job_id: str, server: str, clock: Clock) -> tuple[Job, Title]:
    try:
        job = await _finished(clients.encoding, job_id, server, clock)
        return job, await patiently(lambda: clients.catalog.title(job.title), clock)
    except EngineUnavailable as error:
        if error.code != "http.unreachable":
            raise
        raise EngineUnavailable(
            "cli.lost_sight",
            f"the film is delivered, as job {job_id}, and is encoded in any case; but {error.detail}",
        ) from error


async def patiently(ask: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Ask again while nobody answers, for as long as a restart may take.

    Raises:
        EngineUnavailable: nobody did for 15 s.
    """
    patient_until_ns = clock.monotonic_ns() + _RESTART_NS
    while True:
        try:
            return await ask()
        except EngineUnavailable:
            if clock.monotonic_ns() >= patient_until_ns:
                raise
        await clock.sleep(_ASK_EVERY_S)


async def _finished(encoding: Encoding, job_id: str, server: str, clock: Clock) -> Job:
    with bar("encode", 1000) as advance:
        shown, watchable = 0, False
        while True:
            job = await patiently(lambda: encoding.job(job_id), clock)
            now = round(job.progress * 1000)
            advance(now - shown)
            shown = now
            if job.watchable and not watchable and job.state is not JobState.DONE:
                step("arriving", f"{_address(server, job.title)} can be watched; the rest is on its way")
            watchable = job.watchable
            if job.state is JobState.DONE:
                return job
            if job.state in {JobState.REFUSED, JobState.FAILED}:
                raise _reason(job)
            await clock.sleep(_ASK_EVERY_S)


def _address(server: str, slug: str) -> str:
    return f"{server.rstrip('/')}/t/{slug}"


def _reason(job: Job) -> BijouError:
    if job.problem is None:
        return BijouBug("encoding.no_reason", f"{job.filename} came to nothing, and nobody said why")
    return BijouError.from_problem(job.problem)


def _tell(publication: Publication, took_s: float) -> None:
    media = publication.media
    step("probe", media_text(media))
    rungs = [each for each in publication.renditions if each.kind == "video"]
    segments = max(each.segments for each in rungs)
    step(
        "encode",
        f"{len(rungs)} renditions, {segments} segments each   {clock_time(took_s)}"
        f"  ({media.duration_s / max(took_s, 0.001):.1f}x real time)",
    )
    step("publish", "HLS + DASH, segments up to 4 s")


def media_text(media: MediaInfo) -> str:
    """Return a film's length, picture and sound in a line."""
    video, audio = media.video[0], media.audio[:1]
    sound = f"{audio[0].channels} ch" if audio else "no sound"
    size, rate = f"{video.width}x{video.height}", frame_rate_text(video.frame_rate)
    return f"{clock_time(media.duration_s)}  {size}  {rate} fps  {video.codec}  {sound}"


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


def _token_file(server: str, environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config")
    place = server.split("://", 1)[-1].rstrip("/").replace("/", "_").replace(":", "_")
    return home / "bijou" / f"{place}.token"


@contextmanager
def bar(word: str, total: int) -> "Iterator[Callable[[int], None]]":
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
