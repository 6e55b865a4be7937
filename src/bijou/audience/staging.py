"""Chunks of a batch, checked, hashed and on disk: what a killed ingest goes on from."""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bijou.audience.base_layer import AT, KNOWN, keys_of
from bijou.audience.batches import Batch, Chunk, FeatureSource, Reject
from bijou.audience.cells import Array, grown_words, recoded
from bijou.audience.column_files import GrowingFile, replace_file
from bijou.audience.dimensions import Kind, Registry
from bijou.audience.hashing import Hasher
from bijou.audience.numbering import sharded
from bijou.ports import InvalidRequest
from bijou.runtime import codec

_BATCH_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_STATE: Final = "state.json"
ROWS: Final = "rows.cols"
IDS: Final = "ids.cols"
MAX_REJECTS_LISTED: Final = 100_000


class Progress(NamedTuple):
    """How far an ingest is: rows read, of about how many (0: unknown), rows refused."""

    rows: int
    of: int
    rejected: int


class _State(msgspec.Struct, frozen=True):
    batch: Batch
    fingerprint: str
    form: int = 2


class Part(msgspec.Struct, frozen=True):
    """What a staged chunk says of itself, beside its arrays.

    Args:
        words: Values that no part before it had, in order of their codes.
        newest_s: The latest moment that it knows of.
    """

    rows: int
    kept: int
    rejected: int
    words: dict[str, list[str]]
    newest_s: int


class Staging:
    """The folder of one batch on its way in.

    Rows lie as a base has them, apart from whose they are: so that the first
    batch of all can become the base as it stands. A part is there whole or not
    at all; the next one is asked for only then. So a killed ingest reads on
    after its last part, and as chunks are cut the same way each time, it ends
    with the same parts as an undisturbed one.

    Args:
        root: Folder of all batches on their way.
        batch: Another batch under the same id begins anew.
        words: Values of categories and sets that the store has, by code.
    """

    def __init__(
        self, root: Path, batch: Batch, fingerprint: str, words: Mapping[str, list[str]] | None = None
    ) -> None:
        if not _BATCH_ID.fullmatch(batch.id):
            raise InvalidRequest(
                "audience.bad_batch",
                f"batch id {batch.id!r}: it has 1 to 100 of A-Z, a-z, 0-9, ., _, : and -, and begins with"
                " a letter or digit",
            )
        self.folder = root / batch.id
        self.rows, self.ids = self.folder / ROWS, self.folder / IDS
        self.words = dict(words or {})
        state = codec.encode(_State(batch, fingerprint))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self.folder / _STATE
        if not place.is_file() or place.read_bytes() != state:
            self.discard()
            self.folder.mkdir(mode=0o700)
            replace_file(place, state)
        with self._opened() as (rows, _):
            self.parts = [msgspec.convert(piece.meta, Part) for piece in rows.pieces]
        self._told: set[str] = set()
        for part in self.parts:  # their codes hold, whatever the store has learnt since
            for name, fresh in part.words.items():
                self.words[name] = [*(self.words[name] if name in self._told else ()), *fresh]
                self._told.add(name)

    def fill(
        self,
        source: FeatureSource,
        registry: Registry,
        hasher: Hasher,
        event_at_s: int,
        tell: Callable[[Progress], None],
    ) -> None:
        """Read on where the last process stopped, to the end."""
        read, rejected, hint = self.total("rows"), self.total("rejected"), source.rows_hint()
        tell(Progress(read, hint, rejected))
        with self._opened() as (rows, ids):
            for chunk in source.chunks(registry, len(self.parts)):
                arrays = self._arrays(chunk, read, registry, event_at_s)
                rows.append(arrays, msgspec.to_builtins(self.parts[-1]))
                grouped, bounds = sharded(hasher.many(chunk.ids))
                ids.append(grouped, {"bounds": bounds})  # from here on the part counts
                read, rejected = read + chunk.rows, rejected + len(chunk.rejects)
                tell(Progress(read, hint, rejected))

    def total(self, field: str) -> int:
        """Return the sum of what all parts say."""
        return sum(getattr(part, field) for part in self.parts)

    def rejects(self) -> Iterator[bytes]:
        """Yield the lines of the rejects file, a JSON object each, in order of rows."""
        for path in sorted(self.folder.glob("part-*.rejects")):
            yield path.read_bytes()

    def first_reject(self) -> Reject | None:
        """Return the first bad row, if any is."""
        lines = next(self.rejects(), b"")
        return msgspec.json.decode(lines.partition(b"\n")[0], type=Reject) if lines else None

    def discard(self) -> None:
        """Remove all of it."""
        discard_staged(self.folder.parent, self.folder.name)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[GrowingFile, GrowingFile]]:
        with GrowingFile(self.ids) as ids, GrowingFile(self.rows, limit=len(ids.pieces)) as rows:
            yield rows, ids

    def _arrays(self, chunk: Chunk, before: int, registry: Registry, event_at_s: int) -> dict[str, Array]:
        """Return a chunk's rows as a base has them, and note the part that they become."""
        size = len(chunk.ids)
        at_s: Array = np.full(size, event_at_s, np.uint32)
        if chunk.at_s is not None:
            at_s = np.where(chunk.at_s > 0, chunk.at_s, event_at_s).astype(np.uint32)
        if chunk.rejects:
            listed = [_moved(reject, before) for reject in chunk.rejects[:MAX_REJECTS_LISTED]]
            lines = b"".join(msgspec.json.encode(reject) + b"\n" for reject in listed)
            replace_file(self.folder / f"part-{len(self.parts):06}.rejects", lines)
        arrays: dict[str, Array] = {KNOWN: np.ones(size, np.uint8), AT: at_s}
        newest_s, words = int(at_s.max(initial=0)), dict[str, list[str]]()
        for name, cells in chunk.columns.items():
            kind = registry[name.partition(":")[0]].kind
            if kind is Kind.EVENT:
                happened = np.flatnonzero(cells.values)
                arrays[name] = keys_of(happened, cells.values[happened])
                newest_s = max(newest_s, int(cells.values.max(initial=0)))
            elif kind in {Kind.CATEGORY, Kind.SET}:
                words[name] = self._learn(name, kind, cells.words, registry)
                arrays[name] = recoded(kind, cells.values, cells.words, self.words[name])
            else:
                arrays[name] = cells.values
        fresh = {name: new for name, new in words.items() if new}
        self.parts.append(Part(chunk.rows, size, len(chunk.rejects), fresh, newest_s))
        return arrays

    def _learn(self, name: str, kind: Kind, words: list[str], registry: Registry) -> list[str]:
        """Give new values codes; return what this part must tell so that the codes are known again."""
        known = self.words.get(name, registry[name].values)
        self.words[name] = grown_words(name, kind, known, [words])
        fresh = self.words[name][len(known) if name in self._told else 0 :]
        self._told.add(name)
        return fresh


def discard_staged(root: Path, batch_id: str) -> None:
    """Remove what was staged of a batch, if anything was."""
    shutil.rmtree(root / batch_id, ignore_errors=True)


def _moved(reject: Reject, before: int) -> Reject:
    return msgspec.structs.replace(reject, row=reject.row + before)
