"""Running ffmpeg on media of our own making: confined to one folder, and nothing else."""

from collections.abc import Callable
from pathlib import Path

from bijou.encoding.ffmpeg import FEW_HEAPS, own_failure
from bijou.encoding.limits import EncodingLimits
from bijou.ports import Clock
from bijou.runtime.children import Finished, run_child
from bijou.runtime.confinement import Confinement


async def run_in(
    folder: Path,
    argv: list[str],
    doing: str,
    *,
    limits: EncodingLimits,
    clock: Clock,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a command that reads and writes in `folder` only; return how it ended well.

    Args:
        doing: For the sentence that says what went wrong.
        on_line: Called with each line of its standard output.

    Raises:
        EngineUnavailable: `encoding.disk_full`, `.out_of_memory`, `.crashed`.
        BijouBug: `encoding.own_media`.
    """
    finished = await run_child(
        argv,
        limits=limits.of_child(threads=limits.thread_count()),
        clock=clock,
        on_line=on_line,
        cwd=folder,
        confinement=Confinement(write=(folder,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        raise own_failure(finished, doing)
    return finished
