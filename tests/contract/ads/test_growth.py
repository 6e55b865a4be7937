"""The growth plan on a real PostgreSQL: days, archives, a new column, and shards, all under load."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from bijou.ads.model import online_change, partitions
from bijou.ads.model.archiving import Form, expire, restore
from bijou.ads.model.booking import AdEvent, book, roll_up_day
from bijou.ads.model.fact_tables import ARCHIVES, DAILY, DECISIONS, EVENTS, HOURLY
from bijou.ads.model.gathering import advertiser_slot, gather_day, move_advertisers
from bijou.ads.model.online_change import NewColumn
from bijou.ads.model.reconciling import reconcile_archives, reconcile_day
from bijou.ads.model.resharding import Databases, Move, announce, clear, copy, flip, move_slots
from bijou.ads.model.retention import tend
from bijou.ads.model.routing import ShardedBooking
from bijou.ads.model.sharding import Slot, hold, keep_map, moves, owned, read_map
from bijou.ports import BijouBug, Conflict, Instant, NotFound
from tests.contract.ads.rows import GOOD
from tests.contract.ads.seen import DAY, event, events, hours, keys, summed

NOW = Instant(1)
IN_EUROS = NewColumn("ads_events", "charge_cents", "BIGINT", "charge_micros / 10000")


@contextmanager
def writing(write: Callable[[AdEvent], object], seed: int) -> Iterator[list[AdEvent]]:
    """Book one event after another in a thread; give those that were acknowledged."""
    acknowledged: list[AdEvent] = []
    chance, stop, failed = Random(seed), threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not stop.is_set():
                each = event(chance)
                write(each)
                acknowledged.append(each)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


def booking(engine: Engine) -> Callable[[AdEvent], object]:
    def write(each: AdEvent) -> None:
        with engine.begin() as db:
            book(db, [each])

    return write


def take_away(engine: Engine, new: NewColumn) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        online_change.undo(db, new, nap)


def nap() -> None:
    threading.Event().wait(0.001)


def test_days_are_made_ahead_once_and_a_day_without_a_partition_takes_nothing(
    database: Engine, chance: Random
) -> None:
    with database.begin() as db:
        made = partitions.make_ahead(db, DAY, 3)
        again = partitions.make_ahead(db, DAY, 3)

    with database.connect() as db:
        assert len(made) == 3 * len(partitions.BY_DAY)
        assert again == []
        assert partitions.attached(db, EVENTS) == [DAY, DAY + 1, DAY + 2]
        with pytest.raises(IntegrityError, match="no partition"):
            book(db, [event(chance, DAY + 3)])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_day_goes_to_a_file_while_others_are_written_and_comes_back_as_it_was(
    database: Engine, tmp_path: Path, chance: Random, form: Form
) -> None:
    seen = events(chance, 400)
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 2)
        book(db, seen)
        roll_up_day(db, DAY)
        before = db.execute(select(EVENTS).order_by(EVENTS.c.impression)).all()

    with writing(booking(database), seed=5) as more:
        archive = expire(database, EVENTS, DAY + 1, tmp_path, NOW, form)

    of_day = [each for each in seen if each.day == DAY + 1]
    assert archive.rows == len(of_day)
    assert archive.charge_micros == sum(each.charge_micros for each in of_day)
    assert archive.sha256 == hashlib.sha256((tmp_path / archive.file).read_bytes()).hexdigest()
    with database.begin() as db:
        left = {(each.impression, each.kind) for each in [*seen, *more] if each.day == DAY}
        assert keys(db) == left
        assert partitions.taken_off(db, EVENTS) == []
        restore(db, EVENTS, archive, tmp_path)
        new = [each.impression for each in more]
        after = select(EVENTS).where(EVENTS.c.impression.not_in(new)).order_by(EVENTS.c.impression)
        assert db.execute(after).all() == before
        roll_up_day(db, DAY + 1)
        assert reconcile_archives(db) == []


def test_an_archive_that_was_interrupted_is_finished_by_the_next_run(
    database: Engine, tmp_path: Path, chance: Random
) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, events(chance, 50, days=1))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        partitions.take_off(db, EVENTS, DAY)
        partitions.take_off(db, EVENTS, DAY)
        assert partitions.taken_off(db, EVENTS) == [DAY]
    (tmp_path / "ads_events").mkdir()
    (tmp_path / "ads_events" / f"{DAY}.parquet.unfinished").write_bytes(b"half")

    first = expire(database, EVENTS, DAY, tmp_path, NOW)

    assert first.rows == 50
    assert sorted(path.name for path in (tmp_path / "ads_events").iterdir()) == [f"{DAY}.parquet"]
    with pytest.raises(NotFound, match="has no partition for day"):
        expire(database, EVENTS, DAY, tmp_path, NOW)
    with database.connect() as db:
        assert db.scalar(select(func.count()).select_from(ARCHIVES)) == 1


def test_an_archive_whose_file_is_not_what_was_written_is_not_restored(
    database: Engine, tmp_path: Path, chance: Random
) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, events(chance, 50, days=1))
    archive = expire(database, EVENTS, DAY, tmp_path, NOW, "csv")
    with (tmp_path / archive.file).open("ab") as file:
        file.write(b"x")

    with database.begin() as db, pytest.raises(BijouBug, match="SHA-256 differs"):
        restore(db, EVENTS, archive, tmp_path)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_every_byte_of_a_decision_comes_back(
    database: Engine, tmp_path: Path, chance: Random, form: Form
) -> None:
    nasty = ["", " ", "a,b", 'say "no"', "two\nlines", "\\x41", "\\.", "NULL", "é漢🎬", "\r\n\t"]
    rows = [
        GOOD["ads_decisions"]
        | {"decision": chance.randbytes(16), "inputs": chance.randbytes(number), "region": text_}
        | {"outcome": msgspec.json.encode({"why": text_}).decode(), "policy": text_}
        for number, text_ in enumerate(nasty)
    ]
    every = select(DECISIONS).order_by(DECISIONS.c.decision)
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        db.execute(insert(DECISIONS), rows)
        before = db.execute(every).all()

    archive = expire(database, DECISIONS, DAY, tmp_path, NOW, form)

    with database.begin() as db:
        assert db.execute(every).all() == []
        restore(db, DECISIONS, archive, tmp_path)
        assert db.execute(every).all() == before


def test_hours_are_archived_as_events_are(database: Engine, tmp_path: Path, chance: Random) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, events(chance, 50, days=1))
        before = hours(db)
    archive = expire(database, HOURLY, DAY, tmp_path, NOW)

    with database.begin() as db:
        assert hours(db) == {}
        restore(db, HOURLY, archive, tmp_path)
        assert hours(db) == before


def test_a_column_comes_while_events_are_written_and_no_row_lacks_it(
    database: Engine, chance: Random
) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 2)
        book(db, events(chance, 400))

    with (
        database.connect().execution_options(isolation_level="AUTOCOMMIT") as db,
        writing(booking(database), seed=6) as during,
    ):
        online_change.expand(db, IN_EUROS, nap)
        with pytest.raises(Conflict, match="is empty in some rows"):
            online_change.contract(db, IN_EUROS, nap)
        filled = sum(online_change.migrate(db, IN_EUROS, pages=2))
        online_change.contract(db, IN_EUROS, nap)
    with database.connect() as db:
        wrong = "SELECT count(*) FROM ads_events WHERE charge_cents IS DISTINCT FROM charge_micros / 10000"
        nullable = "SELECT attnotnull FROM pg_attribute WHERE attname = 'charge_cents'"
        rows = db.scalar(select(func.count()).select_from(EVENTS))

        assert db.scalar(text(wrong)) == 0
        assert db.scalars(text(nullable)).all() == [True] * 3
        assert 400 <= filled <= rows == 400 + len(during)  # type: ignore[operator]
    take_away(database, IN_EUROS)


def test_a_column_comes_to_a_table_without_partitions_too(database: Engine, chance: Random) -> None:
    share = NewColumn("ads_daily", "charge_each", "BIGINT", "charge_micros / events")
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, events(chance, 50, days=1))
        roll_up_day(db, DAY)
        rows = db.scalar(select(func.count()).select_from(DAILY))

    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        online_change.expand(db, share, nap)
        filled = sum(online_change.migrate(db, share))
        online_change.contract(db, share, nap)
        online_change.stop_filling(db, share, nap)
        wrong = "SELECT count(*) FROM ads_daily WHERE charge_each IS DISTINCT FROM charge_micros / events"

        assert filled == rows
        assert db.scalar(text(wrong)) == 0
    take_away(database, share)


def test_a_change_can_be_taken_back_and_begun_again(database: Engine, chance: Random) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, events(chance, 20, days=1))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for _ in range(2):
            online_change.expand(db, IN_EUROS, nap)
            next(online_change.migrate(db, IN_EUROS))
            online_change.undo(db, IN_EUROS, nap)
        columns = "SELECT count(*) FROM pg_attribute WHERE attname = 'charge_cents'"

        assert db.scalar(text(columns)) == 0
        book(db, events(chance, 1, days=1))


def test_a_change_waits_in_short_tries_and_never_in_front_of_writers(
    database: Engine, chance: Random
) -> None:
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
    naps: list[int] = []
    with database.connect() as reader:
        reader.execute(select(func.count()).select_from(EVENTS))

        def report_ends() -> None:
            naps.append(len(naps))
            booking(database)(event(chance))  # writers get in between two tries
            if len(naps) == 2:
                reader.rollback()

        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            online_change.expand(db, IN_EUROS, report_ends)

    assert naps == [0, 1]
    take_away(database, IN_EUROS)


def everything(databases: Databases) -> list[tuple[bytes, str]]:
    """Return every event of every shard that answers for it."""
    found: list[tuple[bytes, str]] = []
    for name, engine in databases.shards.items():
        with engine.connect() as db:
            mine = EVENTS.c.slot.in_(owned(db, "viewer", name))
            query = select(EVENTS.c.impression, EVENTS.c.kind).where(mine)
            found += [(bytes(row[0]), row[1]) for row in db.execute(query)]
    return found


def counted(databases: Databases) -> int:
    total = 0
    for engine in databases.shards.values():
        with engine.connect() as db:
            total += int(db.scalar(select(func.sum(HOURLY.c.events))) or 0)
    return total


def by_shard(databases: Databases, move: tuple[str, str], numbers: list[int]) -> Move:
    return Move(*move, numbers[0], numbers[-1])


def test_two_databases_become_four_while_events_are_booked_and_none_is_lost_or_doubled(
    databases: Databases, chance: Random
) -> None:
    old = [event(chance) for _ in range(300)]
    ShardedBooking(databases, nap).book(old)
    plan = moves(laid_out_of(databases), ["a", "b", "c", "d"])

    one, other = ShardedBooking(databases, nap), ShardedBooking(databases, nap)
    with (
        writing(lambda each: one.book([each]), seed=1) as some,
        writing(lambda each: other.book([each, old[0]]), seed=2) as others,
    ):
        for pair, numbers in plan.items():
            for first in range(0, len(numbers), 128):
                move_slots(databases, by_shard(databases, pair, numbers[first : first + 128]))

    assert some
    assert others
    booked = [*old, *some, *others]
    assert sorted(everything(databases)) == sorted({(each.impression, each.kind) for each in booked})
    assert counted(databases) == len(booked)
    for name, engine in databases.shards.items():
        with engine.connect() as db:
            assert len(owned(db, "viewer", name)) == 256
            slots = set(db.scalars(select(EVENTS.c.slot)))
            assert slots <= set(owned(db, "viewer", name))


def laid_out_of(databases: Databases) -> dict[int, Slot]:
    with databases.home.connect() as db:
        return read_map(db, "viewer")


def test_a_move_that_was_killed_after_any_step_is_finished_by_doing_it_again(
    databases: Databases, chance: Random
) -> None:
    seen = [event(chance) for _ in range(200)]
    ShardedBooking(databases, nap).book(seen)
    steps: list[Callable[[Move], object]] = [
        lambda move: announce(databases, move),
        lambda move: list(copy(databases, move)),
        lambda move: flip(databases, move),
        lambda move: clear(databases, move),
    ]

    for killed_after in range(len(steps)):
        move = Move("a", "c", killed_after * 64, killed_after * 64 + 63)
        for step in steps[: killed_after + 1]:
            step(move)
        booker = ShardedBooking(databases, nap)
        booker.book(seen)
        more = [event(chance) for _ in range(30)]
        booker.book(more)
        seen += more
        move_slots(databases, move)
        assert sorted(everything(databases)) == sorted((each.impression, each.kind) for each in seen)
    assert counted(databases) == len(seen)


def test_an_event_whose_writer_died_between_two_databases_is_forgotten_and_counted_when_it_comes_again(
    databases: Databases, chance: Random
) -> None:
    move = Move("a", "c", 0, 511)
    announce(databases, move)
    orphan = next(each for each in iter(lambda: event(chance), None) if each.slot <= 511)
    with databases.shards["c"].begin() as db:
        book(db, [orphan], count=False)

    list(copy(databases, move))
    flip(databases, move)
    booked = ShardedBooking(databases, nap).book([orphan])

    assert booked == 1
    assert counted(databases) == 1


def test_a_target_that_lacks_rows_is_not_flipped_to(databases: Databases, chance: Random) -> None:
    ShardedBooking(databases, nap).book([event(chance) for _ in range(50)])
    move = Move("a", "c", 0, 511)
    announce(databases, move)

    with pytest.raises(BijouBug, match="slots 0 to 511 hold"):
        flip(databases, move)
    ShardedBooking(databases, nap).book([event(chance)])

    assert {slot.shard for slot in laid_out_of(databases).values()} == {"a", "b"}


def test_a_write_that_was_routed_by_an_older_map_is_refused_in_its_own_transaction(
    databases: Databases,
) -> None:
    old = laid_out_of(databases)
    announce(databases, Move("a", "c", 0, 7))

    with databases.shards["a"].begin() as db, pytest.raises(Conflict, match="1 slots of viewer, the first 3"):
        hold(db, "viewer", [old[3], old[8]])


def test_the_reconciler_is_green_on_a_day_of_postgres(database: Engine, chance: Random) -> None:
    seen = events(chance, 300, days=1)
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 1)
        book(db, seen)
        roll_up_day(db, DAY)

    with database.connect() as db:
        assert reconcile_day(db, DAY) == []
        assert hours(db) == summed(seen)


def test_the_daily_round_makes_days_ahead_and_takes_old_ones_to_files_with_their_sums(
    database: Engine, tmp_path: Path, chance: Random
) -> None:
    seen = events(chance, 100)
    keep = {"ads_decisions": 1, "ads_events": 1, "ads_hourly": 2}
    with database.begin() as db:
        partitions.make_ahead(db, DAY, 2)
        book(db, seen)

    rounds = [
        tend(database, Instant((DAY + day) * 86_400_000_000), tmp_path, keep_days=keep) for day in (2, 2, 3)
    ]

    assert [[(each.table, each.day - DAY) for each in archives] for archives in rounds] == [
        [("ads_decisions", 0), ("ads_events", 0)],
        [],
        [("ads_hourly", 0), ("ads_decisions", 1), ("ads_events", 1)],
    ]
    with database.connect() as db:
        assert partitions.attached(db, EVENTS) == list(range(DAY + 2, DAY + 11))
        first = select(func.sum(DAILY.c.events)).where(DAILY.c.day == DAY)
        assert db.scalar(first) == sum(each.day == DAY for each in seen)


def test_sums_by_advertiser_are_gathered_from_all_viewers_and_move_with_the_advertiser(
    databases: Databases, chance: Random
) -> None:
    seen = [event(chance) for _ in range(200)]
    ShardedBooking(databases, nap).book(seen)
    viewers = [databases.shards[name] for name in "ab"]
    advertisers = Databases(databases.home, {name: databases.shards[name] for name in "cd"})
    slots = [Slot(number, "c") for number in range(1024)]
    for engine in (advertisers.home, *advertisers.shards.values()):
        with engine.begin() as db:
            keep_map(db, "advertiser", slots)
    with advertisers.shards["c"].begin() as db:
        gather_day(viewers, db, "c", DAY)
        assert gather_day(viewers, db, "c", DAY) > 0

    def held(name: str) -> dict[int, int]:
        with advertisers.shards[name].connect() as db:
            totals = select(DAILY.c.advertiser, func.sum(DAILY.c.events)).group_by(DAILY.c.advertiser)
            return {advertiser: int(many) for advertiser, many in db.execute(totals)}

    before = held("c")
    move_advertisers(advertisers, viewers, [advertiser_slot(1)], "d", range(DAY, DAY + 1))

    assert before == {n: sum(each.advertiser == n for each in seen) for n in (0, 1)}
    assert held("c") == {0: before[0]}
    assert held("d") == {1: before[1]}
    with databases.home.connect() as db:
        assert read_map(db, "advertiser")[advertiser_slot(1)].shard == "d"
