"""A batch on its way to shards: a part of a chunk for each slot, with hashes instead of identifiers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bijou.audience.batches import Cells, Chunk
from bijou.audience.cells import Array
from bijou.audience.column_files import replace_file
from bijou.audience.dimensions import Registry
from bijou.audience.hashing import Hasher, Texts
from bijou.audience.shards.slots import slots_of
from bijou.ports import InvalidRequest

_BATCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class PartColumn(msgspec.Struct, frozen=True):
    """The cells of one dimension."""

    dtype: str
    cells: bytes
    words: list[str]


class Part(msgspec.Struct, frozen=True):
    """Good rows of one slot.

    Args:
        hashes: Eight bytes a row, big-endian.
        at_s: Event times, four bytes a row; empty for the batch's.
    """

    hashes: bytes
    at_s: bytes
    columns: dict[str, PartColumn]

    def __len__(self) -> int:
        return len(self.hashes) // 8

    def chosen(self, rows: Array) -> "Part":
        """Return some of the rows, by a mask."""
        columns = {
            name: PartColumn(
                column.dtype, np.frombuffer(column.cells, column.dtype)[rows].tobytes(), column.words
            )
            for name, column in self.columns.items()
        }
        at_s = np.frombuffer(self.at_s, "<u4")[rows].tobytes() if self.at_s else b""
        return Part(np.frombuffer(self.hashes, ">u8")[rows].tobytes(), at_s, columns)


def split(chunk: Chunk, hasher: Hasher) -> dict[int, Part]:
    """Return the good rows of a chunk by slot; slots without any are left out.

    Cost: about 150 ns a row of 30 columns.
    """
    hashes = hasher.many(chunk.ids)
    columns = {
        name: PartColumn(cells.values.dtype.str, cells.values.tobytes(), cells.words)
        for name, cells in chunk.columns.items()
    }
    at_s = chunk.at_s.astype("<u4").tobytes() if chunk.at_s is not None else b""
    whole = Part(hashes.astype(">u8").tobytes(), at_s, columns)
    slots = slots_of(hashes)
    return {int(slot): whole.chosen(slots == slot) for slot in np.unique(slots)}


def encoded(part: Part) -> bytes:
    """Return a part as bytes."""
    return msgspec.msgpack.encode(part)


def decoded(raw: bytes) -> Part:
    """Read a part; msgspec.MsgspecError where it is none."""
    return msgspec.msgpack.decode(raw, type=Part)


class PartsSource:
    """`FeatureSource` of parts in a folder, in the order of their numbers."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def fingerprint(self) -> str:
        """Return that of the file that the parts were cut from."""
        return self._fingerprint

    def rows_hint(self) -> int:
        """Return 0: nobody waits here."""
        return 0

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:  # noqa: ARG002 - checked before
        """Yield the parts after the first `skip`."""
        for path in parts_in(self._folder)[skip:]:
            part = decoded(path.read_bytes())
            ids = Texts(np.arange(len(part) + 1) * 8, np.frombuffer(part.hashes, np.uint8))
            at_s = np.frombuffer(part.at_s, "<u4") if part.at_s else None
            columns = {
                name: Cells(np.frombuffer(column.cells, column.dtype), column.words)
                for name, column in part.columns.items()
            }
            yield Chunk(len(part), ids, at_s, columns, [])


def check_batch(batch: str) -> None:
    """Refuse what is no id of a batch, for folders are named by it."""
    if not _BATCH.fullmatch(batch):
        raise InvalidRequest(
            "audience.bad_batch", f"batch id {batch[:100]!r} is none; see `bijou audience upload`"
        )


def parts_in(folder: Path) -> list[Path]:
    """Return the files of a batch's parts, in order."""
    return sorted(folder.glob("*.part"))


def scrub(arriving: Path, hash_: int) -> int:
    """Take a user out of all parts of all batches in a folder; return how many rows went.

    What a killed process was writing there goes whole.
    """
    scrubbed = 0
    for draft in arriving.glob("*/*.new"):
        draft.unlink(missing_ok=True)
    for path in sorted(arriving.glob("*/*.part")):
        part = decoded(path.read_bytes())
        others = np.frombuffer(part.hashes, ">u8") != np.uint64(hash_)
        if not others.all():
            replace_file(path, encoded(part.chosen(others)))
            scrubbed += int((~others).sum())
    return scrubbed
