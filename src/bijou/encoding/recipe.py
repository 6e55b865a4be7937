"""The one command that makes all renditions of a film.

One ffmpeg decodes the film once and feeds all encoders. Against a process a
rung that took 18 % less CPU time for three rungs of 480p (8.1 s against
9.8 s) and a third less wall time on two cores; the price is the memory of all
encoders at once, and that a retry begins from the start.

Pinned, so that the same film gives the same bytes on the same build: encoder
threads, scaler flags, no time stamps and no names of programs in the output.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from bijou.encoding.ffmpeg import ONLY_ADVANCING, ffmpeg, input_options
from bijou.encoding.inspection import Film
from bijou.encoding.ladder import Rung

# At equal quality (VMAF 91.7 +- 0.3 of a 30 s 480p film, one thread), CPU seconds and megabytes:
# superfast 3.2 and 2.54, veryfast 4.6 and 2.17, faster 7.5 and 1.78, medium 9.6 and 1.70. The encoder
# shares its machine with what serves viewers, and an upload shall be watchable soon: medium's fifth
# fewer bits cost twice the time.
PRESET = "veryfast"
SOUND_BPS = 128_000
SOUND_HZ = 48_000
MAX_SOUNDS = 4

_SCALER = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
_TONE_MAP = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)


class Timescale(Struct, frozen=True):
    """Ticks a second of the renditions, and how long a frame is where all are alike.

    Args:
        frame_ticks: 0 where the frame rate varies.
    """

    per_s: int
    frame_ticks: int


class Recipe(Struct, frozen=True):
    """What is to be made of a film.

    Args:
        boundaries_s: Where segments begin, from the first frame's time on.
        keys: File that holds the times of forced key frames.
        folder: Scratch that gets `v360.mp4` …, `a128.mp4` ….
        threads: Of each encoder, and of the decoder.
    """

    film: Film
    rungs: list[Rung]
    boundaries_s: list[float]
    keys: Path
    folder: Path
    threads: int

    def argv(self) -> list[str]:
        """Return ffmpeg's command line; progress goes to its standard output."""
        film = self.film
        return [
            *ffmpeg(),
            *("-progress", "pipe:1", "-stats_period", "0.5"),
            *("-filter_complex_threads", str(self.threads)),
            *input_options(film.source, film.container, self.threads),
            *("-filter_complex", self._graph()),
            *(part for rung in self.rungs for part in self._picture(rung)),
            *(part for name, index in sound_tracks(film) for part in self._sound(name, index)),
        ]

    def key_times(self) -> str:
        """Return what belongs into `keys`: moments just before the frames that open segments.

        Half a frame early, because ffmpeg makes the first frame at or after a
        moment a key frame, and both sides round.
        """
        times = self.film.times_s()
        before = {after: (earlier + after) / 2 for earlier, after in pairwise(times)}
        return ",".join(f"{max(0.0, before.get(moment, moment)):.6f}" for moment in self.boundaries_s)

    def _graph(self) -> str:
        """One decode, split to the rungs."""
        names = [rung.name for rung in self.rungs]
        taps = "".join(f"[{name}_]" for name in names)
        chains = [f"{_input(self.film)},{_prepare(self.film)},split={len(names)}{taps}"]
        chains += [f"[{r.name}_]scale={r.width}:{r.height}:{_SCALER},setsar=1[{r.name}]" for r in self.rungs]
        return ";".join(chains)

    def _picture(self, rung: Rung) -> list[str]:
        scale = timescale(self.film)
        return [
            *("-map", f"[{rung.name}]", "-c:v", "libx264", "-preset", PRESET, "-profile:v", "high"),
            *("-threads", str(self.threads), "-crf", str(rung.crf)),
            *("-maxrate", str(rung.peak_bps), "-bufsize", str(rung.buffer_bits)),
            *("-x264-params", "keyint=infinite:scenecut=0:open-gop=0:stitchable=1"),
            *("-forced-idr", "1", "-/force_key_frames", str(self.keys)),
            *("-fps_mode", "passthrough", "-enc_time_base", f"1:{scale.per_s}"),
            *("-bsf:v", "filter_units=remove_types=6", "-video_track_timescale", str(scale.per_s)),
            *_fragmented(self.folder / f"{rung.name}.mp4"),
        ]

    def _sound(self, name: str, index: int) -> list[str]:
        """Start at the first frame's time: what lies before is cut, a gap is silence."""
        start_s = float(self.film.ticks[0] * self.film.tick)
        even = f"asetpts=PTS-({start_s:.9f})/TB,aresample={SOUND_HZ}:async=1:first_pts=0"
        return [
            *("-map", f"0:{index}", "-af", even, "-c:a", "aac", "-b:a", str(SOUND_BPS)),
            *("-ac", "2", "-ar", str(SOUND_HZ)),
            *_fragmented(self.folder / f"{name}.mp4"),
        ]


def sound_tracks(film: Film) -> list[tuple[str, int]]:
    """Return name and stream of each sound track that is encoded."""
    sounds = film.sounds[:MAX_SOUNDS]
    return [(f"a128-{n}" if n > 1 else "a128", sound.index) for n, sound in enumerate(sounds, 1)]


def seen_size(film: Film) -> tuple[int, int]:
    """Return width and height as a viewer sees them: square pixels, turned upright."""
    picture = film.picture
    aspect = Fraction(*picture.aspect) if all(part > 0 for part in picture.aspect) else Fraction(1)
    aspect = aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1)
    width, height = (
        round(picture.width * max(aspect, Fraction(1))),
        round(picture.height / min(aspect, Fraction(1))),
    )
    return (height, width) if picture.rotation_degrees in {90, 270} else (width, height)


def timescale(film: Film) -> Timescale:
    """Return a clock in which every frame's time is a whole number.

    Even frames are put exactly in their places: a Matroska file rounds them to
    milliseconds, and players' buffers would show the jitter as gaps.
    """
    if not film.cadence.variable:
        rate = film.cadence.rate
        factor = 1 if rate.numerator >= 10_000 else 1000
        return Timescale(rate.numerator * factor, rate.denominator * factor)
    whole = film.tick.numerator == 1 and 1000 <= film.tick.denominator <= 1_000_000
    return Timescale(film.tick.denominator if whole else 90_000, 0)


def _input(film: Film) -> str:
    return f"[0:{film.picture.index}]{ONLY_ADVANCING}"


def _prepare(film: Film) -> str:
    """Times from 0, fields woven, light tamed: what all pictures have in common."""
    scale = timescale(film)
    start = round(film.ticks[0] * film.tick * scale.per_s)
    moved = f"PTS-({start})"
    if scale.frame_ticks:
        moved = f"round(({moved})/{scale.frame_ticks})*{scale.frame_ticks}"
    steps = [f"settb=1/{scale.per_s}", f"setpts={moved}"]
    if film.picture.interlaced:
        steps.append("bwdif=mode=send_frame:deint=all")
    if film.media.video[0].hdr:
        steps.append(_TONE_MAP)
    return ",".join([*steps, "format=yuv420p"])


def _fragmented(path: Path) -> Sequence[str]:
    """One fragment a segment; the header waits for the first packets, for they set its edit list."""
    flags = "+frag_keyframe+delay_moov+default_base_moof"
    return (*_ANONYMOUS, *_NAMED, "-movflags", flags, "-f", "mp4", str(path))


# Without a name of ours ffmpeg writes its own and the encoder's into the sample entry.
_NAMED = ("-metadata:s:0", "encoder=bijou")
_ANONYMOUS = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-bitexact")
