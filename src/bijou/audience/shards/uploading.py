"""A batch goes to all slots: first its parts, everywhere; only then it counts, slot by slot."""

from collections import Counter
from collections.abc import Callable

import msgspec

from bijou.audience.batches import Batch, FeatureSource, Mode, Policy, Reject
from bijou.audience.column_files import replace_file
from bijou.audience.manifest import BatchReport
from bijou.audience.shards.asking import AudienceShard, Commit, NewPart, OneBatch
from bijou.audience.shards.parts import check_batch, encoded, split
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.slots import SLOTS
from bijou.audience.staging import MAX_REJECTS_LISTED, Progress
from bijou.audience.store import FeatureStore
from bijou.ports import Conflict, InvalidRequest

Tell = Callable[[Progress], None]


class Upload:
    """One batch on its way into all slots.

    Nothing counts before all parts are at their shards. A sender or a shard
    that is killed later leaves it counting in some slots; sent again, it
    counts in the others too, and twice in none.

    Args:
        home: Keeps reports and rejects, and knows the dimensions.
        users: Told of each part; the shards.
    """

    def __init__(self, home: FeatureStore, users: ShardedUsers, batch: Batch) -> None:
        check_batch(batch.id)
        self._home = home
        self._users = users
        self._batch = batch
        self._parts: Counter[int] = Counter()
        self._rows = self._kept = self._rejected = 0
        self._rejects: list[Reject] = []

    async def send(self, source: FeatureSource, tell: Tell) -> BatchReport:
        """Bring the batch in; see `ingest` for what is refused.

        Raises:
            InvalidRequest: as `ingest`; `audience.slot_empty`, a full batch has
                nobody for a slot.
            EngineUnavailable: `audience.shard_away`; nothing counts, or send it again.
        """
        fingerprint = source.fingerprint()
        earlier = self._home.manifest().batches.get(self._batch.id)
        if earlier is not None and earlier.state != "refused":
            return _repeated(earlier, fingerprint)
        await self._users.follow()
        await self._stage(source, tell)
        await self._refuse_or_go_on(fingerprint)

        async def commit(shard: AudienceShard, slot: int) -> BatchReport | None:
            return await self._commit(shard, slot, fingerprint)

        reports = await self._users.each_slot(commit)
        there = [report for report in reports.values() if report is not None]
        late = all(report.state == "late" for report in there)
        report = self._report("late" if late else "kept", fingerprint)
        report = msgspec.structs.replace(
            report,
            late=sum(each.late for each in there),
            users=sum(each.users for each in there),
            fresh=sum(each.fresh for each in there),
        )
        self._note(report)
        return report

    async def _stage(self, source: FeatureSource, tell: Tell) -> None:
        hint = source.rows_hint()
        for chunk in source.chunks(self._home.registry(), 0):
            for slot, part in split(chunk, self._home.hasher).items():
                await self._put(NewPart(slot, self._batch.id, self._parts[slot], encoded(part)))
                self._parts[slot] += 1
            listed = chunk.rejects[: MAX_REJECTS_LISTED - len(self._rejects)]
            self._rejects += [msgspec.structs.replace(each, row=each.row + self._rows) for each in listed]
            self._rows += chunk.rows
            self._kept += len(chunk.ids)
            self._rejected += len(chunk.rejects)
            tell(Progress(self._rows, hint, self._rejected))

    async def _refuse_or_go_on(self, fingerprint: str) -> None:
        rejects = self._keep_rejects() if self._rejected else ""
        refusal = self._refusal(rejects)
        if refusal is not None:
            for slot in self._parts:
                await self._discard(slot)
            self._note(self._report("refused", fingerprint))
            raise refusal

    def _refusal(self, rejects: str) -> InvalidRequest | None:
        batch = self._batch.id
        if self._rejected and self._batch.policy is Policy.REFUSE_ALL:
            return InvalidRequest(
                "audience.refused",
                f"batch {batch}: {self._rejected:,} of {self._rows:,} rows are bad, and it was to be kept"
                f" whole or not at all; nothing was applied; {rejects} says what is wrong",
            )
        if not self._kept:
            return InvalidRequest(
                "audience.empty_batch",
                f"batch {batch}: none of its {self._rows:,} rows is good; nothing was applied",
            )
        if self._batch.mode is Mode.FULL and len(self._parts) < SLOTS:
            lacking = next(slot for slot in range(SLOTS) if slot not in self._parts)
            return InvalidRequest(
                "audience.slot_empty",
                f"batch {batch} has nobody for slot {lacking} of {SLOTS}; a full picture of users who are"
                " divided has some for each, else send a delta",
            )
        return None

    async def _put(self, part: NewPart) -> None:
        await self._users.at(part.slot, lambda shard: shard.put(part))

    async def _discard(self, slot: int) -> None:
        batch = OneBatch(slot, self._batch.id)
        await self._users.at(slot, lambda shard: shard.discard(batch))

    async def _commit(self, shard: AudienceShard, slot: int, fingerprint: str) -> BatchReport | None:
        if not self._parts[slot]:
            await shard.discard(OneBatch(slot, self._batch.id))  # of other content that never counted
            return None
        dimensions = list(self._home.manifest().dimensions)
        return await shard.commit(Commit(slot, self._batch, self._parts[slot], fingerprint, dimensions))

    def _keep_rejects(self) -> str:
        place = self._home.folder / "rejects" / f"{self._batch.id}.jsonl"
        replace_file(place, b"".join(msgspec.json.encode(reject) + b"\n" for reject in self._rejects))
        return f"rejects/{place.name}"

    def _report(self, state: str, fingerprint: str) -> BatchReport:
        return BatchReport(
            self._batch.id,
            state,
            self._batch.mode.value,
            self._rows,
            self._kept,
            self._rejected,
            0,
            0,
            0,
            self._batch.event_at,
            self._home.clock.now(),
            fingerprint,
            f"rejects/{self._batch.id}.jsonl" if self._rejected else "",
        )

    def _note(self, report: BatchReport) -> None:
        manifest = self._home.manifest()
        self._home.publish(manifest.next(batches={**manifest.batches, report.id: report}))


def _repeated(earlier: BatchReport, fingerprint: str) -> BatchReport:
    if earlier.fingerprint != fingerprint:
        raise Conflict(
            "audience.batch_taken",
            f"batch {earlier.id} was applied at {earlier.applied_at.rfc3339()} with other content; give new"
            " content a new id",
        )
    return msgspec.structs.replace(earlier, repeated=True)
