"""The whole room behind its routes and its command."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bijou.audience import Dimension, Hasher, Kind, Mode
from bijou.audience.api import AudienceService, NewAudience
from bijou.audience.batches import Batch
from bijou.audience.http import routes
from bijou.audience.turns import Turns
from bijou.cli.commands import bijou
from bijou.engines.audience_files import FileSource, RowsSource
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.ports import Conflict, Instant, InvalidRequest, NotFound, Role, VirtualClock
from tests.unit.audience.populations import KEY, NOW_S, crowd, parquet


@pytest.fixture
def service(tmp_path: Path) -> AudienceService:
    clock = VirtualClock(Instant(NOW_S * 1_000_000))
    folder = tmp_path / "audience"
    service = AudienceService(folder, Hasher(KEY, native=False), clock, LmdbProfiles(folder / "profiles"))
    people = crowd(400, random.Random(1))
    columns = ["country", "age", "likes", "subscriber", "consent", "watched:noir"]
    file = parquet(tmp_path / "all.parquet", people, columns)
    service.upload(FileSource(file), Batch("b1", Instant(NOW_S * 1_000_000), Mode.FULL))
    service.define(NewAudience("germans", 'country in ("DE")'))
    service.define(NewAudience("noir", 'watched("noir", 5d) and in audience("germans")'))
    return service


def test_a_rule_is_checked_while_it_is_typed(service: AudienceService) -> None:
    half = service.check('country in ("DE"')
    odd = service.check("age 3..9 and age 20..30")
    good = service.check('in audience("germans")')

    assert (half.at, half.until, half.reach) == (16, 16, None)
    assert "the end stands where ')' must" in half.problem
    assert [warned.kind for warned in odd.warnings] == ["never"]
    assert (good.problem, good.reach) == ("", None)  # not built yet
    service.build()
    assert service.check('in audience("germans")').reach is not None


def test_reach_of_a_rule_is_that_of_the_built_audience(service: AudienceService) -> None:
    service.build()

    checked = service.check('country in ("DE")')
    members = service.audience("germans").members

    assert members is not None
    assert checked.reach is not None
    assert checked.reach.exact
    assert checked.reach.users == round(members / 10) * 10
    assert service.check('in audience("germans")').reach == checked.reach


def test_asking_leaves_no_file_open(service: AudienceService) -> None:
    service.build()
    rule = 'in audience("germans")'
    before = open_files()

    for _ in range(3):
        assert service.check(rule).reach is not None
        with pytest.raises(NotFound):
            service.alike("nobody", 10)

    assert open_files() == before


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_fewer_than_the_floor_are_not_told_anywhere(service: AudienceService) -> None:
    service.define(NewAudience("few", 'country in ("DE") and age 3..6'))
    service.build()

    few = service.audience("few")
    assert (few.members, few.withheld) == (None, True)
    reach = service.check('country in ("DE") and age 3..6').reach
    assert reach is not None
    assert (reach.users, reach.floor) == (None, 50)
    assert service.combine(["few"], []).users is None
    assert "few" not in service.known("viewer-000003").audiences


def test_combinations_and_overlaps_are_those_of_sets(service: AudienceService) -> None:
    service.define(NewAudience("grown", "age >= 10"))
    service.build()
    with service._snapshot() as snapshot:
        germans, grown = set(snapshot.bitmap("germans")), set(snapshot.bitmap("grown"))

    def tens(members: set[int]) -> int:
        return round(len(members) / 10) * 10

    assert service.combine(["germans", "grown"], []).users == tens(germans | grown)
    assert service.combine(["germans", "grown"], [], all_of=True).users == tens(germans & grown)
    assert service.combine(["grown"], ["germans"]).users == tens(grown - germans)
    assert service.overlap("germans", "grown").jaccard == round(
        len(germans & grown) / len(germans | grown), 2
    )
    with pytest.raises(InvalidRequest, match="name at least one"):
        service.combine([], [])
    with pytest.raises(NotFound, match="no audience 'x'"):
        service.overlap("germans", "x")


def test_people_alike_share_what_the_seed_has_in_common(service: AudienceService) -> None:
    service.define(NewAudience("seed", 'country in ("DE") or likes in ("kids")'))
    service.build()

    found = service.alike("seed", 60)

    strongest = {(reason.dimension, reason.value) for reason in found.reasons[:4]}
    assert ("likes", "kids") in strongest or ("country", "DE") in strongest
    assert found.reach.users is None or found.reach.users <= 60


def test_households_bring_in_who_lives_with_a_match_and_agreed(service: AudienceService) -> None:
    service.define(NewAudience("homes", 'country in ("DE")', households=True))
    germans = _members(service, "germans")
    one = next(iter(germans))
    stranger = next(n for n in range(400) if n not in germans)

    count = service.group([(f"viewer-{one:06}", "router"), ("router", f"viewer-{stranger:06}")])

    assert count == 1
    assert _members(service, "homes") == germans | {stranger}


def _members(service: AudienceService, name: str) -> set[int]:
    service.build()
    with service._snapshot() as snapshot:
        return set(snapshot.bitmap(name))


def test_updates_between_batches_are_in_the_profile_after_the_next_build(service: AudienceService) -> None:
    service.build()
    before = service.known("viewer-000003").features.get("country")
    other = "AT" if before != "AT" else "DE"

    source = RowsSource(
        [{"user": "viewer-000003", "country": other, "likes": ["noir", "kids"], "subscriber": True}]
    )
    service.upload(source, Batch("stream-1", Instant((NOW_S + 1) * 1_000_000)))
    service.build()

    features = service.known("viewer-000003").features
    assert (features["country"], features["likes"], features["subscriber"]) == (
        other,
        frozenset({"noir", "kids"}),
        True,
    )


def test_what_is_built_upon_stays_and_circles_are_refused(service: AudienceService) -> None:
    with pytest.raises(Conflict, match="'germans' is used by noir"):
        service.drop("germans")
    with pytest.raises(InvalidRequest, match="germans, noir build on each other"):
        service.define(NewAudience("germans", 'in audience("noir")'))
    service.drop("noir")
    service.drop("germans")

    assert service.audiences() == []


def test_a_dimension_is_added_as_data_uploaded_and_asked(service: AudienceService) -> None:
    service.register(Dimension("team", Kind.CATEGORY, values=("red", "blue")))
    source = RowsSource([{"user": f"viewer-{n:06}", "team": "red"} for n in range(100)])
    service.upload(source, Batch("teams", Instant((NOW_S + 1) * 1_000_000)))

    reach = service.check('team in ("red")').reach
    assert reach is not None
    assert reach.users == 100


def test_every_route_is_for_ad_operations(service: AudienceService) -> None:
    table = routes(Turns(lambda: service))

    assert {route.endpoint.role for route in table} == {Role.ADOPS}
    assert len({(route.endpoint.method, route.endpoint.path) for route in table}) == len(table) == 13


def run(tmp_path: Path, *arguments: str) -> Result:
    env = {"BIJOU_HOUSE_DATA_DIR": str(tmp_path / "house"), "BIJOU_CALLED_AS": ""}
    return CliRunner().invoke(bijou, ["audience", *arguments], env=env)


def test_the_command_takes_a_file_to_a_deletion(tmp_path: Path) -> None:
    people = crowd(300, random.Random(2))
    file = parquet(tmp_path / "all.parquet", people, ["country", "age", "consent", "watched:noir"])

    uploaded = run(tmp_path, "upload", str(file), "--full", "--json")
    again = run(tmp_path, "upload", str(file), "--full", "--json")
    run(tmp_path, "define", "germans", 'country in ("DE")')
    built = run(tmp_path, "build", "--json")
    reach = run(tmp_path, "reach", 'country in ("DE", "AT")', "--json")
    viewer = run(tmp_path, "viewer", "viewer-000001", "--json")
    deleted = run(tmp_path, "delete", "viewer-000001", "--json")
    gone = run(tmp_path, "viewer", "viewer-000001")
    status = run(tmp_path, "status", "--json")

    assert json.loads(uploaded.stdout)["kept"] == 300
    assert json.loads(again.stdout)["repeated"]
    assert json.loads(built.stdout)[0]["members"] > 50
    assert json.loads(reach.stdout)["users"] > 50
    assert json.loads(viewer.stdout)["degraded"] == ""
    assert json.loads(deleted.stdout)["known"]
    assert gone.stdout.strip() == "no_profile"
    assert json.loads(status.stdout)["users"] == 299
    key = tmp_path / "house" / "keys" / "audience"
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_bad_rule_is_one_sentence_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "house" / "audience").mkdir(parents=True)

    result = run(tmp_path, "reach", 'cuntry in ("DE")')

    assert result.exit_code == 1
    assert "line 1, column 1: there is no dimension 'cuntry'; did you mean country?" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["list"],
        ["reach", "age > 3"],
        ["overlap", "one", "other"],
        ["alike", "one", "10"],
        ["viewer", "u1"],
        ["delete", "u1"],
        ["drop", "one"],
        ["define", "one", "age > 3"],
        ["build"],
    ],
)
def test_commands_on_a_folder_without_audiences_say_so_and_make_nothing(
    tmp_path: Path, words: list[str]
) -> None:
    result = run(tmp_path, *words)

    assert result.exit_code == 3
    assert "holds no audiences; bring features in first, or name --house-data-dir" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_sample_is_a_file_that_can_be_uploaded_whole(tmp_path: Path) -> None:
    file = tmp_path / "users.parquet"

    made = run(tmp_path, "sample", "--users", "500", "--out", str(file), "--json")
    uploaded = run(tmp_path, "upload", str(file), "--full", "--refuse-all", "--json")

    assert json.loads(made.stdout)["users"] == 500
    assert json.loads(uploaded.stdout)["users"] == 500
    assert run(tmp_path, "sample", "--out", str(tmp_path / "no" / "x")).exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["house", "users.parquet"]
