"""The store of versions beside a list of dictionaries."""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import create_engine

from bijou.ads import Advertiser, Brand, Category, Noun, store
from bijou.ads.model.reconciling import reconcile_history
from bijou.ads.model.tables import METADATA
from bijou.ports import Conflict, Instant

_NAMES = st.text("abc", min_size=1, max_size=3)


class Versions(RuleBasedStateMachine):
    """Whatever is added and replaced, every past is as it was and every head is its newest version."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine("sqlite://")
        METADATA.create_all(self.engine)
        self.past: list[dict[str, tuple[int, Noun]]] = [{}]
        with self.engine.begin() as db:
            change = store.begin_change(db, Instant(1), "usr_1", "words")
            store.add(db, "cat_cars", Category(name="cars", label="Cars"), change)
        self.past.append({"cat_cars": (1, Category(name="cars", label="Cars"))})

    def advance(self, **news: tuple[int, Noun]) -> None:
        self.past.append({**self.past[-1], **news})

    @rule(name=_NAMES, with_brand=st.booleans())
    def add(self, name: str, *, with_brand: bool) -> None:
        number = len(self.past)
        news: dict[str, tuple[int, Noun]] = {f"adv_{number}": (1, Advertiser(name=name))}
        if with_brand:
            news[f"brd_{number}"] = (
                1,
                Brand(name=name, advertiser=f"adv_{number}", categories=["cars"]),
            )
        with self.engine.begin() as db:
            change = store.begin_change(db, Instant(number % 3), "usr_1", "more")
            for record_id, (_, noun) in news.items():
                store.add(db, record_id, noun, change)
        self.advance(**news)

    @precondition(lambda self: len(self.past) > 2)
    @rule(data=st.data(), name=_NAMES, categories=st.sampled_from([[], ["cars"], ["cars", "cars"]]))
    def replace(self, data: st.DataObject, name: str, categories: list[str]) -> None:
        record_id = data.draw(st.sampled_from(sorted(set(self.past[-1]) - {"cat_cars"})))
        version, noun = self.past[-1][record_id]
        more: dict[str, Any] = {"categories": categories} if isinstance(noun, Brand) else {}
        after = msgspec.structs.replace(noun, name=name, **more)
        with self.engine.begin() as db:
            change = store.begin_change(db, Instant(9), "usr_2", "mended")
            store.replace(db, record_id, after, version, change)
        self.advance(**{record_id: (version + 1, after)})

    @precondition(lambda self: len(self.past) > 2)
    @rule(data=st.data(), wrong=st.sampled_from([-1, 1]))
    def replace_another_version(self, data: st.DataObject, wrong: int) -> None:
        record_id = data.draw(st.sampled_from(sorted(self.past[-1])))
        version, noun = self.past[-1][record_id]
        try:
            with self.engine.begin() as db:
                change = store.begin_change(db, Instant(9), "usr_2", "too late")
                store.replace(db, record_id, noun, version + wrong, change)
        except Conflict:
            return
        raise AssertionError("a change of another version was taken")

    @rule()
    def rebuild(self) -> None:
        with self.engine.begin() as db:
            assert store.rebuild(db) == len(self.past[-1])

    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        revision = data.draw(st.integers(0, len(self.past) - 1))
        with self.engine.connect() as db:
            then = {each.id: (each.version, each.noun) for each in store.in_effect(db, revision=revision)}
        assert then == self.past[revision]

    @invariant()
    def nothing_disagrees(self) -> None:
        with self.engine.connect() as db:
            assert store.untrue_heads(db) == []
            assert reconcile_history(db) == []
            assert store.revision(db) == len(self.past) - 1
            assert store.tampered(db) == []

    def teardown(self) -> None:
        self.engine.dispose()


Versions.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestVersions = Versions.TestCase
