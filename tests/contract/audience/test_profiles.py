"""One suite for both engines of profiles."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bijou.audience import Mode, Registry, read_rule
from bijou.audience.building import build
from bijou.audience.profiles import Layout, ProfileReader, Profiles, build_profiles, refresh_profiles
from bijou.audience.shards.beside import Beside
from bijou.audience.snapshots import Definition
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.engines.audience_redis import RedisProfiles
from bijou.ports import EngineUnavailable, Instant
from tests.contract.redis_limits.server import RedisServer, ready
from tests.unit.audience.populations import Place, crowd

REGISTRY = Registry.shipped()
RULES = {"germans": 'country in ("DE")', "grown": "age >= 18", "noir": 'likes in ("noir")'}
DEFINITIONS = [Definition(name, read_rule(text, REGISTRY)) for name, text in RULES.items()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = ready(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(params=["lmdb", "redis"])
def profiles(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Profiles]:
    if request.param == "lmdb":
        lmdb = LmdbProfiles(tmp_path / "profiles")
        yield lmdb
        lmdb.close()
        return
    redis = RedisProfiles(request.getfixturevalue("server").url)
    redis._redis.flushall()
    yield redis
    redis.close()


def built(place: Place, profiles: Profiles) -> ProfileReader:
    people = crowd(60, random.Random(1))
    people["viewer-000001"] = {"country": "DE", "age": 40, "consent": frozenset({"measurement"})}
    people["viewer-000002"] = {
        "country": "DE",
        "age": 7,
        "likes": frozenset({"noir", "kids"}),
        "subscriber": False,
        "hours": 2.5,
        "consent": frozenset({"ads"}),
    }
    place.send(people, "b1", mode=Mode.FULL)
    build(place.store, DEFINITIONS, floor=0)
    build_profiles(place.store, place.snapshot(), profiles)
    return ProfileReader(profiles, place.store.hasher, place.clock)


def test_a_viewer_is_known_in_one_read(place: Place, profiles: Profiles) -> None:
    reader = built(place, profiles)

    known = reader.known(reader.key_of("viewer-000002"), "ads")

    assert known.degraded == ""
    assert known.audiences == ["germans", "noir"]
    assert known.features == {
        "country": "DE",
        "age": 7,
        "likes": frozenset({"noir", "kids"}),
        "subscriber": False,
        "hours": 2.5,
        "consent": frozenset({"ads"}),
    }
    assert (known.age_s, known.version) == (0, 1)


def test_all_profiles_agree_with_all_audiences(place: Place, profiles: Profiles) -> None:
    reader = built(place, profiles)
    names = [f"viewer-{number:06}" for number in range(60)]

    found = {name: set[str]() for name in RULES}
    for who in names:
        profile = reader.read(reader.key_of(who))
        assert profile is not None
        for audience in profile.audiences():
            found[audience].add(who)

    assert found == {name: place.members(name, names) for name in RULES}


def test_what_lacks_is_said_and_never_raised(place: Place, profiles: Profiles) -> None:
    empty = ProfileReader(profiles, place.store.hasher, place.clock)
    assert empty.known(empty.key_of("viewer-000002"), "ads").degraded == "no_profile"
    reader = built(place, profiles)

    assert reader.known(reader.key_of("stranger"), "ads").degraded == "no_profile"
    refused = reader.known(reader.key_of("viewer-000001"), "ads")
    assert (refused.degraded, refused.audiences, refused.features) == ("no_consent", [], {})
    assert reader.known(reader.key_of("viewer-000001"), "measurement").degraded == ""
    place.clock.advance(90_000)
    stale = reader.known(reader.key_of("viewer-000002"), "ads")
    assert (stale.degraded, stale.age_s, stale.audiences) == ("stale", 90_000, [])


def test_a_change_between_batches_is_read_after_a_refresh(place: Place, profiles: Profiles) -> None:
    reader = built(place, profiles)
    key = reader.key_of("viewer-000002")
    before = reader.known(key, "ads").audiences

    sequence = place.snapshot().pointer.sequence
    place.send({"viewer-000002": {"age": 33}}, "b2", columns=["age"])
    build(place.store, DEFINITIONS, floor=0)
    with place.store.viewing() as view:
        changed = view.changed_since(sequence)
    written = refresh_profiles(place.store, place.snapshot(), profiles, changed)
    reader.refresh()

    assert written == 1
    assert (before, reader.known(key, "ads").audiences) == (["germans", "noir"], ["germans", "grown", "noir"])


def test_a_new_version_takes_the_place_of_the_old_one_at_once(place: Place, profiles: Profiles) -> None:
    reader = built(place, profiles)
    key = reader.key_of("viewer-000002")

    place.send({"viewer-000002": {"country": "FR"}}, "b2", columns=["country"])
    build(place.store, DEFINITIONS, floor=0)
    refresh_profiles(place.store, place.snapshot(), profiles, changed=np.empty(0, np.uint32))
    reader.refresh()

    assert reader.known(key, "ads").features["country"] == "FR"  # a new value: all were built anew
    assert reader.known(key, "ads").version == 2


def test_a_deleted_viewer_is_nobody(place: Place, profiles: Profiles) -> None:
    reader = built(place, profiles)
    key, other = reader.key_of("viewer-000002"), reader.key_of("viewer-000003")

    profiles.forget(key)
    reader.refresh()

    assert reader.known(key, "ads").degraded == "no_profile"
    assert profiles.get_many([key, other])[0] is None
    assert profiles.get_many([key, other])[1] is not None


def test_a_pointer_that_was_cut_off_is_said_to_be_damaged(place: Place, tmp_path: Path) -> None:
    profiles = LmdbProfiles(tmp_path / "profiles")
    built(place, profiles)
    profiles.close()
    pointer = tmp_path / "profiles" / "profiles.json"
    pointer.write_bytes(pointer.read_bytes()[:-10])

    with pytest.raises(EngineUnavailable, match=r"profiles in .*truncated"):
        LmdbProfiles(tmp_path / "profiles")


def test_an_engine_that_is_gone_degrades_the_answer(place: Place, tmp_path: Path) -> None:
    own = ready(tmp_path)
    profiles = RedisProfiles(own.url)
    reader = built(place, profiles)
    own.kill()

    known = reader.known(reader.key_of("viewer-000002"), "ads")

    assert (known.degraded, known.audiences) == ("unavailable", [])
    with pytest.raises(EngineUnavailable, match="profiles on Redis"):
        profiles.get(b"12345678")
    profiles.close()


def put_elsewhere(folder: Path, key: bytes) -> None:
    elsewhere = LmdbProfiles(folder)
    elsewhere.put([(key, b"record")])
    elsewhere.close()


def test_the_first_viewer_of_a_shard_is_read_when_another_process_wrote_them(tmp_path: Path) -> None:
    here, beside = LmdbProfiles(tmp_path), Beside()
    layout = Layout(1, 1, [], {}, [], 4, Instant(0))
    here.replace(layout, [([], []) for _ in range(64)])
    assert not list(tmp_path.glob("*.mdb"))

    asyncio.run(beside.run(put_elsewhere, tmp_path, b"\x80" * 8))
    here.refresh()

    assert here.get_many([b"\x80" * 8, b"\x81" * 8, b"\x00" * 8]) == [b"record", None, None]
    here.forget(b"\x00" * 8)
    here.forget(b"\x80" * 8)
    assert here.get(b"\x80" * 8) is None
    beside.kill()
    here.close()
