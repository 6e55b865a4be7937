"""A deletion leaves no trace: every file of every store is searched."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroaring import BitMap

from bijou.audience import Mode, Registry, read_rule
from bijou.audience.api import is_known
from bijou.audience.batches import Batch
from bijou.audience.building import build
from bijou.audience.forgetting import forget
from bijou.audience.households import group_households
from bijou.audience.ingest import ingest
from bijou.audience.manifest import Manifest
from bijou.audience.profiles import ProfileReader, build_profiles
from bijou.audience.snapshots import Definition
from bijou.audience.staging import Progress
from bijou.audience.store import FeatureStore
from bijou.engines.audience_files import FileSource
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.ports import Instant
from tests.unit.audience.populations import NOW_S, Place, crowd, parquet

EVERYBODY = [Definition("everybody", read_rule("true", Registry.shipped()))]
WHO = "viewer-000007"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def traces(place: Place, name: str) -> list[str]:
    """Return the files of the store that hold an identifier or its hash, in either order of bytes."""
    hash_ = place.store.hasher.one(name)
    needles = [name.encode(), hash_.to_bytes(8, "little"), hash_.to_bytes(8, "big"), str(hash_).encode()]
    return [
        str(path)
        for path in sorted(place.store.folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


@pytest.fixture
def profiles(place: Place) -> Iterator[LmdbProfiles]:
    found = LmdbProfiles(place.store.folder / "profiles")
    yield found
    found.close()


def test_after_a_deletion_no_file_holds_identifier_or_hash(place: Place, profiles: LmdbProfiles) -> None:
    people = crowd(300, random.Random(1))
    place.send(people, "b1", mode=Mode.FULL)
    place.send({WHO: people[WHO], "viewer-000008": people["viewer-000009"]}, "b2")
    group_households(place.store, [(WHO, "viewer-000008")])
    build(place.store, EVERYBODY, floor=0)
    build_profiles(place.store, place.snapshot(), profiles)
    reader = ProfileReader(profiles, place.store.hasher, place.clock)
    key = reader.key_of(WHO)
    assert reader.read(key) is not None
    assert len(traces(place, WHO)) == 2  # the shard of its hash, and the shard of its profile

    certificate = place.forget(WHO)
    profiles.forget(key)

    assert certificate.known
    assert traces(place, WHO) == []
    assert reader.read(key) is None
    assert reader.read(reader.key_of("viewer-000008")) is not None
    assert WHO not in place.members("everybody", list(people))
    assert len(place.members("everybody", list(people))) == 299


def test_what_was_stored_under_the_ordinal_is_gone_too(place: Place) -> None:
    people = crowd(50, random.Random(2))
    place.send(people, "b1", mode=Mode.FULL)
    place.send({WHO: people[WHO], "viewer-000009": people["viewer-000009"]}, "b2")
    row = place.ordinal(WHO)
    assert row is not None

    place.forget(WHO)

    with place.store.viewing() as view:
        for name in view.columns():
            assert not is_known(view.registry[name].kind, view.column(name, row, row + 1)).any(), name
        assert view.column("known", row, row + 1)[0] == view.column("at", row, row + 1)[0] == 0
        assert view.moments("watched", "noir", row, row + 1) == []
        assert view.column("known").sum() == 49


class DyingStore(FeatureStore):
    """A store whose process dies around the moment when the hash goes."""

    is_late = False

    def publish(self, manifest: Manifest) -> None:
        """Die before it, or after."""
        if self.is_late:
            super().publish(manifest)
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_late", [False, True])
def test_a_deletion_that_was_killed_leaves_nothing_once_it_is_asked_for_again(
    place: Place,
    is_late: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    place.send(crowd(50, random.Random(7)), "b1", mode=Mode.FULL)
    row = place.ordinal(WHO)
    assert row is not None
    dying = DyingStore(place.store.folder, place.store.hasher, place.clock)
    dying.is_late = is_late
    with pytest.raises(KeyboardInterrupt):
        forget(dying, WHO)

    place.forget(WHO)

    assert traces(place, WHO) == []
    with place.store.viewing() as view:
        for name in view.columns():
            assert not is_known(view.registry[name].kind, view.column(name, row, row + 1)).any(), name
        assert view.column("known", row, row + 1)[0] == 0


def test_a_row_of_an_unfinished_batch_is_emptied(place: Place, tmp_path: Path) -> None:
    """The process dies between staging and committing; the user is deleted; the batch is sent again."""
    people = crowd(40, random.Random(3))
    source = FileSource(parquet(tmp_path / "b.parquet", people), chunk_rows=10)

    def die(progress: Progress) -> None:
        if progress.rows == 30:
            raise KeyboardInterrupt

    batch = Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL)
    with pytest.raises(KeyboardInterrupt):
        ingest(place.store, source, batch, die)
    assert len(traces(place, WHO)) == 1

    certificate = place.forget(WHO)
    assert (certificate.known, certificate.staged_rows) == (True, 1)
    assert traces(place, WHO) == []
    report = ingest(place.store, source, batch)

    assert (report.rows, report.users) == (40, 39)
    assert place.ordinal(WHO) is None
    build(place.store, EVERYBODY, floor=0)
    assert len(place.members("everybody", list(people))) == 39


def test_who_was_deleted_comes_back_as_somebody_new(place: Place) -> None:
    place.send(crowd(10, random.Random(4)), "b1", mode=Mode.FULL)
    before = place.ordinal(WHO)
    place.forget(WHO)

    place.send({WHO: {"country": "AT"}}, "b2")

    assert place.ordinal(WHO) == 10 != before


def test_deleting_a_stranger_and_deleting_again_change_nothing(place: Place) -> None:
    place.send(crowd(10, random.Random(5)), "b1", mode=Mode.FULL)
    place.forget(WHO)
    version = place.store.manifest().version

    assert not place.forget("nobody").known
    assert not place.forget(WHO).known

    assert place.store.manifest().version == version
    with place.store.viewing() as view:
        assert view.column("known").sum() == 9


def test_the_next_build_writes_bitmaps_without_the_deleted(place: Place) -> None:
    people = crowd(10, random.Random(6))
    place.send(people, "b1", mode=Mode.FULL)
    build(place.store, EVERYBODY, floor=0)
    place.forget(WHO)

    build(place.store, EVERYBODY, floor=0)

    snapshot = place.snapshot()
    assert 7 not in BitMap.deserialize(snapshot.raw("everybody"))
    assert snapshot.audiences["everybody"].members == 9
    snapshot.close()


def test_files_of_every_kind_are_searched_and_none_keeps_a_trace(
    place: Place, profiles: LmdbProfiles, tmp_path: Path
) -> None:
    """Features, ordinals, rejects, a batch that was killed within a piece, bitmaps, profiles."""
    people = crowd(300, random.Random(8))
    place.send(people, "b1", mode=Mode.FULL)
    bad = place.send({WHO: {"age": 900}, "viewer-000009": {"age": 9}}, "b2")
    build(place.store, EVERYBODY, floor=0)
    build_profiles(place.store, place.snapshot(), profiles)
    source = FileSource(parquet(tmp_path / "b.parquet", people), chunk_rows=10)

    def die(progress: Progress) -> None:
        if progress.rows == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(place.store, source, Batch("b3", Instant(NOW_S * 1_000_000), Mode.FULL), die)
    hash_ = place.store.hasher.one(WHO)
    with (place.store.folder / "incoming" / "b3" / "ids.cols").open("ab") as torn:
        torn.write(bytes(64) + hash_.to_bytes(8, "little"))
    folders = {Path(trace).relative_to(place.store.folder).parts[0] for trace in traces(place, WHO)}
    assert bad.rejected == 1
    assert folders == {"features", "incoming", "profiles"}  # rejects never name anybody

    place.forget(WHO)
    profiles.forget(hash_.to_bytes(8, "big"))

    assert traces(place, WHO) == []
