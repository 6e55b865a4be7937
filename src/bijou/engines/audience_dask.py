"""Rules evaluated for everybody on Dask: a task a block, columns and bitmaps in `Blobs`.

The driver lays the version's files and a plan out as blobs; a task reads of
the columns what its block needs and leaves its bitmaps beside them; the driver
joins those in order. A task that is done again, since its worker died, writes
the same bytes under the same key.
"""

import asyncio
import contextlib
import importlib
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import msgspec

from bijou.audience.api import BLOCK_ROWS, Definition, View, joined, opened_columns
from bijou.engines.audience_dask_task import Files, Places, Plan, evaluate, whole
from bijou.ports import Blobs, EngineUnavailable, Instant
from bijou.runtime import codec

if TYPE_CHECKING:
    from pyroaring import BitMap

T = TypeVar("T")
PREFIX: Final = "audience-builds"


@contextlib.contextmanager
def dask_client(scheduler: str = "", workers: int = 2, *, reach_s: float = 10.0) -> Iterator[Any]:
    """Connect to a cluster, or be one of processes on this machine for a while.

    Surprise: whoever reaches a Dask scheduler runs code on its workers. One
    of our own listens on loopback only; another belongs behind a wall.

    Args:
        scheduler: `tcp://host:port`; empty: a cluster of our own.
        workers: Processes of our own cluster.
        reach_s: Seconds after which nobody answers.

    Raises:
        EngineUnavailable: `audience.no_dask`, the package lacks;
            `audience.no_scheduler`, nobody answers there.
    """
    try:
        distributed: Any = importlib.import_module("dask.distributed")
    except ImportError as error:
        raise EngineUnavailable(
            "audience.no_dask", f"builds on Dask need the package {error.name}; install bijou[dask]"
        ) from error
    with contextlib.ExitStack() as opened:
        if not scheduler:
            local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": 50}
            scratch = opened.enter_context(tempfile.TemporaryDirectory(prefix="bijou-dask-"))
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, local_directory=scratch, **local
            )
            yield opened.enter_context(distributed.Client(opened.enter_context(cluster)))
            return
        try:
            client = opened.enter_context(distributed.Client(scheduler, timeout=reach_s))
        except (OSError, ValueError) as error:
            raise EngineUnavailable(
                "audience.no_scheduler",
                f"no Dask scheduler answers at {scheduler} ({error}); start one, or leave --scheduler out",
            ) from error
        yield client


class DaskEvaluating:
    """`Evaluating` of one version's features on a Dask cluster.

    What it lays out in the blobs is removed when it is closed; what a killed
    driver left, by the next one.

    Cost: the version's files are uploaded once; each worker downloads the
    moments of events that are asked, and of everything else its blocks' rows.

    Args:
        opening: Opens the blobs that all workers see; pickled.

    Raises:
        EngineUnavailable: `audience.workers_died`, a block killed one worker
            after another.
    """

    def __init__(self, view: View, client: Any, opening: Callable[[], Blobs]) -> None:
        self._view = view
        self._client = client
        self._opening = opening
        self._blobs = opening()
        self._runner = asyncio.Runner()
        self._under = f"{PREFIX}/{view.manifest.version:08}"
        self._round = 0
        self._files: dict[str, list[Places]] = {}

    def __enter__(self) -> Self:
        self._clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()
        self._runner.close()

    def __call__(
        self, definitions: Sequence[Definition], built: "Mapping[str, BitMap]", now: Instant
    ) -> dict[str, bytes]:
        """Look at everybody, each block in a task."""
        self._lay_files()
        self._round += 1
        under = f"{self._under}/round-{self._round}"
        names = {name: f"{under}/built-{place:05}" for place, name in enumerate(built)}
        for name, key in names.items():
            self._run(self._blobs.replace(key, built[name].serialize()))
        manifest = self._view.manifest
        files = Files(self._under, self._files)
        plan = Plan(manifest, list(self._view.registry), files, list(definitions), names, now, under)
        self._run(self._blobs.replace(f"{under}/plan", codec.encode(plan)))
        starts = range(0, self._view.rows, BLOCK_ROWS)
        self._compute(f"{under}/plan", starts)
        parts: dict[str, list[bytes]] = {each.name: [] for each in definitions}
        for start in starts:
            for name, raw in self._answers(f"{under}/block-{start:010}").items():
                parts[name].append(raw)
        return {name: joined(blocks) for name, blocks in parts.items()}

    def _compute(self, plan: str, starts: range) -> None:
        from dask.distributed import KilledWorker  # noqa: PLC0415 - an extra, where it is used

        tasks = self._client.map(evaluate, list(starts), opening=self._opening, plan_key=plan, pure=False)
        try:
            self._client.gather(tasks)
        except KilledWorker as error:
            raise EngineUnavailable(
                "audience.workers_died",
                f"one block killed several workers, one after the other ({error}); give them more memory",
            ) from error

    def _answers(self, key: str) -> dict[str, bytes]:
        return msgspec.msgpack.decode(self._run(whole(self._blobs, key)), type=dict[str, bytes])

    def _lay_files(self) -> None:
        """Upload the files of the version, once."""
        manifest = self._view.manifest
        stack = [*([manifest.base] if manifest.base else []), *manifest.layers]
        if self._files or not stack:
            return
        for layer in stack:
            source = self._view.folder / layer.file
            copy = source.with_name(f"{layer.file}.new")  # put moves it; a killed one is tidied up there
            try:
                shutil.copyfile(source, copy)
                self._run(self._blobs.put(f"{self._under}/{layer.file}", copy))
            finally:
                copy.unlink(missing_ok=True)
            with opened_columns(source) as file:
                self._files[layer.file] = [piece.places() for piece in file.pieces()]

    def _clear(self) -> None:
        self._run(_removed(self._blobs, f"{PREFIX}/"))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


async def _removed(blobs: Blobs, prefix: str) -> None:
    for key in [key async for key in blobs.keys(prefix)]:
        await blobs.delete(key)
