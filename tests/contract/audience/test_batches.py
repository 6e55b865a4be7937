"""Batches in any order, twice, late: beside a model of plain dictionaries."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bijou.audience import Mode, Not, Recency, Registry, read_rule
from bijou.audience.building import build
from bijou.audience.committing import flatten
from bijou.audience.snapshots import Definition, Snapshots
from bijou.ports import Conflict, InvalidRequest
from tests.unit.audience.oracle import COUNTRIES, LIKES, matches
from tests.unit.audience.populations import NOW_S, Place

NAMES = [f"viewer-{number}" for number in range(12)]
REGISTRY = Registry.shipped()
RULES = {
    "germans": 'country in ("DE")',
    "grown": "age >= 18",
    "not-grown": "not age >= 18",
    "noir": 'watched("noir", 3d)',
    "left": 'watched("noir") then not watched("kids") within 2d',
    "both": 'in audience("germans") and in audience("grown")',
}
DEFINITIONS = [Definition(name, read_rule(text, REGISTRY)) for name, text in RULES.items()]
CONSENT = frozenset({"ads"})


class Model:
    """Of each viewer and column, what came with the latest event time, and of equals last."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, tuple[int, Any]]] = {}
        self.moments: dict[str, dict[str, set[int]]] = {}
        self.full_at_s = 0

    def full(self, viewers: dict[str, dict[str, Any]], at_s: int) -> None:
        if at_s < self.full_at_s:
            return
        self.full_at_s = at_s
        for name, cells in list(self.cells.items()):
            self.cells[name] = {key: cell for key, cell in cells.items() if cell[0] > at_s}
        for name, moments in self.moments.items():
            self.moments[name] = {key: {at for at in held if at > at_s} for key, held in moments.items()}
        self.delta(viewers, at_s)

    def delta(self, viewers: dict[str, dict[str, Any]], at_s: int) -> None:
        for name, viewer in viewers.items():
            for key, value in viewer.items():
                if key.startswith("watched"):
                    held = self.moments.setdefault(name, {}).setdefault(key, set())
                    held |= set(value)
                elif at_s >= self.full_at_s and at_s >= self.cells.get(name, {}).get(key, (0, None))[0]:
                    self.cells.setdefault(name, {})[key] = (at_s, value)

    def viewer(self, name: str) -> dict[str, Any]:
        cells = {key: value for key, (_, value) in self.cells.get(name, {}).items() if value is not None}
        return cells | {key: tuple(held) for key, held in self.moments.get(name, {}).items()}

    def members(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {name: set() for name in RULES}
        for name in NAMES:
            if not self.cells.get(name):
                continue
            viewer, inside = self.viewer(name), set[str]()
            for each in DEFINITIONS:
                if matches(each.rule, viewer, NOW_S, frozenset(inside)) and "ads" in viewer.get(
                    "consent", ()
                ):
                    inside.add(each.name)
                    found[each.name].add(name)
        return found


viewer = st.fixed_dictionaries(
    {
        "country": st.sampled_from((None, *COUNTRIES)),
        "age": st.none() | st.integers(0, 60),
        "consent": st.sampled_from((CONSENT, CONSENT, CONSENT, None)),
        "watched:noir": st.tuples(st.integers(NOW_S - 6 * 86_400, NOW_S)) | st.just(()),
        "watched:kids": st.tuples(st.integers(NOW_S - 6 * 86_400, NOW_S)) | st.just(()),
    }
)
batch = st.dictionaries(st.sampled_from(NAMES), viewer, min_size=1, max_size=6)
moment = st.integers(NOW_S - 8, NOW_S)


class Batches(RuleBasedStateMachine):
    """Whatever comes in whatever order, audiences are those of the model."""

    root: Path

    @initialize()
    def begin(self) -> None:
        self.number = random.Random().getrandbits(60)
        self.place = Place(self.root / str(self.number))
        self.model = Model()
        self.sent: list[tuple[str, dict[str, Any], int, Mode, list[str]]] = []
        self.flat = False

    def _send(self, viewers: dict[str, Any], at_s: int, mode: Mode, columns: list[str]) -> None:
        name = f"b{len(self.sent)}"
        self.place.folder.mkdir(exist_ok=True)
        chosen = {who: {key: cells[key] for key in columns} for who, cells in viewers.items()}
        self.place.send(chosen, name, at_s=at_s, mode=mode, columns=columns)
        (self.model.full if mode is Mode.FULL else self.model.delta)(chosen, at_s)
        self.sent.append((name, chosen, at_s, mode, columns))

    @rule(viewers=batch, at_s=moment)
    def a_full_batch(self, viewers: dict[str, Any], at_s: int) -> None:
        self._send(viewers, at_s, Mode.FULL, list(next(iter(viewers.values()))))

    @rule(viewers=batch, at_s=moment, whole=st.booleans())
    def a_delta(self, viewers: dict[str, Any], at_s: int, *, whole: bool) -> None:
        columns = list(next(iter(viewers.values())))
        self._send(viewers, at_s, Mode.DELTA, columns if whole else [columns[0], columns[3]])

    @rule(data=st.data())
    def the_same_again(self, data: st.DataObject) -> None:
        if self.sent:
            name, viewers, at_s, mode, columns = data.draw(st.sampled_from(self.sent))
            report = self.place.send(viewers, name, at_s=at_s, mode=mode, columns=columns)
            assert report.repeated

    @rule(name=st.sampled_from(NAMES))
    def a_deletion(self, name: str) -> None:
        self.place.forget(name)
        self.model.cells.pop(name, None)
        self.model.moments.pop(name, None)
        assert self.place.ordinal(name) is None

    @rule(full=st.booleans())
    def a_build(self, *, full: bool) -> None:
        build(self.place.store, DEFINITIONS, floor=0, full=full)
        assert {name: self.place.members(name, NAMES) for name in RULES} == self.model.members()

    @invariant()
    def nothing_is_left_lying_about(self) -> None:
        if hasattr(self, "place"):
            manifest = self.place.store.manifest()
            assert {path.name for path in self.place.store.data.iterdir()} == manifest.files()
            assert not list((self.place.store.folder / "incoming").iterdir())

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.a_build(full=False)


def test_audiences_are_those_of_a_model_whatever_comes_when(tmp_path: Path) -> None:
    class Here(Batches):
        root = tmp_path

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_flattening_changes_no_answer(place: Place) -> None:
    chance = random.Random(4)
    for number in range(6):
        some = {
            name: {
                "country": chance.choice(COUNTRIES),
                "age": chance.choice((None, 9, 30)),
                "consent": CONSENT,
                "watched:noir": (NOW_S - chance.randint(0, 500_000),),
            }
            for name in chance.sample(NAMES, 5)
        }
        mode = Mode.FULL if number == 2 else Mode.DELTA
        place.send(some, f"b{number}", at_s=NOW_S - chance.randint(0, 5), mode=mode)
    build(place.store, DEFINITIONS, floor=0)
    before = {name: place.members(name, NAMES) for name in RULES}

    with place.store.writing():
        place.store.publish(flatten(place.store, place.store.manifest()))
    build(place.store, DEFINITIONS, floor=0, full=True)

    assert not place.store.manifest().layers
    assert {name: place.members(name, NAMES) for name in RULES} == before


def test_an_id_stands_for_one_content(place: Place) -> None:
    place.send({"ada": {"age": 3}}, "b1")

    with pytest.raises(Conflict, match=r"batch b1 was applied at .* with other content"):
        place.send({"ada": {"age": 4}}, "b1")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 101])
