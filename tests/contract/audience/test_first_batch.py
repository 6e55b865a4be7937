"""The first full batch becomes the base as it was staged; answers are those of any other way in."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from bijou.audience import Dimension, Kind, Mode, Registry, read_rule
from bijou.audience.api import is_known
from bijou.audience.batches import Batch
from bijou.audience.building import build
from bijou.audience.column_files import opened
from bijou.audience.committing import flatten
from bijou.audience.forgetting import forget
from bijou.audience.ingest import ingest
from bijou.audience.manifest import BatchReport, Manifest
from bijou.audience.ordinals import write_shard
from bijou.audience.snapshots import Definition
from bijou.audience.staging import ROWS, Progress
from bijou.engines.audience_files import FileSource
from bijou.ports import Instant, InvalidRequest
from tests.contract.audience.test_forgetting import DyingStore, traces
from tests.unit.audience.populations import NOW_S, Place, crowd, parquet

RULES = {
    "everybody": "true",
    "germans": 'country in ("DE")',
    "young": "age < 30 and not subscriber",
    "noir": 'watched("noir", 3d) and likes in ("noir", "sport")',
    "left": 'watched("noir") then not watched("kids") within 2d',
}
DEFINITIONS = [Definition(name, read_rule(text, Registry.shipped())) for name, text in RULES.items()]
PEOPLE = crowd(60, random.Random(5))
NAMES = list(PEOPLE)


def take(place: Place, people: dict[str, dict[str, Any]], rows: int, batch: str = "b1") -> BatchReport:
    """Bring people in as a full batch that is cut every so many rows."""
    path = parquet(place.folder / f"{batch}.parquet", people)
    return ingest(
        place.store, FileSource(path, chunk_rows=rows), Batch(batch, Instant(NOW_S * 1_000_000), Mode.FULL)
    )


def answers(place: Place, names: Sequence[str] = NAMES) -> dict[str, set[str]]:
    build(place.store, DEFINITIONS, floor=0, full=True)
    return {name: place.members(name, names) for name in RULES}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def beside(place: Place) -> Place:
    """Return another store that got the same people in one piece, some of them twice."""
    other = Place(place.folder / "other")
    twice = dict(list(PEOPLE.items())[:9])
    other.send(twice, "b0", at_s=NOW_S - 9, mode=Mode.FULL)
    take(other, PEOPLE, 1000)
    return other


def test_the_first_full_batch_is_not_written_twice(place: Place) -> None:
    staged = []

    def note(_: Progress) -> None:
        found = place.store.folder / "incoming" / "b1" / ROWS
        staged.append(found.stat().st_ino)

    path = parquet(place.folder / "b1.parquet", PEOPLE)
    batch = Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL)
    ingest(place.store, FileSource(path, chunk_rows=7), batch, note)

    base = place.store.manifest().base
    assert base is not None
    assert {(place.store.data / base.file).stat().st_ino} == set(staged)
    with opened(place.store.data / base.file) as file:
        assert [piece.count("at") for piece in file.pieces()] == [7] * 8 + [4]
    assert not list((place.store.folder / "incoming").iterdir())


def test_answers_do_not_depend_on_how_the_first_batch_was_cut(place: Place) -> None:
    report = take(place, PEOPLE, 7)

    assert (report.users, report.fresh, report.kept) == (60, 60, 60)
    assert answers(place) == answers(beside(place))


def test_a_first_batch_with_somebody_twice_counts_the_later_row(place: Place) -> None:
    path = parquet(place.folder / "b1.parquet", PEOPLE)
    head, *lines = _as_csv(path)
    (place.folder / "b1.csv").write_text("\n".join([head, *lines[:3], *lines]), encoding="utf-8")

    report = ingest(
        place.store,
        FileSource(place.folder / "b1.csv"),
        Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL),
    )

    assert (report.rows, report.users, report.fresh) == (63, 60, 60)
    assert [place.ordinal(name) for name in NAMES] == list(range(60))
    assert answers(place) == answers(beside(place))


def _as_csv(path: Path) -> list[str]:
    pa_csv.write_csv(pq.read_table(path), path.with_suffix(".plain"))
    return path.with_suffix(".plain").read_text(encoding="utf-8").splitlines()


def test_a_delta_over_pieces_changes_whom_it_names(place: Place) -> None:
    take(place, PEOPLE, 7)
    build(place.store, DEFINITIONS, floor=0)
    other = beside(place)
    changed = {**crowd(9, random.Random(8), start=20), **crowd(3, random.Random(9), start=60)}

    reports = [each.send(changed, "b2", at_s=NOW_S + 1) for each in (place, other)]
    build(place.store, DEFINITIONS, floor=0)

    names = [*NAMES, *changed]
    patched = {name: place.members(name, names) for name in RULES}
    assert [report.fresh for report in reports] == [3, 3]
    assert patched == answers(place, names) == answers(other, names)
    with place.store.writing():
        place.store.publish(flatten(place.store, place.store.manifest()))
    assert answers(place, names) == patched


@pytest.mark.parametrize("number", [0, 6, 7, 30, 59])
def test_a_deletion_finds_its_row_in_any_piece(place: Place, number: int) -> None:
    take(place, PEOPLE, 7)
    who = NAMES[number]

    assert place.forget(who).known

    assert traces(place, who) == []
    with place.store.viewing() as view:
        for name in view.columns():
            cells = view.column(name)
            assert not is_known(view.registry[name].kind, cells[number : number + 1]).any(), name
        assert view.column("known").tolist() == [int(row != number) for row in range(60)]
        for value in ("noir", "kids", "sport"):
            assert view.moments("watched", value, number, number + 1) == []
    assert answers(place)["everybody"] == set(NAMES) - {who}


def test_what_a_process_left_that_died_after_its_commit_goes_when_the_batch_is_sent_again(
    place: Place,
) -> None:
    dying = DyingStore(place.store.folder, place.store.hasher, place.clock)
    dying.is_late = True
    path = parquet(place.folder / "b1.parquet", PEOPLE)
    batch = Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL)
    with pytest.raises(KeyboardInterrupt):
        ingest(dying, FileSource(path, chunk_rows=7), batch)
    assert list((place.store.folder / "incoming").iterdir())

    report = ingest(place.store, FileSource(path, chunk_rows=7), batch)

    assert report.repeated
    assert not list((place.store.folder / "incoming").iterdir())
    assert answers(place) == answers(beside(place))


def test_a_commit_that_died_before_it_counted_is_done_again(place: Place) -> None:
    dying = DyingStore(place.store.folder, place.store.hasher, place.clock)
    path = parquet(place.folder / "b1.parquet", PEOPLE)
    batch = Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL)
    with pytest.raises(KeyboardInterrupt):
        ingest(dying, FileSource(path, chunk_rows=7), batch)
    assert place.store.manifest() == Manifest(dimensions=place.store.manifest().dimensions, version=1)

    report = ingest(place.store, FileSource(path, chunk_rows=7), batch)

    assert (report.repeated, report.users) == (False, 60)
    assert answers(place) == answers(beside(place))


def test_a_killed_commit_leaves_no_trace_of_whom_it_never_brought_in(place: Place) -> None:
    """The shards it wrote name people whom no version knows; a deletion finds them there."""
    who = "viewer-000007"
    hashes = np.array([place.store.hasher.one(who)], np.uint64)
    write_shard(place.store.data / "ids-09-00000099.cols", hashes, np.zeros(1, np.uint32))
    assert len(traces(place, who)) == 1

    assert not forget(place.store, who).known

    assert traces(place, who) == []


@pytest.mark.parametrize("before", [[], ["FR"], ["FR", "DE"]])
@pytest.mark.parametrize("between", [[], ["CH"], ["CH", "AT"]])
def test_codes_of_parts_hold_though_a_kill_and_other_batches_came_between(
    place: Place, before: list[str], between: list[str]
) -> None:
    """A batch is killed half-way; another brings in new values; the first goes on."""
    ads = frozenset({"ads"})
    people = {f"v{n}": {"country": "DE" if n % 2 else "AT", "consent": ads} for n in range(20)}
    others = {f"o{n}": {"country": name, "consent": ads} for n, name in enumerate(before + between)}
    first, second = list(others)[: len(before)], list(others)[len(before) :]
    path = parquet(place.folder / "b1.parquet", people, ["country", "consent"])
    source = FileSource(path, chunk_rows=5)
    batch = Batch("b1", Instant(NOW_S * 1_000_000))

    def die(progress: Progress) -> None:
        if progress.rows == 10:
            raise KeyboardInterrupt

    if before:
        place.send({name: others[name] for name in first}, "b0", at_s=NOW_S - 9)
    with pytest.raises(KeyboardInterrupt):
        ingest(place.store, source, batch, die)
    if between:
        place.send({name: others[name] for name in second}, "b2", at_s=NOW_S - 5)
    ingest(place.store, source, batch)

    everybody: dict[str, dict[str, Any]] = {**people, **others}
    found = answers(place, list(everybody))
    assert found["germans"] == {name for name, person in everybody.items() if person["country"] == "DE"}
    assert set(place.store.manifest().words["country"]) == {"AT", "DE", *before, *between}


def test_a_store_whose_folder_takes_no_links_writes_the_base_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr("os.link", refuse)
    take(place, PEOPLE, 7)

    assert answers(place) == answers(beside(place))


def test_the_names_of_the_stores_own_columns_are_no_dimensions(place: Place) -> None:
    for name in ("known", "at", "ordinal"):
        with pytest.raises(InvalidRequest, match="the store uses that name itself"):
            place.store.register(Dimension(name, Kind.FLAG))
