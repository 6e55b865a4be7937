"""What one encode may take: of time, of memory, of picture."""

import os

from msgspec import Struct
from msgspec.structs import replace

from bijou.runtime.children import Limits


class EncodingLimits(Struct, frozen=True):
    """Bounds of everything that a foreign file can ask of us.

    Args:
        threads: Threads of one encoder; 0 means as many as this process has cores.
        child_wall_s: Seconds that one ffmpeg may run.
        child_memory_bytes: Address space of one ffmpeg.
        probe_wall_s: Seconds that reading a file's packets may take.
        probe_memory_bytes: Address space of the child that does.
        max_pixels: Largest picture, width x height.
        min_side_px: Shortest side of the smallest picture.
        max_duration_s: Longest film.
        max_frame_rate: Most frames a second, on average.
    """

    threads: int = 0
    child_wall_s: float = 6 * 3600.0
    child_memory_bytes: int = 8 * 1024**3
    probe_wall_s: float = 120.0
    probe_memory_bytes: int = 2 * 1024**3
    max_pixels: int = 8192 * 4320
    min_side_px: int = 32
    max_duration_s: float = 12 * 3600.0
    max_frame_rate: float = 240.0

    def thread_count(self) -> int:
        """Return `threads`, or the cores that this process may use; 16 at most."""
        return min(16, self.threads or len(os.sched_getaffinity(0)))

    def of_child(self, *, threads: int = 1, file_bytes: int | None = None) -> Limits:
        """Return what one ffmpeg may use.

        Args:
            threads: How many of them may be busy all the time.
            file_bytes: Longest file that it may write; by default as `Limits` says.
        """
        limits = Limits(
            wall_s=self.child_wall_s,
            cpu_s=self.child_wall_s * threads,
            memory_bytes=self.child_memory_bytes,
        )
        return limits if file_bytes is None else replace(limits, file_bytes=file_bytes)
