"""A batch comes in: staged, checked, committed; once, wholly, or not at all."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from bijou.audience.batches import Batch, FeatureSource, Mode, Policy, Reject
from bijou.audience.column_files import replace_file
from bijou.audience.committing import Committed, commit_parts, flatten, is_due
from bijou.audience.manifest import BatchReport, Manifest
from bijou.audience.staging import Progress, Staging, discard_staged
from bijou.audience.store import FeatureStore
from bijou.ports import Conflict, InvalidRequest


class _Counted(NamedTuple):
    rows: int
    kept: int
    rejected: int


def ingest(
    store: FeatureStore,
    source: FeatureSource,
    batch: Batch,
    tell: Callable[[Progress], None] = lambda _: None,
) -> BatchReport:
    """Bring a batch in; its rows are visible together when this returns.

    The same batch again changes nothing and gives the first answer. Killed at
    any point, calling it again goes on after the last chunk that was staged,
    with the same result as if nothing had happened. A batch that is older
    than what is known changes only what it is newer than.

    Cost: for 10 million rows of 30 columns see docs/explanation/audiences.md;
    memory for one chunk, and 40 bytes a row while it is committed.

    Args:
        tell: Called after each chunk.

    Raises:
        InvalidRequest: `audience.refused`, a row is bad and the batch asked
            for all or nothing; `audience.empty_batch`, no row is good;
            `audience.too_many_values`, `audience.bad_file`, or `audience.bad_batch`.
        Conflict: `audience.batch_taken`, the id was used for other content;
            `runtime.data_dir_held`, another process writes here.
    """
    with store.writing():
        fingerprint = source.fingerprint()
        earlier = store.manifest().batches.get(batch.id)
        if earlier is not None and earlier.state != "refused":
            discard_staged(store.folder / "incoming", batch.id)  # left by a process killed at its end
            return _repeated(earlier, fingerprint)
        staging = Staging(store.folder / "incoming", batch, fingerprint, store.manifest().words)
        event_at_s = max(batch.event_at // 1_000_000, 1)
        try:
            staging.fill(source, store.registry(), store.hasher, event_at_s, tell)
            return _finish(store, staging, batch, fingerprint, event_at_s)
        except InvalidRequest:  # the same content would be refused again
            staging.discard()
            raise


def _repeated(earlier: BatchReport, fingerprint: str) -> BatchReport:
    if earlier.fingerprint != fingerprint:
        raise Conflict(
            "audience.batch_taken",
            f"batch {earlier.id} was applied at {earlier.applied_at.rfc3339()} with other content;"
            " give new content a new id",
        )
    return msgspec.structs.replace(earlier, repeated=True)


def _finish(
    store: FeatureStore, staging: Staging, batch: Batch, fingerprint: str, event_at_s: int
) -> BatchReport:
    counted = _Counted(staging.total("rows"), staging.total("kept"), staging.total("rejected"))
    rejects = _keep_rejects(store, staging, batch) if counted.rejected else ""
    manifest = store.manifest()
    report = BatchReport(
        batch.id,
        "kept",
        batch.mode.value,
        *counted,
        0,
        0,
        0,
        batch.event_at,
        store.clock.now(),
        fingerprint,
        rejects,
    )
    refusal = _refusal(batch, counted, staging.first_reject(), rejects)
    if refusal is not None:
        refused = msgspec.structs.replace(report, state="refused")
        store.publish(manifest.next(batches={**manifest.batches, batch.id: refused}))
        raise refusal
    committed = _committed(store, staging, batch, manifest, event_at_s)
    report = msgspec.structs.replace(
        report,
        state="kept" if committed.users or batch.mode is Mode.DELTA else "late",
        late=committed.late,
        users=committed.users,
        fresh=committed.fresh,
    )
    latest = msgspec.structs.replace(
        committed.manifest, batches={**committed.manifest.batches, batch.id: report}
    )
    store.publish(latest)
    staging.discard()
    if is_due(latest):
        store.publish(flatten(store, latest))
    return report


def _committed(
    store: FeatureStore, staging: Staging, batch: Batch, manifest: Manifest, event_at_s: int
) -> Committed:
    if batch.mode is Mode.DELTA:
        return commit_parts(store, staging, full_at_s=None)
    if event_at_s < manifest.full_at_s:
        return Committed(manifest.next(), 0, 0, staging.total("kept"))
    return commit_parts(store, staging, full_at_s=event_at_s)


def _refusal(batch: Batch, counted: _Counted, first: Reject | None, rejects: str) -> InvalidRequest | None:
    if counted.rejected and batch.policy is Policy.REFUSE_ALL:
        return InvalidRequest(
            "audience.refused",
            f"batch {batch.id}: {counted.rejected:,} of {counted.rows:,} rows are bad{_shown(first)}; it was"
            f" to be kept whole or not at all, so nothing was applied; {rejects} lists them",
        )
    if not counted.kept:
        hint = f"; {rejects} lists them" if rejects else ""
        return InvalidRequest(
            "audience.empty_batch",
            f"batch {batch.id}: none of its {counted.rows:,} rows is good{_shown(first)}; nothing was"
            f" applied{hint}",
        )
    return None


def _shown(first: Reject | None) -> str:
    """Say where the first bad row is, and which rule it breaks."""
    if first is None:
        return ""
    column = f", column {first.column}" if first.column else ""
    value = f" {first.value!r}," if first.value else ""
    return f", the first of them row {first.row:,}{column}:{value} where the rule is {first.rule!r}"


def _keep_rejects(store: FeatureStore, staging: Staging, batch: Batch) -> str:
    place = store.folder / "rejects" / f"{batch.id}.jsonl"
    replace_file(place, b"".join(staging.rejects()))
    return f"rejects/{place.name}"
