"""How ffmpeg is called here: which one, on a leash, and what its end means."""

import re
import signal
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bijou.encoding.probe_child import demuxer_options
from bijou.ports import BijouBug, BijouError, EngineUnavailable, InvalidRequest
from bijou.runtime.children import Finished
from bijou.runtime.logs import get_logger

# Frames whose time does not advance would break passthrough: a player could not show them either.
ONLY_ADVANCING = r"select=isnan(prev_selected_pts)+gt(pts\,prev_selected_pts)"

# Each thread's own heap would reserve 64 MiB of the address space that a child may take.
FEW_HEAPS = {"MALLOC_ARENA_MAX": "4"}

_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_MEMORY = re.compile(r"Cannot allocate memory|std::bad_alloc|malloc of size \d+ failed")

_NOTED = 1000  # characters of its last words that are kept

_log = get_logger("bijou.encoding")


@cache
def ffmpeg_path() -> Path:
    """Return FFmpeg's command; the first call in a process takes some 50 ms."""
    import imageio_ffmpeg  # noqa: PLC0415 - only who encodes loads it

    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def ffmpeg() -> list[str]:
    """Return how every command begins: quiet, never asking."""
    return [str(ffmpeg_path()), "-nostdin", "-hide_banner", "-v", "error", "-y"]


def input_options(
    source: Path, container: str, threads: int, *, more_codecs: Sequence[str] = ()
) -> list[str]:
    """Return the options that open a stranger's file: one demuxer, no network, no other file.

    Args:
        more_codecs: Decoders that may be used beside those of pictures and sound.
    """
    leash = demuxer_options(container) | {"protocol_whitelist": "file"}
    leash["codec_whitelist"] = ",".join((leash["codec_whitelist"], *more_codecs))
    options = [part for name, value in leash.items() for part in (f"-{name}", value)]
    return [*options, "-threads", str(threads), "-f", container, "-copyts", "-i", f"file:{source}"]


def failure(finished: Finished, doing: str) -> BijouError:
    """Return what the unhappy end of an ffmpeg means, and for whom.

    A full disk, a lack of memory and a kill are ours to mend and worth another
    try; the rest is the film's fault. What ffmpeg said goes to the log and into
    the error's notes, for whoever operates it, not into its sentence: it names
    our files.
    """
    error = _failure(finished, doing)
    error.add_note(finished.last_words[-_NOTED:])
    _log.warning(
        "ffmpeg.failed",
        doing=doing,
        code=finished.code,
        signal=finished.signal,
        last_words=finished.last_words[-_NOTED:],
    )
    return error


def own_failure(finished: Finished, doing: str) -> BijouError:
    """Return what the unhappy end of a child means that had media of our own making.

    Where `failure` would blame the film the fault is ours: a film that is
    refused is deleted, and this one is sound.
    """
    error = failure(finished, doing)
    if not isinstance(error, InvalidRequest):
        return error
    bug = BijouBug(
        "encoding.own_media", f"{doing} failed on media of our own making ({error.code}); see the log"
    )
    bug.add_note(finished.last_words[-_NOTED:])
    return bug


def _failure(finished: Finished, doing: str) -> BijouError:
    if _FULL.search(finished.last_words):
        return EngineUnavailable("encoding.disk_full", f"the disk was full while {doing}; free some space")
    if _MEMORY.search(finished.last_words):
        return EngineUnavailable("encoding.out_of_memory", f"memory ran out while {doing}")
    if finished.timed_out or finished.signal == signal.SIGXCPU:
        return InvalidRequest(
            "encoding.timed_out",
            f"{doing} was stopped after {finished.wall_s:.0f} s, the limit of this service",
        )
    if finished.signal == signal.SIGXFSZ:
        return InvalidRequest(
            "encoding.output_too_large", f"{doing} made a file longer than this service allows"
        )
    if finished.signal:
        name = signal.Signals(finished.signal).name
        return EngineUnavailable("encoding.crashed", f"ffmpeg was ended by {name} while {doing}")
    return InvalidRequest("encoding.undecodable", f"the film is damaged: {doing} did not come to its end")