def test_a_batch_id_is_no_path(place: Place, name: str) -> None:
    with pytest.raises(InvalidRequest, match="batch id"):
        place.send({"ada": {"age": 3}}, name)


def test_late_rows_are_counted(place: Place) -> None:
    place.send({"ada": {"age": 3}, "bob": {"age": 3}}, "b1", mode=Mode.FULL)

    late = place.send({"ada": {"age": 4}, "new": {"age": 4}}, "b2", at_s=NOW_S - 5)
    older = place.send({"ada": {"age": 4}}, "b3", at_s=NOW_S - 9, mode=Mode.FULL)

    assert (late.late, late.users, late.fresh) == (2, 2, 1)
    assert (older.state, older.late) == ("late", 1)


def test_values_beyond_what_a_kind_holds_refuse_the_batch(place: Place) -> None:
    crowd = {f"v{n}": {"likes": frozenset({f"genre-{n}"})} for n in range(64)}

    with pytest.raises(InvalidRequest, match="over 63 different values"):
        place.send(crowd, "b1")
    place.send(dict(list(crowd.items())[:40]), "b2")
    with pytest.raises(InvalidRequest, match="likes would have 64 different values; a set holds at most 63"):
        place.send(dict(list(crowd.items())[40:]), "b3")
    assert place.store.manifest().issued == 40
    assert len(place.store.manifest().layers) == 1
    assert not list((place.store.folder / "incoming").iterdir())


