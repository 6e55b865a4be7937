"""Days leave the database whole: detached, written to a file, proved, dropped. PostgreSQL only.

Each step may be the last before a kill: a run that comes later finds the
detached table, writes the file again, and goes on.
"""

import csv
import gzip
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, Table, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import DropTable

from bijou.ads.model import partitions
from bijou.ads.model.fact_tables import ARCHIVES
from bijou.ports import BijouBug, EngineUnavailable, Instant, NotFound

Form = Literal["parquet", "csv"]

_BLOCK_BYTES = 1 << 20


class Archive(msgspec.Struct, frozen=True):
    """A day that lies in a file.

    Args:
        charge_micros: What its rows cost together; 0 for tables without charges.
    """

    table: str
    day: int
    file: str
    sha256: str
    rows: int
    charge_micros: int


def expire(
    engine: Engine, table: Table, day: int, folder: Path, now: Instant, form: Form = "parquet"
) -> Archive:
    """Take one day off, write it to a file, prove the file, and drop the day.

    Readers and writers of other days wait for nothing. The file is read back
    before anything is dropped: it must hold as many rows and micros.

    Cost: one pass out and one pass back over the day's rows; memory of one batch.

    Args:
        folder: Where the file goes; made where it is missing.
        form: Parquet where pyarrow is installed; CSV, gzip, anywhere.

    Raises:
        BijouBug: `ads.archive_differs`, nothing has been dropped.
        EngineUnavailable: `ads.no_parquet`, pyarrow is not installed.
        NotFound: `ads.no_day`, the day has no partition.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        partitions.take_off(db, table, day)
    with engine.begin() as db:
        if day not in partitions.taken_off(db, table):
            raise NotFound("ads.no_day", f"{table.name} has no partition for day {day}")
        archive = write(db, table, day, folder, form)
        values = {**msgspec.structs.asdict(archive), "archived_at": int(now)}
        kept = insert(ARCHIVES).values(values)
        db.execute(kept.on_conflict_do_update(index_elements=["table", "day"], set_=values))
        db.execute(DropTable(partitions.partition(table, day)))
    return archive


def write(db: Connection, table: Table, day: int, folder: Path, form: Form) -> Archive:
    """Write one day's table to a file and read it back."""
    aside = partitions.partition(table, day)
    place = folder / table.name / f"{day}.{'parquet' if form == 'parquet' else 'csv.gz'}"
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f"{place.name}.unfinished")
    _copy_out(db, aside, unfinished)
    if form == "parquet":
        _to_parquet(unfinished, place.with_name(f"{place.name}.new"), aside)
        unfinished.unlink()
        unfinished = place.with_name(f"{place.name}.new")
    _persist(unfinished, place)
    said = _sums_in_table(db, aside)
    there = _sums_in_file(place, charged="charge_micros" in aside.c)
    if said != there:
        raise BijouBug(
            "ads.archive_differs",
            f"{aside.name} has {said[0]} rows and {said[1]} micros, and {place} {there[0]} and {there[1]}",
        )
    return Archive(table.name, day, f"{table.name}/{place.name}", _sha256(place), *said)


def restore(db: Connection, table: Table, archive: Archive, folder: Path) -> None:
    """Bring an archived day back as a partition, as it was.

    Raises:
        BijouBug: `ads.archive_differs`, the file is not the one that was written.
    """
    place = folder / archive.file
    if _sha256(place) != archive.sha256:
        raise BijouBug(
            "ads.archive_differs", f"{place} is not the file that was written; its SHA-256 differs"
        )
    aside = partitions.make_aside(db, table, archive.day)
    cursor = _driver(db)
    with cursor.copy(f"COPY {aside.name} FROM STDIN (FORMAT csv, HEADER)") as copy:
        for block in _csv_blocks(place):
            copy.write(block)
    partitions.attach(db, table, archive.day)


def _copy_out(db: Connection, table: Table, place: Path) -> None:
    statement = f"COPY {table.name} TO STDOUT (FORMAT csv, HEADER)"
    with gzip.open(place, "wb", compresslevel=1) as file, _driver(db).copy(statement) as copy:
        for block in copy:
            file.write(block)


def _to_parquet(rows: Path, place: Path, table: Table) -> None:
    arrow, reading, parquet = _arrow()
    whole = {c.name: arrow.int64() if _is_whole(c) else arrow.string() for c in table.columns}
    options = reading.ConvertOptions(column_types=whole, strings_can_be_null=False)
    lines = reading.ParseOptions(newlines_in_values=True)  # or a text that crosses a block is cut
    with (
        gzip.open(rows, "rb") as plain,
        reading.open_csv(plain, parse_options=lines, convert_options=options) as batches,
        parquet.ParquetWriter(place, batches.schema, compression="zstd") as file,
    ):
        for batch in batches:
            file.write_batch(batch)


def _csv_blocks(place: Path) -> Any:
    """Yield a file's rows as CSV, whatever its form, the header first."""
    if place.suffix == ".gz":
        with gzip.open(place, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
        return
    arrow, reading, parquet = _arrow()
    with parquet.ParquetFile(place) as file:
        for number, batch in enumerate(file.iter_batches()):
            sink = arrow.BufferOutputStream()
            reading.write_csv(batch, sink, reading.WriteOptions(include_header=number == 0))
            yield sink.getvalue().to_pybytes()


def _sums_in_table(db: Connection, table: Table) -> tuple[int, int]:
    charged = "charge_micros" in table.c
    charge = func.coalesce(func.sum(table.c.charge_micros), 0) if charged else literal(0)
    rows, micros = db.execute(select(func.count(), charge).select_from(table)).one()
    return int(rows), int(micros)


def _sums_in_file(place: Path, *, charged: bool) -> tuple[int, int]:
    rows = micros = 0
    if place.suffix == ".gz":
        with gzip.open(place, "rt", newline="") as lines:
            for row in csv.DictReader(lines):
                rows += 1
                micros += int(row["charge_micros"]) if charged else 0
        return rows, micros
    _, _, parquet = _arrow()
    with parquet.ParquetFile(place) as file:
        for batch in file.iter_batches(columns=["charge_micros"] if charged else None):
            rows += batch.num_rows
            micros += batch.column("charge_micros").sum().as_py() or 0 if charged else 0
    return rows, micros


def _is_whole(column: Any) -> bool:
    return column.type.python_type is int


def _persist(unfinished: Path, place: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    shutil.move(unfinished, place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sha256(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _driver(db: Connection) -> Any:
    """Return a cursor of the driver, which alone can COPY."""
    return db.connection.cursor()


def _arrow() -> tuple[Any, Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, imported where it is used
        from pyarrow import csv as reading  # noqa: PLC0415 - as above
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise EngineUnavailable(
            "ads.no_parquet",
            "archives in Parquet need pyarrow; pip install bijou[audience], or archive as csv",
        ) from error
    return pa, reading, parquet
