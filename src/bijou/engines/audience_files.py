"""Files of users' features, as `bijou.audience` reads them: CSV, Parquet, Arrow.

A CSV may be packed with gzip or zstd; all are told apart by their first bytes.
"""

import bisect
import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pa_parquet

from bijou.audience.api import Chunk, Dimension, Kind, Registry, Reject, Texts, suggestion
from bijou.engines.audience_cells import BadCells, Decoded, decode_cells, decode_ids, decode_moments
from bijou.ports import InvalidRequest
from bijou.runtime import codec

AT_COLUMN: Final = "updated_at"
CHUNK_ROWS: Final = 1 << 18
_CSV_BLOCK_BYTES: Final = 32 << 20
_GZIP, _ZSTD, _PARQUET, _ARROW, _ARROW_STREAM = (
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"PAR1",
    b"ARROW1",
    b"\xff" * 4,
)


class FileSource:
    """`FeatureSource` of one file.

    The column `user` holds identifiers, `updated_at` (where there is one) the
    event time of each row; every other column is a dimension of the registry
    or, as `watched:noir`, the last moment of an event. A moment is RFC 3339
    or seconds since 1970; a set is a list, or one text with `|` between.

    Cost: one pass; about 300 MB for a chunk of 30 columns.
    Threads: one at a time.

    Args:
        id_column: The column of identifiers.
        chunk_rows: Rows of a chunk, of formats that tell rows apart.

    Raises:
        InvalidRequest: `audience.bad_file`, there is no such file.
    """

    def __init__(self, path: Path, *, id_column: str = "user", chunk_rows: int = CHUNK_ROWS) -> None:
        self._path = path
        self._chunk_rows = chunk_rows
        self._id_column = id_column
        try:
            with path.open("rb") as file:
                self._magic = file.read(6)
        except OSError as error:
            raise _bad(path, str(error.strerror)) from error

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rows_hint(self) -> int:
        """Return the number of rows where the format tells it, else 0."""
        if not self._magic.startswith(_PARQUET):
            return 0
        with _refusing(self._path), pa_parquet.ParquetFile(self._path) as file:
            return int(file.metadata.num_rows)

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        """Yield the chunks after the first `skip`."""
        with _refusing(self._path):
            if self._magic.startswith(_PARQUET):
                yield from self._of_parquet(registry, skip)
            elif self._magic.startswith((_ARROW, _ARROW_STREAM)):
                yield from self._of_arrow(registry, skip)
            else:
                yield from self._of_csv(registry, skip)
        pa.default_memory_pool().release_unused()  # what is committed next needs the room

    def _of_parquet(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        with pa_parquet.ParquetFile(self._path) as file:
            wanted = self._checked(file.schema_arrow.names, registry)
            of_words = [
                name
                for name, dimension in wanted.items()
                if dimension.kind in {Kind.CATEGORY, Kind.SET}
                and _is_text(file.schema_arrow.field(name).type)
            ]
        # Reading ahead and threads of its own cost a third more CPU here, and save no time beside our work.
        with pa_parquet.ParquetFile(self._path, read_dictionary=of_words, pre_buffer=False) as file:
            for number, rows in enumerate(file.iter_batches(self._chunk_rows, use_threads=False)):
                if number >= skip:
                    yield self._chunk(rows, wanted)

    def _of_arrow(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        with self._path.open("rb") as file:
            is_file = self._magic.startswith(_ARROW)
            reader = pa_ipc.open_file(file) if is_file else pa_ipc.open_stream(file)
            wanted = self._checked(reader.schema.names, registry)
            batches = (
                (reader.get_batch(number) for number in range(reader.num_record_batches))
                if is_file
                else iter(reader)
            )
            size = self._chunk_rows
            pieces = (rows.slice(at, size) for rows in batches for at in range(0, rows.num_rows, size))
            for number, rows in enumerate(pieces):
                if number >= skip:
                    yield self._chunk(rows, wanted)

    def _of_csv(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        ragged: list[tuple[int, str]] = []

        def skip_row(row: Any) -> str:
            ragged.append(
                (row.number, f"{row.actual_columns} cells, where the head names {row.expected_columns}")
            )
            return "skip"

        with self._plain() as stream:
            names = _csv_head(self._path, stream)
            wanted = self._checked(names, registry)
        with self._plain() as stream:
            reader = pa_csv.open_csv(
                stream,
                pa_csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES),
                pa_csv.ParseOptions(invalid_row_handler=skip_row, newlines_in_values=True),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=True, null_values=[""]
                ),
            )
            before = 0
            for number, rows in enumerate(reader):
                last, mine = _ragged_within(ragged, before, rows.num_rows)
                if number >= skip:
                    yield self._chunk(rows, wanted, [(row - before, why) for row, why in mine])
                before = last

    @contextlib.contextmanager
    def _plain(self) -> Iterator[Any]:
        packing = {_GZIP: "gzip", _ZSTD: "zstd"}
        packed = next((name for magic, name in packing.items() if self._magic.startswith(magic)), None)
        with pa.input_stream(str(self._path), compression=packed) as stream:
            yield stream

    def _checked(self, names: list[str], registry: Registry) -> dict[str, Dimension]:
        """Return the dimension of each column, or refuse the file for its head."""
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise _bad(self._path, f"column {twice!r} is there twice; each is there once")
        if self._id_column not in names:
            raise _bad(
                self._path,
                f"no column {self._id_column!r} holds the users; {suggestion(self._id_column, names)}",
            )
        wanted = {}
        for name in names:
            if name not in {self._id_column, AT_COLUMN}:
                wanted[name] = _dimension_of(name, registry, self._path)
        return wanted

    def _chunk(
        self, rows: Any, wanted: dict[str, Dimension], ragged: list[tuple[int, str]] | None = None
    ) -> Chunk:
        numbers = _numbers(rows.num_rows, [row for row, _ in ragged or []])
        rejects = [Reject(row, "", "", f"{why}; a row has one for each column") for row, why in ragged or []]
        texts, bad = decode_ids(rows.column(self._id_column))
        found = {self._id_column: bad}
        at_s = None
        if AT_COLUMN in rows.schema.names:
            at_s, found[AT_COLUMN] = decode_moments(rows.column(AT_COLUMN))
        decoded: dict[str, Decoded] = {}
        for name, dimension in wanted.items():
            decoded[name], found[name] = decode_cells(rows.column(name), dimension)
        good = np.ones(rows.num_rows, bool)
        for name, cells in found.items():
            for row, value, rule in cells:
                good[row] = False
                rejects.append(Reject(int(numbers[row]), name, value, rule))
        rejects.sort(key=lambda reject: reject.row)
        total = rows.num_rows + len(ragged or [])
        if good.all():
            return Chunk(total, texts, at_s, {n: d.cells() for n, d in decoded.items()}, _first(rejects))
        return Chunk(
            total,
            _filtered(texts, good),
            None if at_s is None else at_s[good],
            {name: each.cells(good) for name, each in decoded.items()},
            _first(rejects),
        )


class RowsSource(FileSource):
    """`FeatureSource` of a few rows that are at hand: updates between batches.

    Args:
        rows: Each with `user`, perhaps `updated_at`, and dimensions by name;
            a set is a list.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._path, self._id_column, self._rows = Path("rows"), "user", rows

    def fingerprint(self) -> str:
        """Return the SHA-256 of the rows as JSON."""
        return hashlib.sha256(codec.encode(self._rows)).hexdigest()

    def rows_hint(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        """Yield one chunk."""
        with _refusing(self._path):
            names = list(dict.fromkeys(name for row in self._rows for name in row))
            wanted = self._checked(names, registry)
            if not skip:
                cells = {name: [_plain_cell(row.get(name)) for row in self._rows] for name in names}
                yield self._chunk(pa.RecordBatch.from_pydict(cells), wanted)


def _plain_cell(value: Any) -> str | None:
    """Return a cell as a CSV would hold it, so that each is checked by itself."""
    if value is None:
        return None
    if isinstance(value, list):
        return "|".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(rejects: list[Reject]) -> list[Reject]:
    """Keep of each row the first thing that is wrong, so that rejects are counted in rows."""
    seen: set[int] = set()
    return [reject for reject in rejects if not (reject.row in seen or seen.add(reject.row))]  # type: ignore[func-returns-value]


def _filtered(texts: Texts, good: Any) -> Texts:
    sizes = np.diff(texts.offsets)[good]
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    is_kept = np.repeat(good, np.diff(texts.offsets))
    return Texts(offsets, texts.data[int(texts.offsets[0]) : int(texts.offsets[-1])][is_kept])


def _numbers(rows: int, ragged: list[int]) -> Any:
    """Return each row's number in the chunk, from 1, where ragged rows have theirs."""
    if not ragged:
        return range(1, rows + 1)
    numbers = np.arange(1, rows + len(ragged) + 1)
    return numbers[~np.isin(numbers, ragged)][:rows]


def _ragged_within(
    ragged: list[tuple[int, str]], before: int, rows: int
) -> tuple[int, list[tuple[int, str]]]:
    """Return the number of a block's last row, and the ragged rows among its rows.

    Numbers of ragged rows count the head as row 1; ours do not.
    """
    ours = sorted((number - 1, why) for number, why in ragged)
    first = bisect.bisect_right([row for row, _ in ours], before)
    last, taken = before + rows, first
    while taken < len(ours) and ours[taken][0] <= last + 1:
        last, taken = last + 1, taken + 1
    return last, ours[first:taken]


def _dimension_of(name: str, registry: Registry, path: Path) -> Dimension:
    event, colon, value = name.partition(":")
    if event not in registry:
        raise _bad(path, f"column {name!r} is no dimension; {suggestion(event, registry.names())}")
    dimension = registry[event]
    if (dimension.kind is Kind.EVENT) != bool(colon and value):
        form = f"{event}:VALUE" if dimension.kind is Kind.EVENT else event
        raise _bad(path, f"column {name!r}: {event} is of the kind {dimension.kind}; its column is {form}")
    return dimension


def _csv_head(path: Path, stream: IO[bytes]) -> list[str]:
    start = stream.read(1 << 16).partition(b"\n")[0]
    try:
        head = pa_csv.read_csv(pa.BufferReader(start + b"\n"), pa_csv.ReadOptions(use_threads=False))
        return [str(name) for name in head.column_names]
    except UnicodeDecodeError as error:
        raise _bad(path, f"its head is not UTF-8 ({error.reason} at byte {error.start})") from error


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _bad(path: Path, problem: str) -> InvalidRequest:
    return InvalidRequest("audience.bad_file", f"{path.name}: {problem}")


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what a reader says of a damaged file into a sentence."""
    try:
        yield
    except BadCells as error:
        raise _bad(path, str(error)) from error
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, EOFError) as error:
        problem = str(error).partition("\n")[0]
        raise _bad(path, f"cannot be read: {problem}") from error
