"""All audiences of one moment, in one file; a pointer says which file is in force."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from pyroaring import BitMap

from bijou.audience.column_files import ColumnFile, replace_file, sync_folder, write_columns
from bijou.audience.rules.nodes import Rule
from bijou.ports import EngineUnavailable, Instant, InvalidRequest, NotFound
from bijou.runtime import codec

_POINTER: Final = "snapshot.json"
CONSENT: Final = "consent"


class Definition(msgspec.Struct, frozen=True):
    """What an audience is meant to be.

    Args:
        name: 1 to 80 characters.
        purpose: What its members must have consented to.
        households: Everybody who lives with a match belongs to it, too.
        says: A sentence for people.
    """

    name: str
    rule: Rule
    purpose: str = "ads"
    households: bool = False
    says: str = ""


class Built(msgspec.Struct, frozen=True):
    """What an audience of a snapshot is.

    Args:
        members: How many; 0 where withheld.
        withheld: It had members, but fewer than the floor: nobody may tell.
        evaluated_at: Recency was counted back from then for all of its
            members; those that changed since were looked at later.
    """

    definition: Definition
    members: int
    withheld: bool
    evaluated_at: Instant


class Pointer(msgspec.Struct, frozen=True):
    """Which snapshot is in force, and what it was made of.

    Args:
        version: Grows with every snapshot.
        sequence: The latest layer of features that is in it.
        floor: No audience of fewer members is shown or served.
    """

    version: int
    file: str
    sequence: int
    floor: int
    built_at: Instant
    audiences: list[Built]


class Snapshot:
    """The audiences in force at one moment; it never changes, but for deletions.

    Threads: any.
    """

    def __init__(self, folder: Path, pointer: Pointer, forgotten: tuple[int, ...]) -> None:
        self.pointer = pointer
        self._forgotten = BitMap(forgotten)
        self._file = ColumnFile(folder / pointer.file)
        self._bitmaps: dict[str, BitMap] = {}
        self.audiences = {built.definition.name: built for built in pointer.audiences}

    def bitmap(self, name: str) -> BitMap:
        """Return who is in an audience; NotFound `audience.no_audience`."""
        if name not in self.audiences:
            raise NotFound("audience.no_audience", f"the snapshot has no audience {name!r}; build it first")
        if name not in self._bitmaps:
            raw = self._file.read(name).tobytes()
            self._bitmaps[name] = BitMap.deserialize(raw) - self._forgotten
        return self._bitmaps[name]

    def raw(self, name: str) -> bytes:
        """Return an audience as it stands in the file."""
        return bytes(self._file.read(name).tobytes())

    def size_bytes(self) -> int:
        """Return how long the file is."""
        return self._file.path.stat().st_size

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class Snapshots:
    """The snapshots of one store's folder; one is in force.

    A new one is a new file; then the pointer is replaced in one step. Whoever
    reads holds the old or the new one, whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "snapshots"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def pointer(self) -> Pointer | None:
        """Return what is in force, if anything was ever built."""
        try:
            return codec.decode((self._folder / _POINTER).read_bytes(), Pointer)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise EngineUnavailable(
                "audience.damaged", f"{self._folder / _POINTER} is no pointer ({error}); build again"
            ) from error

    def open(self, forgotten: tuple[int, ...] = ()) -> Snapshot:
        """Open the snapshot in force; NotFound `audience.no_snapshot` where none was built.

        Args:
            forgotten: Ordinals of users that were deleted since it was built.
        """
        for _ in range(8):
            pointer = self.pointer()
            if pointer is None:
                raise NotFound(
                    "audience.no_snapshot", "no audience was built yet; `bijou audience build` does"
                )
            try:
                return Snapshot(self._folder, pointer, forgotten)
            except FileNotFoundError:  # a newer one came between
                continue
        raise EngineUnavailable("audience.damaged", f"{self._folder}: the snapshot's file lacks; build again")

    def publish(
        self, bitmaps: Mapping[str, bytes], built: list[Built], *, sequence: int, floor: int, at: Instant
    ) -> Pointer:
        """Write a snapshot and put it in force."""
        before = self.pointer()
        version = before.version + 1 if before else 1
        name = f"audiences-{version:08}.cols"
        arrays: dict[str, Any] = {key: np.frombuffer(raw, np.uint8) for key, raw in bitmaps.items()}
        write_columns(self._folder / name, arrays)
        sync_folder(self._folder)
        pointer = Pointer(version, name, sequence, floor, at, built)
        replace_file(self._folder / _POINTER, codec.encode(pointer))
        for path in self._stale(name):
            path.unlink(missing_ok=True)
        return pointer

    def _stale(self, name: str) -> Iterator[Path]:
        return (path for path in self._folder.iterdir() if path.name not in {name, _POINTER})


def check_name(name: str) -> None:
    """Refuse what is no name of an audience."""
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidRequest("audience.bad_name", f"audience {name[:100]!r}: a name has 1 to 80 characters")
