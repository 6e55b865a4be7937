"""What a sample film is, and how ffmpeg makes it."""

from pathlib import Path

import imageio_ffmpeg
import msgspec

from bijou.encoding.samples.graph import FRAME_RATE, SEED, YUV
from bijou.encoding.samples.sound import RATE_HZ
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.children import Limits, run_child

_FADE_S = 0.8
_WALL_S = 120.0
_MEZZANINE = (
    f"-c:v libx264 -preset ultrafast -crf 16 -g {2 * FRAME_RATE} -threads:v 1 -c:a aac -b:a 160k".split()
)


class Sample(msgspec.Struct, frozen=True):
    """A short film that ffmpeg makes from nothing: no file is shipped.

    Args:
        row: The heading under which the home page shows it.
        accent: `#rrggbb`, taken from the picture.
        picture: Filter graph with one open end, at 24 frames a second and at
            least as long as the film; `@seed` stands for the seed.
        sound: Filter graph with one open end, stereo at 48 kHz.
        cuts_s: When the picture changes at once.
    """

    slug: str
    name: str
    synopsis: str
    row: str
    accent: str
    duration_s: float
    picture: str
    sound: str
    width: int = 640
    height: int = 360
    year: int = 2026
    cuts_s: tuple[float, ...] = ()


def command(sample: Sample, out: Path, *, seed: int = 7, only_s: float | None = None) -> list[str]:
    """Return the ffmpeg command that writes the film to `out`, an MP4.

    One thread each for filters and encoder, so that the same command on the
    same machine writes the same bytes.

    Args:
        sample: Which film.
        out: Where to; overwritten.
        seed: Changes the weather, not the scene.
        only_s: Stop early, for a look at the first seconds.
    """
    length_s = sample.duration_s if only_s is None else min(only_s, sample.duration_s)
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *("-filter_complex_threads", "1", "-filter_complex", _graph(sample, seed)),
        *("-map", "[v]", "-map", "[a]", "-t", f"{length_s:g}"),
        *_MEZZANINE,
        *("-bitexact", "-map_metadata", "-1", "-f", "mp4", str(out)),
    ]


def _graph(sample: Sample, seed: int) -> str:
    leave_s = sample.duration_s - _FADE_S
    tags = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    picture = (
        f"{sample.picture},{YUV},setsar=1,{tags},fps={FRAME_RATE},fade=t=out:st={leave_s:g}:d={_FADE_S}[v]"
    )
    sound = (
        f"{sample.sound},afade=t=in:d=0.5,afade=t=out:st={leave_s - 0.7:g}:d=1.5,"
        f"alimiter=limit=0.7:level=0,aformat=sample_rates={RATE_HZ}:channel_layouts=stereo[a]"
    )
    return f"{picture};{sound}".replace(SEED, str(seed))


async def make(sample: Sample, out: Path, *, clock: Clock) -> Path:
    """Make the film in a child process and return `out`.

    Cost: one to three seconds of CPU.

    Raises:
        EngineUnavailable: `encoding.sample_failed`, ffmpeg could not; its last
            words are in the message, and `out` is not left half made.
    """
    finished = await run_child(command(sample, out), limits=Limits(wall_s=_WALL_S), clock=clock)
    if not finished.ok:
        _discard(out)
        raise EngineUnavailable(
            "encoding.sample_failed",
            f"ffmpeg could not make the sample film {sample.slug} "
            f"(exit {finished.code}, signal {finished.signal}): {finished.last_words}",
        )
    return out


def _discard(half_made: Path) -> None:
    half_made.unlink(missing_ok=True)
