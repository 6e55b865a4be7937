"""A recipe as read from its file, and what it says to ffmpeg."""

import hashlib
import platform
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from bijou.encoding.ladder import Rung, ladder
from bijou.ports import InvalidRequest

_FOLDER = "bijou.encoding.recipes"


class RungRule(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for rungs of about so many lines.

    Args:
        crf: Rate factor where no analysis has chosen one.
        vmaf: What analysis aims at, against the source at the rung's own size.
    """

    lines: int
    crf: int
    vmaf: float


class VideoRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How pictures are encoded.

    Args:
        encoder: By ffmpeg's name.
        codec: The short name of what comes out, such as `h264`.
        prefix: Before a rung's lines, in renditions' names.
        preset: How hard it tries; so much is part of the bytes.
        analysis_preset: The same, for encodes that are only measured.
        analysis_crfs: Rate factors that analysis tries: its budget.
        analysis_excess_vmaf: By how much such an encode looks better than the
            real one at the same rate factor.
        quality_option: What sets the rate factor: `-crf` or `-qp`.
        crf_range: Lowest and highest rate factor that analysis may choose.
        params_option: What takes `params`.
        params: The encoder's own parameters, pins among them.
        asm: Instruction set to pin, by processor family: other instructions,
            other bytes.
        peak_share: Peak bit rate, as a share of what H.264 is given; 0 for no cap.
        lookahead_frames: How far it looks ahead, and so how many frames behind
            a chunk that does not end on a cut are shown to it.
        reordered_frames: How many frames it may decode before one that is shown
            before them: the delay that segments are written with.
        forces_keys: It can be told to begin a group at any frame. If not, each
            segment is an encode of its own.
        zones: It takes a rate factor for each shot, as bit rate factors of zones.
        frame_clock: Its clock must count frames, not fine ticks.
    """

    encoder: str
    codec: str
    prefix: str
    preset: str
    analysis_preset: str
    pixel_format: str
    crf_range: tuple[int, int]
    analysis_crfs: tuple[int, ...]
    analysis_excess_vmaf: float
    lookahead_frames: int
    reordered_frames: int
    params_option: str
    params: dict[str, str | int]
    asm: dict[str, str] = {}
    options: tuple[str, ...] = ()
    quality_option: str = "-crf"
    peak_share: float = 1.0
    bitstream_filter: str = ""
    sample_entry: str = ""
    forces_keys: bool = True
    zones: bool = False
    frame_clock: bool = False


class SoundRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How sound is encoded.

    Args:
        cpu: Instruction set to pin for all of ffmpeg, by processor family.
    """

    encoder: str
    prefix: str
    bps: int
    hz: int
    channels: int
    options: tuple[str, ...] = ()
    cpu: dict[str, str] = {}


class ContainerLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """What the codec's level or its decoders allow.

    Args:
        most_pixels: Width x height.
        most_pixels_per_s: Width x height x frames a second.
    """

    most_pixels: int
    most_pixels_per_s: int


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """All that decides, with a build of ffmpeg, what bytes a film becomes."""

    name: str
    title: str
    video: VideoRules
    audio: SoundRules
    limits: ContainerLimits
    rungs: tuple[RungRule, ...]

    def identity(self, engine: str) -> str:
        """Return 16 hexadecimal digits of all that the bytes depend on.

        Args:
            engine: From `engine_id`.
        """
        content = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(content + engine.encode()).hexdigest()[:16]

    def rule(self, lines: int) -> RungRule:
        """Return the rule of the rung whose lines are the nearest."""
        return min(self.rungs, key=lambda rule: (abs(rule.lines - lines), rule.lines))

    def ladder(self, width: int, height: int, frame_rate: float) -> list[Rung]:
        """Return the rungs of a film by this recipe, the largest first.

        Args:
            width, height: As a viewer sees it, in square pixels.
            frame_rate: Frames a second.

        Raises:
            InvalidRequest: `encoding.beyond_codec`, not even the smallest rung
                fits what the codec allows.
        """
        rungs = [
            rung
            for rung in ladder(width, height, frame_rate)
            if rung.width * rung.height <= self.limits.most_pixels
            and rung.width * rung.height * frame_rate <= self.limits.most_pixels_per_s
        ]
        if not rungs:
            raise InvalidRequest(
                "encoding.beyond_codec",
                f"{width}x{height} at {frame_rate:g} frames a second is more than {self.title} allows:"
                f" {self.limits.most_pixels} pixels, {self.limits.most_pixels_per_s} a second",
            )
        return [self._rung(rung) for rung in rungs]

    def _rung(self, rung: Rung) -> Rung:
        return msgspec.structs.replace(
            rung,
            name=f"{self.video.prefix}{rung.lines}",
            crf=self.rule(rung.lines).crf,
            peak_bps=max(32_000, round(rung.peak_bps * self.video.peak_share)),
        )


@cache
def recipe(name: str) -> Recipe:
    """Return a recipe by its name, which is its file's.

    Raises:
        InvalidRequest: `encoding.no_recipe`.

    Example:
        >>> recipe("h264_aac").video.encoder
        'libx264'
    """
    if name not in recipe_names():
        raise InvalidRequest(
            "encoding.no_recipe", f"there is no recipe {name!r}; there are {', '.join(recipe_names())}"
        )
    return msgspec.toml.decode((files(_FOLDER) / f"{name}.toml").read_bytes(), type=Recipe)


@cache
def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes, the default first.

    Example:
        >>> recipe_names()
        ('h264_aac', 'av1_opus', 'hevc', 'vvc')
    """
    names = [
        file.name.removesuffix(".toml") for file in files(_FOLDER).iterdir() if file.name.endswith(".toml")
    ]
    return tuple(sorted(names, key=lambda name: (name != "h264_aac", name)))


def checked_recipes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of recipes, each once.

    Raises:
        InvalidRequest: `encoding.no_recipe`.
    """
    found = tuple(dict.fromkeys(names))
    for name in found:
        recipe(name)
    if not found:
        raise InvalidRequest("encoding.no_recipe", "no recipe is named; an encode follows one or more")
    return found


def pinned(by_machine: dict[str, str]) -> str:
    """Return what is pinned for this machine's family of processors, or nothing."""
    return by_machine.get(platform.machine(), "")
