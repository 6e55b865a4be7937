"""The process that brings one batch in: `python -m bijou.app.audience_child FOLDER KEY ORDER`.

Each line that it says is a `Heard` as JSON, the last one a report or a problem.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bijou.app.volume import room_for
from bijou.audience import Batch, Hasher
from bijou.audience.batches import Chunk, FeatureSource
from bijou.audience.dimensions import Registry
from bijou.audience.keeping_out import WithoutPeople
from bijou.audience.manifest import BatchReport
from bijou.audience.service import AudienceService
from bijou.audience.staging import Progress
from bijou.audience.uploads_kept import Order
from bijou.audience.uploads_progress import Heard
from bijou.engines.audience_files import FileSource
from bijou.ports import BijouError, InvalidRequest, SystemClock
from bijou.runtime import codec

_NAME: Final = 200
_DETAIL: Final = 1_000


def bring_in(audiences: AudienceService, order: Order, tell: Callable[[Heard], None]) -> BatchReport:
    """Bring the batch of an order in, and tell how far it is.

    Raises:
        BijouError: as of `ingest`, with the file called as its sender does;
            InvalidRequest `audience.other_content`, it is not what was announced;
            EngineUnavailable `audience.disk_full`.
    """
    file = audiences.store.folder / order.file
    heard = Heard()

    def told(progress: Progress) -> None:
        nonlocal heard
        heard = Heard(progress.rows, progress.of, progress.rejected)
        tell(heard)

    def through() -> None:
        tell(Heard(heard.rows, heard.rows_of, heard.rejected, committing=True))

    batch = Batch(order.id, order.event_at, order.new.mode, order.new.policy)
    try:
        file_source = FileSource(file, id_column=order.new.id_column)
        source = WithoutPeople(
            _Watched(file_source, order.new.sha256, through), audiences.store.hasher, order.forgotten
        )
        with room_for(order.id):
            return audiences.upload(source, batch, told)
    except BijouError as error:
        raise type(error)(error.code, _said_of(order, file, error.detail)) from error


def _said_of(order: Order, file: Path, detail: str) -> str:
    """Call the file as its sender does, and be short: what is said is one line of a pipe."""
    ours = f"{file.name}: "
    if detail.startswith(ours):
        detail = f"{(order.new.filename or order.new.source)[:_NAME]}: {detail.removeprefix(ours)}"
    return detail if len(detail) <= _DETAIL else f"{detail[:_DETAIL]}…"


class _Watched:
    """A source that is what its sender announced, and says when it is read to its end."""

    def __init__(self, source: FeatureSource, announced: str, through: Callable[[], None]) -> None:
        self._source, self._announced, self._through = source, announced, through

    def fingerprint(self) -> str:
        came = self._source.fingerprint()
        if self._announced not in {"", came}:
            raise InvalidRequest(
                "audience.other_content",
                f"what came has the SHA-256 {came}, and {self._announced} was announced; nothing was applied;"
                " send it again from its beginning",
            )
        return came

    def rows_hint(self) -> int:
        return self._source.rows_hint()

    def chunks(self, registry: Registry, skip: int) -> Iterator[Chunk]:
        yield from self._source.chunks(registry, skip)
        self._through()


def main(folder: str, key: str, order: str) -> None:
    """Bring a batch in and say what came of it."""

    def say(heard: Heard) -> None:
        sys.stdout.buffer.write(codec.encode(heard) + b"\n")
        sys.stdout.buffer.flush()

    hasher = Hasher(bytes.fromhex(Path(key).read_text(encoding="ascii").strip()))
    wanted = codec.decode(Path(order).read_bytes(), Order)
    audiences = AudienceService(Path(folder), hasher, SystemClock())
    try:
        say(Heard(report=bring_in(audiences, wanted, say)))
    except BijouError as error:
        say(Heard(problem=error.problem()))


if __name__ == "__main__":
    main(*sys.argv[1:])