def test_time_passes_and_answers_about_it_are_made_anew_after_an_hour(place: Place) -> None:
    recent = [
        Definition("recent", Recency("watched", LIKES[0], 60)),
        Definition("others", Not(Recency("watched", LIKES[0], 60))),
    ]
    place.send({"ada": {"consent": CONSENT, f"watched:{LIKES[0]}": (NOW_S - 5,)}}, "b1")
    build(place.store, recent, floor=0)
    assert place.members("recent", ["ada"]) == {"ada"}

    place.clock.advance(600)
    build(place.store, recent, floor=0)
    assert place.members("recent", ["ada"]) == {"ada"}
    place.clock.advance(3600)
    pointer = build(place.store, recent, floor=0)

    assert place.members("recent", ["ada"]) == set()
    assert place.members("others", ["ada"]) == {"ada"}
    assert all(built.evaluated_at == place.clock.now() for built in pointer.audiences)


def test_a_reader_holds_one_whole_snapshot_while_another_takes_its_place(place: Place) -> None:
    definitions = [Definition("a", read_rule("true", REGISTRY)), Definition("b", read_rule("true", REGISTRY))]
    place.send({"ada": {"consent": CONSENT}}, "b1")
    build(place.store, definitions, floor=0)
    old = place.snapshot()

    place.send({"bob": {"consent": CONSENT}}, "b2")
    build(place.store, definitions, floor=0)

    assert (len(old.bitmap("a")), len(old.bitmap("b"))) == (1, 1)
    new = Snapshots(place.store.folder).open()
    assert (len(new.bitmap("a")), len(new.bitmap("b"))) == (2, 2)
    old.close()
    new.close()


def test_a_moment_that_is_newer_than_a_full_batch_outlives_the_next_one_too(place: Place) -> None:
    moment = {"watched:noir": (NOW_S,), "consent": CONSENT}
    place.send({"ada": moment}, "b1", at_s=NOW_S - 9, mode=Mode.FULL)
    place.send({"ada": {"consent": CONSENT}}, "b2", at_s=NOW_S - 5, mode=Mode.FULL)
    place.send({"ada": {"consent": CONSENT}}, "b3", at_s=NOW_S - 1, mode=Mode.FULL)

    build(place.store, DEFINITIONS, floor=0)

    assert place.members("noir", ["ada"]) == {"ada"}


def test_who_no_longer_matches_leaves_at_the_next_build_and_others_stay(place: Place) -> None:
    german = {"country": "DE", "consent": CONSENT}
    place.send({"ada": german, "bob": german}, "b1", mode=Mode.FULL)
    build(place.store, DEFINITIONS, floor=0)

    place.send({"ada": {"country": "AT"}, "cem": german}, "b2", columns=["country", "consent"])
    build(place.store, DEFINITIONS, floor=0)

    assert place.members("germans", ["ada", "bob", "cem"]) == {"bob", "cem"}
