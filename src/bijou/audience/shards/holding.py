"""What a shard keeps of its slots beside their stores: which are here, sealed, or gone, and their files."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from bijou.audience.column_files import replace_file, sync_folder
from bijou.audience.shards.asking import FileShown, Held, Peer, State
from bijou.ports import EngineUnavailable, InvalidRequest, NotFound, Overloaded
from bijou.runtime import codec

_STATE: Final = "shard.json"
_COMING: Final = ".coming"
PIECE_BYTES: Final = 4 << 20
_AGAIN_S: Final = 1.0
_SYNCS: Final = 16


class Holding:
    """The slots of one shard, in a folder each.

    What a killed process began and nobody was told of is removed at the next
    start; the move is then done again.

    Threads: one at a time.

    Raises:
        EngineUnavailable: `audience.damaged`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._slots = self._read()
        kept = {self.folder(slot) for slot in self.here()}
        for path in self._folder.glob("slot-*"):
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def slots(self) -> dict[int, Held]:
        """Return all that were ever here."""
        return dict(self._slots)

    def here(self) -> list[int]:
        """Return those that are answered for."""
        return sorted(slot for slot, held in self._slots.items() if held.state is not State.GONE)

    def is_here(self, slot: int) -> bool:
        """Tell whether a slot is answered for."""
        held = self._slots.get(slot)
        return held is not None and held.state is not State.GONE

    def moved(self, slot: int) -> Peer | None:
        """Return where a slot went."""
        held = self._slots.get(slot)
        return held.peer if held is not None and held.state is State.GONE else None

    def changeable(self, slot: int) -> Path:
        """Return the folder of a slot that takes changes.

        Raises:
            NotFound: `audience.slot_elsewhere`.
            Overloaded: `audience.slot_moving`.
        """
        if not self.is_here(slot):
            raise NotFound("audience.slot_elsewhere", f"slot {slot} is not here{self._where(slot)}")
        if self._slots[slot].state is State.SEALED:
            raise Overloaded(
                "audience.slot_moving", f"slot {slot} is on its way to another shard", retry_after_s=_AGAIN_S
            )
        return self.folder(slot)

    def folder(self, slot: int) -> Path:
        """Return a slot's folder."""
        return self._folder / f"slot-{slot:03}"

    def coming(self, slot: int) -> Path:
        """Return the folder that a slot is copied to."""
        return self._folder / f"slot-{slot:03}{_COMING}"

    def set(self, slot: int, held: Held) -> None:
        """Change what there is to do with a slot, durably."""
        self._slots = {**self._slots, slot: held}
        replace_file(self._folder / _STATE, codec.encode(self._slots))

    def accept(self, slot: int, digest: str) -> None:
        """Answer for what was copied.

        Raises:
            NotFound: `audience.copy_lacks`, that is not what was copied.
        """
        coming = self.coming(slot)
        there = digest_of(files_of(coming)) if coming.is_dir() else "nothing"
        if there != digest:
            raise NotFound(
                "audience.copy_lacks", f"slot {slot}: {there} was copied, and not {digest}; copy it again"
            )
        _sync(coming)
        shutil.rmtree(self.folder(slot), ignore_errors=True)
        coming.rename(self.folder(slot))
        sync_folder(self._folder)
        self.set(slot, Held(State.SEALED))

    def release(self, slot: int, peer: Peer) -> None:
        """Answer no more for a slot, and remove it."""
        self.set(slot, Held(State.GONE, peer))
        shutil.rmtree(self.folder(slot), ignore_errors=True)

    def _where(self, slot: int) -> str:
        peer = self.moved(slot)
        return f"; it went to {peer.name}" if peer else ""

    def _read(self) -> dict[int, Held]:
        place = self._folder / _STATE
        try:
            return codec.decode(place.read_bytes(), dict[int, Held])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise EngineUnavailable(
                "audience.damaged", f"{place} is no state of a shard ({error}); restore it from a backup"
            ) from error


def files_of(folder: Path) -> list[FileShown]:
    """Return the files of a slot, by name; locks and drafts belong to a process, and stay behind.

    Cost: each is read, 1 GB a second.
    """
    found = []
    for name, path in sorted(_those_that_count(folder)):
        with contextlib.suppress(FileNotFoundError):  # a newer version came between, and tidied up
            found.append(FileShown(name, path.stat().st_size, _digest(path)))
    return found


def _those_that_count(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.name
        if path.is_file() and name != "lock" and not name.endswith((".mdb-lock", ".new")):
            yield str(path.relative_to(folder)), path


def digest_of(files: list[FileShown]) -> str:
    """Return what tells these files from all others."""
    return hashlib.blake2b(codec.encode(files), digest_size=16).hexdigest()


def read_piece(folder: Path, name: str, start: int) -> bytes:
    """Return some bytes of one of a slot's files; empty at its end."""
    with _inside(folder, name).open("rb") as file:
        return os.pread(file.fileno(), PIECE_BYTES, start)


def begin_copy(folder: Path) -> Path:
    """Return an empty draft beside a folder that is copied to."""
    folder.mkdir(exist_ok=True, mode=0o700)
    draft = folder.with_name(f"{folder.name}.piece")
    draft.write_bytes(b"")
    return draft


def add_copied(draft: Path, content: bytes) -> None:
    """Add some bytes to a draft."""
    with draft.open("ab") as file:
        file.write(content)


def keep_copied(folder: Path, name: str, draft: Path) -> None:
    """Put a copied file under its name."""
    place = _inside(folder, name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft.replace(place)


def _sync(folder: Path) -> None:
    """Put all of a folder on the disk; many at once, for each waits for the disk."""
    with ThreadPoolExecutor(_SYNCS) as pool:
        list(pool.map(_sync_one, folder.rglob("*")))
    sync_folder(folder)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _inside(folder: Path, name: str) -> Path:
    if name.startswith("/") or ".." in Path(name).parts or not Path(name).parts:
        raise InvalidRequest("audience.bad_file_name", f"{name!r} is no file of a slot")
    return folder / name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
