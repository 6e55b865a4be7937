"""Chunks of a batch, checked, hashed and on disk: what a killed ingest goes on from."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bijou.audience.batches import Batch, Chunk, FeatureSource, Reject
from bijou.audience.cells import Array
from bijou.audience.column_files import ColumnFile, opened, replace_file, write_columns
from bijou.audience.dimensions import Registry
from bijou.audience.hashing import Hasher
from bijou.ports import InvalidRequest
from bijou.runtime import codec

_BATCH_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_STATE: Final = "state.json"
MAX_REJECTS_LISTED: Final = 100_000


class Progress(NamedTuple):
    """How far an ingest is: rows read, of about how many (0: unknown), rows refused."""

    rows: int
    of: int
    rejected: int


class _State(msgspec.Struct, frozen=True):
    batch: Batch
    fingerprint: str


class Part(msgspec.Struct, frozen=True):
    """What a staged chunk says of itself, beside its arrays."""

    rows: int
    kept: int
    rejected: int
    words: dict[str, list[str]]


class Staging:
    """The folder of one batch on its way in.

    A part is there whole or not at all; the next one is asked for only then.
    So a killed ingest reads on after its last part, and as chunks are cut the
    same way each time, it ends with the same parts as an undisturbed one.

    Args:
        root: Folder of all batches on their way.
        batch: Another batch under the same id begins anew.
    """

    def __init__(self, root: Path, batch: Batch, fingerprint: str) -> None:
        if not _BATCH_ID.fullmatch(batch.id):
            raise InvalidRequest(
                "audience.bad_batch",
                f"batch id {batch.id!r}: it has 1 to 100 of A-Z, a-z, 0-9, ., _, : and -, and begins with"
                " a letter or digit",
            )
        self.folder = root / batch.id
        state = codec.encode(_State(batch, fingerprint))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self.folder / _STATE
        if not place.is_file() or place.read_bytes() != state:
            self.discard()
            self.folder.mkdir(mode=0o700)
            replace_file(place, state)

    def fill(
        self,
        source: FeatureSource,
        registry: Registry,
        hasher: Hasher,
        event_at_s: int,
        tell: Callable[[Progress], None],
    ) -> None:
        """Read on where the last process stopped, to the end."""
        parts = self.parts()
        done = [self.part(path) for path in parts]
        rows, rejected, hint = sum(p.rows for p in done), sum(p.rejected for p in done), source.rows_hint()
        tell(Progress(rows, hint, rejected))
        for number, chunk in enumerate(source.chunks(registry, len(parts)), len(parts)):
            self._keep(number, chunk, rows, hasher, event_at_s)
            rows, rejected = rows + chunk.rows, rejected + len(chunk.rejects)
            tell(Progress(rows, hint, rejected))

    def parts(self) -> list[Path]:
        """Return the parts in order."""
        return sorted(self.folder.glob("part-*.cols"))

    @staticmethod
    def part(path: Path) -> Part:
        """Return what a part says of itself."""
        with opened(path) as file:
            return msgspec.convert(file.meta, Part)

    def rejects(self) -> Iterator[bytes]:
        """Yield the lines of the rejects file, a JSON object each, in order of rows."""
        for path in sorted(self.folder.glob("part-*.rejects")):
            yield path.read_bytes()

    def discard(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, number: int, chunk: Chunk, before: int, hasher: Hasher, event_at_s: int) -> None:
        hashes = hasher.many(chunk.ids)
        at_s: Array = np.full(len(hashes), event_at_s, np.uint32)
        if chunk.at_s is not None:
            at_s = np.where(chunk.at_s > 0, chunk.at_s, event_at_s).astype(np.uint32)
        arrays = {"hash": hashes, "at": at_s} | {f"={n}": cells.values for n, cells in chunk.columns.items()}
        words = {name: cells.words for name, cells in chunk.columns.items() if cells.words}
        name = f"part-{number:06}"
        if chunk.rejects:
            listed = [_moved(reject, before) for reject in chunk.rejects[:MAX_REJECTS_LISTED]]
            lines = b"".join(msgspec.json.encode(reject) + b"\n" for reject in listed)
            replace_file(self.folder / f"{name}.rejects", lines)
        part = Part(chunk.rows, len(hashes), len(chunk.rejects), words)
        write_columns(self.folder / f"{name}.cols", arrays, msgspec.to_builtins(part))


def _moved(reject: Reject, before: int) -> Reject:
    return msgspec.structs.replace(reject, row=reject.row + before)


def columns_of(file: ColumnFile) -> dict[str, str]:
    """Return the dimensions and events of a part, with the names of their arrays."""
    return {column.name[1:]: column.name for column in file.columns() if column.name.startswith("=")}
