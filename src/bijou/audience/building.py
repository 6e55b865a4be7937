"""Audiences are built: all users block by block, or only those who changed."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from bijou.audience.bitmaps import BitmapWriter, members_of
from bijou.audience.cells import Array
from bijou.audience.evaluation import Evaluator, GatheredFrame, StridedFrame
from bijou.audience.households import Households
from bijou.audience.ordinals import Ordinals
from bijou.audience.rules.nodes import In, Rule, audiences_of, depends_on_time, every
from bijou.audience.rules.typing import check
from bijou.audience.snapshots import CONSENT, Built, Definition, Pointer, Snapshots, check_name
from bijou.audience.store import FeatureStore
from bijou.audience.view import View
from bijou.ports import Instant, InvalidRequest

BLOCK_ROWS: Final = 1 << 17
FLOOR: Final = 50
REFRESH_S: Final = 3600.0


class Evaluating(Protocol):
    """Looks at everybody for some audiences; here, or on other machines."""

    def __call__(
        self, definitions: Sequence[Definition], built: Mapping[str, BitMap], now: Instant
    ) -> dict[str, bytes]:
        """Return who matches each rule and agreed to its purpose, as `BitmapWriter` writes it.

        Args:
            built: Audiences that the rules build on.
        """
        ...


def build(
    store: FeatureStore,
    definitions: Sequence[Definition],
    *,
    floor: int = FLOOR,
    full: bool = False,
    refresh_s: float = REFRESH_S,
    engine: Callable[[View], Evaluating] | None = None,
) -> Pointer:
    """Build all audiences into one snapshot and put it in force.

    Where a snapshot with the same definitions stands, only users that changed
    since are looked at; audiences whose rules count back from now are built
    anew for all once they are older than `refresh_s`. What nobody may tell
    (fewer than `floor` members) is built as empty and called withheld.

    Cost: see docs/explanation/audiences.md; about 20 ms a rule and million
    users, memory for a block and for the bitmaps.

    Args:
        full: Look at everybody.
        refresh_s: How old the answer of a rule about time may get.
        engine: What looks at everybody; None: this process.

    Raises:
        InvalidRequest: `audience.bad_rule`, `audience.no_dimension`;
            `audience.circle`, audiences that build on each other.
    """
    snapshots = Snapshots(store.folder)
    with store.writing(), store.viewing() as view:
        now = store.clock.now()
        ordered = in_order(definitions)
        for definition in ordered:
            check_name(definition.name)
            check(definition.rule, view.registry, [each.name for each in ordered])
        before = snapshots.pointer()
        evaluating = engine(view) if engine else LocalEvaluating(view)
        work = _Work(store, view, snapshots, now, floor, evaluating)
        if before is None or full or not _is_patchable(before, view):
            work.anew(ordered)
        else:
            work.patch(ordered, before, refresh_s)
        return work.publish(ordered)


def in_order(definitions: Iterable[Definition]) -> list[Definition]:
    """Return the definitions so that each comes after those it builds on.

    Raises:
        InvalidRequest: `audience.circle`.
    """
    return [each for round_ in _rounds(definitions) for each in round_]


def with_consent(definition: Definition) -> Rule:
    """Return the rule of those who match and have consented to the purpose."""
    return every((definition.rule, In(CONSENT, (definition.purpose,))))


def _is_patchable(before: Pointer, view: View) -> bool:
    """Tell whether the layers since then are still there, each by itself."""
    base = view.manifest.base
    return base is None or base.sequence <= before.sequence


def evaluate_block(
    view: View, start: int, definitions: Sequence[Definition], built: Mapping[str, BitMap], now: Instant
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each audience's answers of the `BLOCK_ROWS` users from `start` on, a multiple of that.

    A test that rules share is made once.
    """
    frame = StridedFrame(view, start, start + BLOCK_ROWS, built=built)
    evaluator = Evaluator(frame, view.registry, now // 1_000_000)
    for each in definitions:
        yield each.name, evaluator.evaluate(with_consent(each))


class LocalEvaluating:
    """`Evaluating` in this process, block by block."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __call__(
        self, definitions: Sequence[Definition], built: Mapping[str, BitMap], now: Instant
    ) -> dict[str, bytes]:
        """Look at everybody; memory for a block, and for the bitmaps."""
        writers = {each.name: BitmapWriter() for each in definitions}
        for start in range(0, self._view.rows, BLOCK_ROWS):
            for name, answers in evaluate_block(self._view, start, definitions, built, now):
                writers[name].add(start, answers)
        return {each.name: writers.pop(each.name).finish() for each in definitions}


class _Work:
    """One build on its way."""

    def __init__(
        self,
        store: FeatureStore,
        view: View,
        snapshots: Snapshots,
        now: Instant,
        floor: int,
        evaluating: Evaluating,
    ) -> None:
        self._view = view
        self._evaluating = evaluating
        self._snapshots = snapshots
        self._now = now
        self._floor = floor
        self._households = Households.of(store, view.manifest)
        self._raw: dict[str, bytes] = {}
        self._bitmaps: dict[str, BitMap] = {}
        self._evaluated: dict[str, Instant] = {}

    def anew(self, definitions: Sequence[Definition]) -> None:
        """Look at everybody, block by block; those that build on others come in later rounds."""
        for round_ in _rounds(definitions):
            asked = {name for each in round_ for name in audiences_of(each.rule)}
            built = {name: self._bitmap(name) for name in sorted(asked)}
            raw = self._evaluating(round_, built, self._now)
            for each in round_:
                self._keep(each, raw[each.name])

    def patch(self, definitions: Sequence[Definition], before: Pointer, refresh_s: float) -> None:
        """Look at those who changed, and at everybody for what is new or too old."""
        changed = self._view.changed_since(before.sequence)
        gone = BitMap(changed)
        anew, patched = [], []
        with contextlib.closing(self._snapshots.open(self._view.manifest.forgotten)) as old:
            for each in definitions:
                built = old.audiences.get(each.name)
                if built is None or self._is_stale(each, built, refresh_s):
                    anew.append(each)
                else:
                    patched.append(each)
                    self._evaluated[each.name] = built.evaluated_at
                    self._bitmaps[each.name] = old.bitmap(each.name) - gone
        if len(changed):
            self._add_changed(patched, changed)
        self.anew(anew)

    def publish(self, definitions: Sequence[Definition]) -> Pointer:
        """Write what was built."""
        built = []
        for each in definitions:
            members = self._members(each.name)
            withheld = 0 < members < self._floor
            if withheld or each.name not in self._raw:
                self._raw[each.name] = (BitMap() if withheld else self._bitmaps[each.name]).serialize()
            evaluated_at = self._evaluated.get(each.name, self._now)
            built.append(Built(each, 0 if withheld else members, withheld, evaluated_at))
        manifest = self._view.manifest
        stack = [*([manifest.base] if manifest.base else []), *manifest.layers]
        sequence = max((layer.sequence for layer in stack), default=0)
        return self._snapshots.publish(
            {each.name: self._raw[each.name] for each in definitions},
            built,
            sequence=sequence,
            floor=self._floor,
            at=self._now,
        )

    def _is_stale(self, definition: Definition, built: Built, refresh_s: float) -> bool:
        if definition != built.definition or built.withheld or definition.households:
            return True
        if audiences_of(definition.rule):
            return True
        aged_s = (self._now - built.evaluated_at) / 1_000_000
        return depends_on_time(definition.rule) and aged_s >= refresh_s

    def _add_changed(self, patched: Sequence[Definition], changed: Ordinals) -> None:
        frame = GatheredFrame(self._view, changed, self._bitmaps)
        evaluator = Evaluator(frame, self._view.registry, self._now // 1_000_000)
        for each in patched:
            answers = evaluator.evaluate(with_consent(each))
            self._bitmaps[each.name] |= BitMap(changed[answers])

    def _keep(self, definition: Definition, raw: bytes) -> None:
        name = definition.name
        self._evaluated[name] = self._now
        self._raw[name] = raw
        if definition.households:
            self._bitmaps[name] = self._consenting(
                definition, self._households.of_members(self._bitmap(name))
            )
            self._raw[name] = self._bitmaps[name].serialize()

    def _consenting(self, definition: Definition, members: BitMap) -> BitMap:
        """Keep of a household those who agreed themselves."""
        ordinals: Array = np.array(members.to_array(), np.uint32)
        frame = GatheredFrame(self._view, ordinals)
        evaluator = Evaluator(frame, self._view.registry, self._now // 1_000_000)
        return BitMap(ordinals[evaluator.evaluate(In(CONSENT, (definition.purpose,)))])

    def _bitmap(self, name: str) -> BitMap:
        if name not in self._bitmaps:
            self._bitmaps[name] = BitMap.deserialize(self._raw[name])
        return self._bitmaps[name]

    def _members(self, name: str) -> int:
        return len(self._bitmaps[name]) if name in self._bitmaps else members_of(self._raw[name])


def _rounds(definitions: Iterable[Definition]) -> list[list[Definition]]:
    """Return definitions in rounds, each of which builds only on the rounds before."""
    rounds: list[list[Definition]] = []
    waiting = {definition.name: definition for definition in definitions}
    while waiting:
        ready = [each for each in waiting.values() if not audiences_of(each.rule) & waiting.keys()]
        if not ready:
            raise InvalidRequest(
                "audience.circle",
                f"audiences {', '.join(sorted(waiting))} build on each other; break the circle",
            )
        for each in ready:
            del waiting[each.name]
        rounds.append(ready)
    return rounds
