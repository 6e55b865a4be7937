"""A folder that holds one film: its media where any player finds it, the rest in `.bijou`.

OUT/master.m3u8, OUT/manifest.mpd      what players begin with
OUT/v480/*.m4s ...                     media, named by what it holds; never changed
OUT/v1/, OUT/v2/ ...                   the lists of each edition; never changed
OUT/live/                              lists that grow while the film is encoded
OUT/.bijou/                            the queue, the notes, and what is not for viewers
"""

import asyncio
import hashlib
import os
import posixpath
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bijou.engines.blob_keys import STAGING
from bijou.engines.files import FileBlobs
from bijou.engines.local_files import blaming_the_disk
from bijou.ports import BlobInfo, Clock, Conflict, EngineUnavailable, InvalidRequest
from bijou.runtime import codec

ASSET = "film"
SOURCE = "uploads/film"
NOTES = ".bijou"
KEY = "content.key"
_OPEN = f"media/{ASSET}/"
_EDGE_BYTES = 1 << 20
_URI = re.compile(r'(URI|media|sourceURL|initialization)="([^"]*)"')
_BASE_URL = re.compile(r"(<BaseURL>)([^<]*)(</BaseURL>)")
_LISTS = ("master.m3u8", "manifest.mpd")


class Edition(msgspec.Struct, frozen=True):
    """What was asked for in one version of a folder."""

    version: int
    recipes: tuple[str, ...]


class Ledger(msgspec.Struct, frozen=True):
    """What a folder holds, and of which film.

    Args:
        film: Digest of the film's length, its first and its last bytes.
        name: Of the file, as it was called then.
        captions: Blob keys of the files of captions, which tell what these hold.
    """

    film: str
    name: str
    encrypt: bool
    analyse: bool
    captions: tuple[str, ...]
    editions: tuple[Edition, ...] = ()

    @property
    def recipes(self) -> tuple[str, ...]:
        """All that were asked for."""
        return tuple(recipe for edition in self.editions for recipe in edition.recipes)


class FilmFolder:
    """`Blobs` of one film in a folder; the film itself stays where it is.

    Threads: as `FileBlobs`.

    Args:
        out: Made where it is missing.
        film: The source; tasks get a link to it.
    """

    def __init__(self, out: Path, film: Path, clock: Clock) -> None:
        self.out = out
        self._film = film.resolve()
        self._media = FileBlobs(out, clock)
        self._hidden = FileBlobs(out / NOTES / "blobs", clock)

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Store under a free key; the same bytes again are no conflict."""
        blobs, within = self._place(key)
        return replace(await blobs.put(within, content), key=key)

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        """Store in place of whatever the key held."""
        blobs, within = self._place(key)
        return replace(await blobs.replace(within, content), key=key)

    async def info(self, key: str) -> BlobInfo:
        """Describe a blob."""
        blobs, within = self._place(key)
        return replace(await blobs.info(within), key=key)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes [start, stop) in pieces."""
        blobs, within = self._place(key)
        return blobs.read(within, start, stop)

    async def fetch(self, key: str, destination: Path) -> None:
        """Make the blob a local file; of the film, a link to where it lies."""
        if key == SOURCE:
            await asyncio.to_thread(self._link, destination)
            return
        blobs, within = self._place(key)
        await blobs.fetch(within, destination)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield keys under `prefix`, in order."""
        if prefix.startswith(_OPEN):
            async for within in self._media.keys(prefix.removeprefix(_OPEN)):
                if not within.startswith((".", *_LISTS)):
                    yield _OPEN + within
            return
        async for key in self._hidden.keys(prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Remove a blob."""
        blobs, within = self._place(key)
        await blobs.delete(within)

    def _link(self, destination: Path) -> None:
        with blaming_the_disk(SOURCE):
            destination.unlink(missing_ok=True)  # a fetch that was cancelled may have left it
            destination.symlink_to(self._film)

    def _place(self, key: str) -> tuple[FileBlobs, str]:
        if key.startswith(_OPEN):
            return self._media, key.removeprefix(_OPEN)
        return self._hidden, key


