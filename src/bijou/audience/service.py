"""Use cases of audiences on one folder: bring in, define, build, ask, delete."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bijou.audience.batches import Batch, FeatureSource
from bijou.audience.building import FLOOR, Evaluating, build, in_order
from bijou.audience.column_files import replace_file
from bijou.audience.dimensions import Dimension
from bijou.audience.forgetting import forget
from bijou.audience.hashing import Hasher
from bijou.audience.households import group_households
from bijou.audience.ingest import ingest
from bijou.audience.lookalikes import lookalike
from bijou.audience.manifest import BatchReport, Manifest
from bijou.audience.orders import UPDATES
from bijou.audience.ordinals import Ordinals
from bijou.audience.profiles import Layout, ProfileReader, Profiles, build_profiles, refresh_profiles
from bijou.audience.reach import combined, estimate, matrix, overlap
from bijou.audience.rules.contradictions import warnings_of
from bijou.audience.rules.nodes import Rule, audiences_of
from bijou.audience.rules.printing import print_rule
from bijou.audience.rules.reading import read_rule
from bijou.audience.rules.typing import check
from bijou.audience.rules.words import BadRule
from bijou.audience.shown import (
    Alike,
    Audience,
    AudienceState,
    Checked,
    DimensionShown,
    Forgotten,
    Known,
    NewAudience,
    Overlap,
    OverlapMatrix,
    Reach,
    Reason,
)
from bijou.audience.snapshots import Definition, Snapshot, Snapshots, check_name
from bijou.audience.staging import Progress, discard_staged
from bijou.audience.store import FeatureStore
from bijou.audience.streaming_kept import UpdateStore
from bijou.audience.view import View
from bijou.audience.words_shown import shown_dimensions
from bijou.ports import Clock, Conflict, InvalidRequest, NotFound
from bijou.runtime import codec

_DEFINITIONS: Final = "definitions.json"
_PROFILES_ANEW_S: Final = 6 * 3600.0
MAX_AUDIENCES: Final = 10_000


class AudienceService:
    """Audiences on one folder; blocking, so call it from threads.

    Threads: one at a time; one process a folder may write.

    Args:
        folder: Made where it is missing.
        profiles: Where a viewer's record is read from; None: nowhere.
        floor: No audience of fewer is told, or served.
    """

    is_sharded = False

    def __init__(
        self,
        folder: Path,
        hasher: Hasher,
        clock: Clock,
        profiles: Profiles | None = None,
        *,
        floor: int = FLOOR,
    ) -> None:
        self.store = FeatureStore(folder, hasher, clock)
        self._clock = clock
        self._profiles = profiles
        self._floor = floor
        self._snapshots = Snapshots(folder)
        self.updates = UpdateStore(self.store)

    def upload(
        self, source: FeatureSource, batch: Batch, tell: Callable[[Progress], None] = lambda _: None
    ) -> BatchReport:
        """Bring a batch of features in; see `ingest`."""
        return ingest(self.store, source, batch, tell)

    def state(self) -> AudienceState:
        """Return what stands here."""
        manifest, pointer = self.store.manifest(), self._snapshots.pointer()
        reports = sorted(manifest.batches.values(), key=lambda report: report.applied_at, reverse=True)
        return AudienceState(
            manifest.issued - len(manifest.forgotten),
            manifest.version,
            len(manifest.layers),
            len(self.definitions()),
            self._is_pending(manifest),
            pointer.built_at if pointer else None,
            self.store.size_bytes(),
            reports[:100],
            list(self.store.registry(manifest)),
        )

    def has_unbuilt_updates(self) -> bool:
        """Tell whether updates between batches were applied, and audiences not built since."""
        manifest, pointer = self.store.manifest(), self._snapshots.pointer()
        built_at = pointer.built_at if pointer else 0
        ours = (report for batch_id, report in manifest.batches.items() if batch_id.startswith(UPDATES))
        return self._is_pending(manifest) and any(report.applied_at >= built_at for report in ours)

    def _is_pending(self, manifest: Manifest) -> bool:
        pointer = self._snapshots.pointer()
        stack = [*([manifest.base] if manifest.base else []), *manifest.layers]
        newest = max((layer.sequence for layer in stack), default=0)
        return newest > (pointer.sequence if pointer else 0)

    def register(self, dimension: Dimension) -> None:
        """Add a dimension."""
        self.store.register(dimension)

    def definitions(self) -> list[Definition]:
        """Return what audiences there are to be."""
        place = self.store.folder / _DEFINITIONS
        return codec.decode(place.read_bytes(), list[Definition]) if place.is_file() else []

    def define(self, new: NewAudience) -> Audience:
        """Add an audience, or change the one of that name; it is built by the next build.

        Raises:
            BadRule: the rule is none.
            InvalidRequest: `audience.bad_name`, `audience.circle`.
            Conflict: `audience.too_many`.
        """
        check_name(new.name)
        kept = {each.name: each for each in self.definitions()}
        rule = read_rule(new.rule, self.store.registry(), [*kept, new.name])
        kept[new.name] = Definition(new.name, rule, new.purpose, new.households, new.says)
        if len(kept) > MAX_AUDIENCES:
            raise Conflict("audience.too_many", f"{len(kept):,} audiences; at most {MAX_AUDIENCES:,} fit")
        in_order(kept.values())
        self._keep(list(kept.values()))
        return self.audience(new.name)

    def drop(self, name: str) -> None:
        """Remove an audience; Conflict `audience.in_use` while others build on it."""
        kept = {each.name: each for each in self.definitions()}
        if name not in kept:
            raise NotFound("audience.no_audience", f"there is no audience {name!r}")
        users = [each.name for each in kept.values() if name in audiences_of(each.rule) and each.name != name]
        if users:
            raise Conflict("audience.in_use", f"{name!r} is used by {', '.join(users)}; change those first")
        del kept[name]
        self._keep(list(kept.values()))

    def audience(self, name: str) -> Audience:
        """Return one audience; NotFound `audience.no_audience`."""
        for each in self.audiences():
            if each.name == name:
                return each
        raise NotFound("audience.no_audience", f"there is no audience {name!r}")

    def audiences(self) -> list[Audience]:
        """Return all audiences, by name."""
        pointer, registry = self._snapshots.pointer(), self.store.registry()
        built = {each.definition.name: each for each in pointer.audiences} if pointer else {}
        defined = sorted(self.definitions(), key=lambda definition: definition.name)
        users = _users(defined)
        shown = []
        for each in defined:
            there = built.get(each.name)
            shown.append(
                Audience(
                    each.name,
                    print_rule(each.rule),
                    each.purpose,
                    each.households,
                    each.says,
                    there.members if there and not there.withheld else None,
                    bool(there and there.withheld),
                    there.evaluated_at if there else None,
                    warnings_of(each.rule, registry),
                    each.rule,
                    sorted(audiences_of(each.rule)),
                    users[each.name],
                )
            )
        return shown

    def sizes(self) -> dict[str, int]:
        """Return how many members each built audience has; of those that are withheld none."""
        pointer = self._snapshots.pointer()
        return {each.definition.name: each.members for each in pointer.audiences} if pointer else {}

    def build(
        self, *, full: bool = False, engine: Callable[[View], Evaluating] | None = None
    ) -> list[Audience]:
        """Build what is defined, and profiles where they are kept.

        Args:
            engine: What looks at everybody; None: this process.
        """
        before = self._snapshots.pointer()
        pointer = build(self.store, self.definitions(), floor=self._floor, full=full, engine=engine)
        if self._profiles is not None:
            with self.store.viewing() as view:
                base = view.manifest.base
                since = before.sequence if before else -1
                is_patch = not full and before is not None and (base is None or base.sequence <= since)
                changed = view.changed_since(since) if is_patch else None
            self._refresh(self._profiles, pointer.version, changed)
        return self.audiences()

    def check(self, text: str, *, purpose: str = "ads", tree: Rule | None = None) -> Checked:
        """Say what is wrong or odd with a rule, and about whom it reaches.

        Args:
            tree: In place of the text, as a form has made it.
        """
        registry, names = self.store.registry(), [each.name for each in self.definitions()]
        try:
            if tree is not None:
                check(tree, registry, names)
                text = print_rule(tree)
            rule = read_rule(text, registry, names)
        except BadRule as bad:
            return Checked(bad.detail, bad.at, bad.until, "", [], None)
        except InvalidRequest as bad:
            return Checked(bad.detail, 0, 0, "", [], None)
        reach = self.reach(rule, purpose=purpose) if self._can_answer(rule) else None
        return Checked("", 0, 0, print_rule(rule), warnings_of(rule, registry), reach, rule)

    def _can_answer(self, rule: Rule) -> bool:
        pointer = self._snapshots.pointer()
        built = {each.definition.name for each in pointer.audiences} if pointer else set()
        return self.store.manifest().issued > 0 and audiences_of(rule) <= built

    def reach(self, rule: Rule | str, *, purpose: str = "ads") -> Reach:
        """Estimate whom a rule reaches."""
        if isinstance(rule, str):
            rule = read_rule(rule, self.store.registry(), [each.name for each in self.definitions()])
        check(rule, self.store.registry())
        with contextlib.ExitStack() as opened:
            view = opened.enter_context(self.store.viewing())
            snapshot = opened.enter_context(self._snapshot()) if audiences_of(rule) else None
            now_s = self._clock.now() // 1_000_000
            return estimate(view, rule, now_s, purpose=purpose, snapshot=snapshot, floor=self._floor)

    def combine(self, include: list[str], exclude: list[str], *, all_of: bool = False) -> Reach:
        """Return how many are in some built audiences and in none of others."""
        if not include:
            raise InvalidRequest("audience.nothing_included", "name at least one audience to include")
        with self._snapshot() as snapshot:
            return combined(snapshot, include, exclude, all_of=all_of)

    def overlap(self, one: str, other: str) -> Overlap:
        """Return how many members two built audiences share."""
        with self._snapshot() as snapshot:
            return overlap(snapshot, one, other)

    def overlaps(self, names: list[str]) -> OverlapMatrix:
        """Return how many members each two of some built audiences share."""
        with self._snapshot() as snapshot:
            return matrix(snapshot, names)

    def dimensions(self) -> list[DimensionShown]:
        """Return all dimensions by name, with the values that came so far."""
        with self.store.viewing() as view:
            return shown_dimensions(view)

    def reports(self) -> dict[str, BatchReport]:
        """Return what became of each batch, by id."""
        return self.store.manifest().batches

    def discard(self, batch_id: str) -> None:
        """Forget what was staged of a batch that will not be brought in."""
        with self.store.writing():
            discard_staged(self.store.folder / "incoming", batch_id)

    def has_rejects(self, batch_id: str) -> bool:
        """Tell whether there is a file of a batch's bad rows."""
        return (self.store.folder / "rejects" / f"{batch_id}.jsonl").is_file()

    def rejects(self, batch_id: str) -> Path:
        """Return the file of a batch's bad rows, a JSON object a line; NotFound `audience.no_rejects`."""
        if batch_id not in self.reports() or not self.has_rejects(batch_id):
            raise NotFound("audience.no_rejects", f"batch {batch_id[:100]!r} has no file of bad rows")
        return self.store.folder / "rejects" / f"{batch_id}.jsonl"

    def alike(self, seed: str, size: int) -> Alike:
        """Find people like those of an audience, and in what they are alike."""
        with self._snapshot() as snapshot, self.store.viewing() as view:
            found = lookalike(view, snapshot.bitmap(seed), size)
        users = len(found.members)
        told = users if users >= self._floor else None
        reach = Reach(told, users, users, size, exact=True, floor=self._floor)
        return Alike(reach, [Reason(*reason) for reason in found.reasons])

    def group(self, pairs: list[tuple[str, str]]) -> int:
        """Group users who were seen together; return how many households there are."""
        return len(group_households(self.store, pairs))

    def forget(self, identifier: str) -> Forgotten:
        """Delete a user from features, ordinals, unfinished batches, audiences and profiles."""
        started = self._clock.monotonic_ns()
        certificate = forget(self.store, identifier)
        if self._profiles is not None:
            self._profiles.forget(self.store.hasher.one(identifier).to_bytes(8, "big"))
        took_s = (self._clock.monotonic_ns() - started) / 1e9
        return msgspec.structs.replace(certificate, took_s=took_s)

    def known(self, identifier: str, purpose: str = "ads") -> Known:
        """Return what may be used of a viewer for a purpose."""
        if self._profiles is None:
            return Known([], {}, "no_profile", 0.0, 0)
        reader = ProfileReader(self._profiles, self.store.hasher, self._clock)
        reader.refresh()  # another process may have built
        return reader.known(reader.key_of(identifier), purpose)

    def _snapshot(self) -> contextlib.closing[Snapshot]:
        return contextlib.closing(self._snapshots.open(self.store.manifest().forgotten))

    def _refresh(self, profiles: Profiles, version: int, changed: Ordinals | None) -> None:
        layout = profiles.layout()
        with self._snapshot() as snapshot:
            if changed is None or layout is None or self._is_behind(layout, version):
                build_profiles(self.store, snapshot, profiles)
            else:
                refresh_profiles(self.store, snapshot, profiles, np.asarray(changed))

    def adopt(self, definitions: list[Definition]) -> None:
        """Have these audiences and no others: those of an installation that this is a part of."""
        self._keep(definitions)

    def _is_behind(self, layout: Layout, version: int) -> bool:
        """Tell whether profiles missed a snapshot, or are so old that readers would soon call them stale."""
        age_s = (self._clock.now() - layout.built_at) / 1_000_000
        return layout.snapshot < version - 1 or age_s > _PROFILES_ANEW_S

    def _keep(self, definitions: list[Definition]) -> None:
        replace_file(self.store.folder / _DEFINITIONS, codec.encode(definitions))


def _users(defined: Iterable[Definition]) -> dict[str, list[str]]:
    """Return which audiences name each one in their rules."""
    users: dict[str, list[str]] = defaultdict(list)
    for each in defined:
        for name in audiences_of(each.rule) - {each.name}:
            users[name].append(each.name)
    return users
