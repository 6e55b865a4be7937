"""By how much players should turn a sound track up or down.

The gain is applied while it plays, never to the samples (see the decision
"Loudness is a gain at playback"): it is known only when a film was heard to
its end, and its first segment is to be watched long before that; and another
reference costs a number, not an encode.

What is measured is what is played: a mix of six channels to two may be some
decibels away from its source.

Source: EBU R 128 (loudness and true peak); ReplayGain 2.0 (the reference of -18 LUFS).
"""

from pathlib import Path

from bijou.catalog import Loudness
from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.own_media import run_in
from bijou.encoding.source_loudness import SILENCE_LUFS, summaries
from bijou.ports import BijouBug, Clock

REFERENCE_LUFS = -18.0
HEADROOM_DBTP = -1.0
MOST_GAIN_DB = 12.0

_EAR = "[0:a:0]ebur128@s0=peak=true:framelog=quiet"


def playback_gain_db(loudness: Loudness) -> float:
    """Return by how much a track should be turned up, or down where it is negative.

    Never so far up that its peak comes within a decibel of clipping.

    Example:
        >>> playback_gain_db(Loudness(-21.5, 18.2, -1.3)), playback_gain_db(Loudness(-12.0, 4.0, 0.5))
        (0.3, -6.0)
        >>> playback_gain_db(Loudness(-70.0, 0.0, -120.0))
        0.0
    """
    if loudness.integrated_lufs <= SILENCE_LUFS:
        return 0.0
    room = max(0.0, HEADROOM_DBTP - loudness.true_peak_dbtp)
    return round(min(REFERENCE_LUFS - loudness.integrated_lufs, room, MOST_GAIN_DB), 1)


async def measure_loudness(sound: Path, *, limits: EncodingLimits, clock: Clock) -> Loudness:
    """Listen to one rendition of sound, ours and whole, from end to end.

    Cost: about 8 ms of CPU a second of sound.

    Args:
        sound: A fragmented MP4 in a scratch folder.

    Raises:
        EngineUnavailable: see `run_in`.
        BijouBug: likewise; `encoding.no_loudness`, ffmpeg did not say.
    """
    argv = loudness_argv(sound)
    finished = await run_in(sound.parent, argv, "measuring its loudness", limits=limits, clock=clock)
    found = summaries(finished.last_words)
    if 0 not in found:
        raise BijouBug("encoding.no_loudness", "ffmpeg did not say how loud a sound track is")
    return found[0]


def loudness_argv(sound: Path) -> list[str]:
    """Return the command that says how loud a rendition is, in its last words."""
    heard = ("-f", "mov", "-i", f"file:{sound}", "-filter_complex", _EAR)
    return [*ffmpeg(), "-v", "info", "-nostats", *heard, "-f", "null", "-"]