def check_free(out: Path) -> None:
    """Refuse a folder that holds what is not ours.

    Raises:
        Conflict: `cli.folder_in_use`.
        EngineUnavailable: `cli.unwritable`.
    """
    if (out / NOTES).is_dir() or not out.exists():
        return
    try:
        others = sorted(path.name for path in out.iterdir())
    except OSError as error:
        raise EngineUnavailable("cli.unwritable", f"{out} cannot be used: {error.strerror}") from error
    if others:
        raise Conflict(
            "cli.folder_in_use",
            f"{out} holds {others[0]}{' and more' if len(others) > 1 else ''};"
            " a film needs a folder of its own",
        )


def fingerprint(file: Path) -> str:
    """Return what tells a film from another one: its length, its first and its last mebibyte.

    Raises:
        InvalidRequest: `cli.no_file`.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as content:
            size_bytes = content.seek(0, os.SEEK_END)
            digest.update(f"{size_bytes} ".encode())
            for start in (0, max(0, size_bytes - _EDGE_BYTES)):
                content.seek(start)
                digest.update(content.read(_EDGE_BYTES))
    except OSError as error:
        raise InvalidRequest("cli.no_file", f"{file} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def read_ledger(out: Path) -> Ledger | None:
    """Return what a folder says of itself, or None where nothing was begun.

    Raises:
        EngineUnavailable: `cli.unreadable_notes`.
    """
    place = out / NOTES / "film.json"
    try:
        return codec.decode(place.read_bytes(), Ledger)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineUnavailable(
            "cli.unreadable_notes", f"{place} makes no sense: {error}; remove {place.parent} to begin anew"
        ) from error


def write_ledger(out: Path, ledger: Ledger) -> None:
    """Keep what a folder says of itself, whole or not at all."""
    _write_note(out / NOTES / "film.json", codec.encode(ledger))


def read_scores(out: Path) -> dict[str, float]:
    """Return what was measured; nothing where that is lost, for it can be measured again."""
    try:
        return codec.decode((out / NOTES / "scores.json").read_bytes(), dict[str, float])
    except (OSError, msgspec.MsgspecError):
        return {}


def write_scores(out: Path, scores: dict[str, float]) -> None:
    """Keep what was measured."""
    _write_note(out / NOTES / "scores.json", codec.encode(scores))


def _write_note(place: Path, content: bytes) -> None:
    draft = place.with_suffix(".new")
    with blaming_the_disk(str(place)):
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)


def write_secret(place: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    draft = place.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(place)


def point_to(out: Path, folder: str) -> None:
    """Write the lists that players begin with: those of `OUT/FOLDER`, seen from above."""
    for name in _LISTS:
        text = (out / folder / name).read_text(encoding="utf-8")
        draft = out / NOTES / name
        with blaming_the_disk(str(out / name)):
            draft.write_text(lifted(text, folder), encoding="utf-8", newline="\n")
            draft.replace(out / name)


def forget_refused(out: Path) -> None:
    """Let a folder that got nothing of a film be free for another one."""
    if [path.name for path in out.iterdir()] == [NOTES]:
        for name in ("film.json", "queue.db", "queue.db-wal", "queue.db-shm"):
            (out / NOTES / name).unlink(missing_ok=True)


def tidy(out: Path) -> None:
    """Remove what only a run in progress needs to see."""
    shutil.rmtree(out / STAGING, ignore_errors=True)


def lifted(text: str, folder: str) -> str:
    """Return a list with its addresses as they are from the folder above.

    Example:
        >>> print(lifted('#EXT-X-MEDIA:URI="a.m3u8"' + chr(10) + "v480.m3u8", "v1"))
        #EXT-X-MEDIA:URI="v1/a.m3u8"
        v1/v480.m3u8
        >>> lifted('<SegmentURL media="../v480/0f.m4s" />', "v1")
        '<SegmentURL media="v480/0f.m4s" />'
    """

    def moved(uri: str) -> str:
        return uri if "://" in uri else posixpath.normpath(f"{folder}/{uri}")

    if text.startswith("<"):
        text = _BASE_URL.sub(lambda found: f"{found[1]}{moved(found[2])}{found[3]}", text)
        return _URI.sub(lambda found: f'{found[1]}="{moved(found[2])}"', text)
    lines = [
        _URI.sub(lambda found: f'{found[1]}="{moved(found[2])}"', line)
        if line.startswith("#") or not line
        else moved(line)
        for line in text.split("\n")
    ]
    return "\n".join(lines)
