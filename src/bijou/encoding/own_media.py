"""Running ffmpeg on media of our own making: confined to one folder, and nothing else."""

from collections.abc import Callable
from pathlib import Path

from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.limits import EncodingLimits
from bijou.ports import Clock
from bijou.runtime.children import Finished, Limits, run_child
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
        InvalidRequest: `encoding.timed_out`, `.output_too_large`, `.undecodable`.
    """
    finished = await run_child(
        argv,
        limits=Limits(
            wall_s=limits.child_wall_s,
            cpu_s=limits.child_wall_s * limits.thread_count(),
            memory_bytes=limits.child_memory_bytes,
        ),
        clock=clock,
        on_line=on_line,
        cwd=folder,
        confinement=Confinement(write=(folder,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        raise failure(finished, doing)
    return finished
