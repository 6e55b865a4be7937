"""How loud a film's own sound is: a pass of its own, for those who want to know.

FFmpeg's `ebur128` measures in a confined child, all sound streams in one
reading of the file. Cost, of 30 s in six channels: 0.50 s of CPU, of which true
peaks, by their oversampling, are 0.27 s; that is a sixteenth of the encode of
the same film at 480p. Nothing else waits for it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from bijou.catalog import Loudness
from bijou.encoding.ffmpeg import FEW_HEAPS, ffmpeg_path, input_options
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import SoundFacts
from bijou.ports import Clock
from bijou.runtime.children import run_child
from bijou.runtime.confinement import Confinement
from bijou.runtime.logs import get_logger

SILENCE_LUFS = -70.0
NO_PEAK_DBTP = -120.0
MOST_SOUNDS = 6  # their summaries fit into what is kept of a child's last words

_NUMBER = r"\s*(-?inf|-?nan|-?[0-9.]+)"
_SUMMARY = re.compile(
    rf"\[ebur128@s(\d+) @ [^\]]*\] Summary:.*?I:{_NUMBER} LUFS.*?LRA:{_NUMBER} LU.*?Peak:{_NUMBER} dBFS",
    re.DOTALL,
)
_log = get_logger("bijou.encoding")


async def measure_sounds(
    source: Path, container: str, sounds: Sequence[SoundFacts], *, limits: EncodingLimits, clock: Clock
) -> dict[int, Loudness]:
    """Return the loudness of sound streams by their index; what cannot be measured is left out.

    The first `MOST_SOUNDS` are measured. A film is not refused for it: sound
    that cannot be decoded only has no loudness.
    """
    wanted = sounds[:MOST_SOUNDS]
    if not wanted:
        return {}
    finished = await run_child(
        source_loudness_argv(source, container, [sound.index for sound in wanted], limits.thread_count()),
        limits=limits.of_child(file_bytes=0),
        clock=clock,
        confinement=Confinement(read=(source,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        _log.warning("loudness.not_measured", code=finished.code, signal=finished.signal)
        return {}
    return summaries(finished.last_words)


def source_loudness_argv(source: Path, container: str, streams: Sequence[int], threads: int) -> list[str]:
    """Return the command that ends with a summary of each stream on standard error."""
    chains = [f"[0:{n}]ebur128@s{n}=peak=true:framelog=quiet[s{n}]" for n in streams]
    return [
        *(str(ffmpeg_path()), "-nostdin", "-hide_banner", "-v", "info", "-nostats", "-y"),
        *("-vn", "-sn", "-dn"),
        *input_options(source, container, threads),
        *("-filter_complex", ";".join(chains)),
        *(part for n in streams for part in ("-map", f"[s{n}]")),
        *("-c:a", "pcm_f64le", "-f", "null", "-"),
    ]


def summaries(words: str) -> dict[int, Loudness]:
    r"""Read what `ebur128` says at its end, of each stream.

    Example:
        >>> said = "[ebur128@s1 @ 0x7f] Summary:\n  I: -21.6 LUFS\n  LRA: 17.7 LU\n  Peak: -0.8 dBFS"
        >>> summaries(said)[1].integrated_lufs
        -21.6
    """
    return {int(stream): _loudness(*said) for stream, *said in _SUMMARY.findall(words)}


def _loudness(integrated: str, spread: str, peak: str) -> Loudness:
    return Loudness(
        integrated_lufs=_bounded(integrated, SILENCE_LUFS),
        range_lu=_bounded(spread, 0.0),
        true_peak_dbtp=_bounded(peak, NO_PEAK_DBTP),
    )


def _bounded(said: str, least: float) -> float:
    """Silence is said as minus infinity, or as no number (which compares as false)."""
    return max(least, float(said))
