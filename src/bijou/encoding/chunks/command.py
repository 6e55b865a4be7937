"""The command that encodes one chunk at one rendition; pure.

Pinned, so that the same chunk gives the same bytes on the same build: one
thread, the instruction set, bit-exact scaling, frames passed through as they
are, closed groups that begin where segments do, no names and no dates.

Frames are chosen by the file's own time stamps, in whole ticks, never by
seconds: a frame that is doubled here and dropped there keeps every count and
spoils every picture.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bijou.encoding.chunks.model import Chunk, ChunkWork, PictureSource
from bijou.encoding.ffmpeg import ONLY_ADVANCING, ffmpeg, input_options
from bijou.encoding.recipes import Recipe, VideoRules
from bijou.encoding.recipes.recipe import pinned

SCALER = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
_TONE_MAP = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)
# These keep an index of key frames; in others a seek ends anywhere before the moment that is asked for.
_INDEXED = frozenset({"mov", "matroska", "avi"})
_SPARE_S = 1
SAMPLE_FRAMES = 24
# A field's neighbours are looked at when fields are woven.
_CONTEXT_FRAMES = 2


class Piece(Struct, frozen=True):
    """What one ffmpeg encodes of a chunk.

    Args:
        first: Its first frame in the chunk.
        frames: How many of the chunk's frames it has.
        tail: How many more are shown to the encoder.
        segments: Which of its frames open segments, 0 first.
    """

    first: int
    frames: int
    tail: int
    segments: tuple[int, ...]


def pieces(chunk: Chunk, video: VideoRules) -> list[Piece]:
    """Return what a chunk is encoded in: one piece, or a piece a segment.

    The latter where an encoder cannot be told where to begin groups.
    """
    if video.forces_keys:
        tail = min(chunk.tail_frames, video.lookahead_frames)
        return [Piece(0, chunk.frames, tail, chunk.segments)]
    edges = pairwise([*chunk.segments, chunk.frames])
    return [Piece(first, stop - first, 0, (0,)) for first, stop in edges]


def chunk_argv(
    source: Path, work: ChunkWork, recipe: Recipe, piece: Piece, out: Path, *, whole: bool = False
) -> list[str]:
    """Return ffmpeg's command line; progress goes to its standard output.

    Args:
        out: Gets a fragmented MP4.
        whole: Decode from the film's start, where seeking has gone wrong.
    """
    video = recipe.video
    return [
        *ffmpeg(),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-filter_threads", "1"),
        *chosen_input(source, work.picture, work.chunk, whole=whole),
        *("-map", f"0:{work.picture.stream}", "-vf", _filters(work, video, piece)),
        *_encoded(work, video, piece, out),
    ]


def analysis_argv(
    source: Path, work: ChunkWork, recipe: Recipe, tries: Sequence[tuple[int, Path]], reference: Path
) -> list[str]:
    """Return the command that encodes samples of a chunk cheaply, at several rate factors at once.

    Args:
        tries: Rate factors, and the fragmented MP4 that each gets.
        reference: Gets the samples as they are, as YUV4MPEG2.
    """
    kept = samples(work.chunk)
    video = replace(recipe.video, preset=recipe.video.analysis_preset, peak_share=0.0, frame_clock=True)
    firsts = tuple(accumulate((len(sample) for sample in kept[:-1]), initial=0))
    piece = Piece(0, sum(map(len, kept)), 0, firsts)
    choice = "+".join(f"between(n\\,{sample.start}\\,{sample.stop - 1})" for sample in kept)
    taps = "".join(f"[c{crf}]" for crf, _ in tries)
    chain = _filters(work, video, piece, f"select={choice}")
    argv = [
        *ffmpeg(),
        *("-filter_complex_threads", "1"),
        *chosen_input(source, work.picture, work.chunk),
        *("-filter_complex", f"[0:{work.picture.stream}]{chain},split={len(tries) + 1}{taps}[r]"),
    ]
    for crf, out in tries:
        tried = replace(work, crfs=(float(crf),) * len(work.chunk.shots))
        argv += ["-map", f"[c{crf}]", *_encoded(tried, video, piece, out)]
    raw = ("-frames:v", str(piece.frames), "-fps_mode", "passthrough", "-pix_fmt", "yuv420p")
    return [*argv, "-map", "[r]", *raw, "-strict", "-1", "-f", "yuv4mpegpipe", str(reference)]


def samples(chunk: Chunk) -> list[range]:
    """Return the frames of each shot that stand for it: a second from its middle.

    Example:
        >>> chunk = Chunk(0, 0, 0, 0, ((1, 100),), (0,), 1, (0, 90), True, 0)
        >>> samples(chunk)
        [range(33, 57), range(90, 100)]
    """
    kept = []
    for first, stop in pairwise([*chunk.shots, chunk.frames]):
        count = min(SAMPLE_FRAMES, stop - first)
        start = first + (stop - first - count) // 2
        kept.append(range(start, start + count))
    return kept


def true_path(source: Path) -> Path:
    """Return where a file really lies: a child is allowed that, not the links that lead there."""
    return source.resolve()


def chosen_input(source: Path, picture: PictureSource, chunk: Chunk, *, whole: bool = False) -> list[str]:
    """Return the options that open the film at or before a chunk's first frame.

    Without an index it is opened so much earlier that a key frame surely comes
    before the chunk: some decoders begin anywhere and show grey, and every
    frame has its time all the same. H.264's holds back what it cannot decode
    rightly, so that a seek to a wrong place loses frames, which is noticed.
    """
    opened = input_options(source, picture.container, 1)
    tick_s = Fraction(*picture.tick)
    moment_s = chunk.source_start * tick_s
    if picture.interlaced:
        moment_s -= _CONTEXT_FRAMES * picture.frame_s
    if picture.container not in _INDEXED:
        whole = whole or not picture.longest_group_s
        moment_s -= Fraction(picture.longest_group_s) + _SPARE_S
    if whole or moment_s <= picture.first * tick_s:
        return opened
    seek = ("-seek_timestamp", "1", "-ss", f"{float(moment_s):.6f}", "-noaccurate_seek")
    return ["-flags:v", "-output_corrupt", *seek, *opened]


def chosen(picture: PictureSource, chunk: Chunk, first: int) -> str:
    """Return the filters that let a chunk's frames through, from its frame `first` on."""
    steps = [ONLY_ADVANCING]
    if picture.interlaced:
        steps += ["bwdif=mode=send_frame:deint=all", f"settb={picture.tick[0]}/{picture.tick[1]}"]
    steps.append(f"trim=start_pts={chunk.source_start}")
    if first:
        steps.append(f"trim=start_frame={first}")
    return ",".join(steps)


def light(picture: PictureSource) -> str:
    """Return what brings high dynamic range to a usual screen, with its comma, or nothing."""
    return f"{_TONE_MAP},format=yuv420p," if picture.hdr else ""


def scaled(width: int, height: int, pixel_format: str) -> str:
    """Return the filters that bring a frame to its size, in square pixels."""
    return f"scale={width}:{height}:{SCALER},setsar=1,format={pixel_format}"


def written_times(work: ChunkWork, video: VideoRules, piece: Piece) -> list[int]:
    """Return when the file that comes out must say that each frame is shown, in its ticks."""
    if video.frame_clock:
        return [number * work.picture.rate[1] for number in range(piece.frames)]
    durations = work.chunk.durations()[piece.first : piece.first + piece.frames]
    return list(accumulate(durations[:-1], initial=0))


def fragmented(out: Path, *options: str) -> list[str]:
    """Return the options of an anonymous fragmented MP4.

    Without a name of ours ffmpeg writes its own and the encoder's into the
    sample entry; a bit rate there would differ from chunk to chunk.
    """
    anonymous = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-bitexact")
    named = ("-metadata:s:0", "encoder=bijou", "-write_btrt", "0")
    flags = ("-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-flush_packets", "1")
    return [*anonymous, *named, *flags, *options, "-f", "mp4", str(out)]


def _filters(work: ChunkWork, video: VideoRules, piece: Piece, *more: str) -> str:
    steps = (
        chosen(work.picture, work.chunk, piece.first),
        *more,
        _clocked(work, video, piece),
        light(work.picture) + scaled(work.rung.width, work.rung.height, video.pixel_format),
    )
    return ",".join(steps)


def _encoded(work: ChunkWork, video: VideoRules, piece: Piece, out: Path) -> list[str]:
    """The options of one output."""
    return [
        *("-frames:v", str(piece.frames + piece.tail), "-fps_mode", "passthrough"),
        *_coder(work, video, piece),
        *_keys(video, piece),
        *_clock(work, video),
        *fragmented(out),
    ]


def _clocked(work: ChunkWork, video: VideoRules, piece: Piece) -> str:
    """The film's clock, from the piece's first frame on."""
    picture = work.picture
    if video.frame_clock:
        return f"settb={picture.rate[1]}/{picture.rate[0]},setpts=N"
    start = work.chunk.start + sum(work.chunk.durations()[: piece.first])
    moved = f"PTS-({picture.origin})"
    if picture.frame_ticks:
        moved = f"round(({moved})/{picture.frame_ticks})*{picture.frame_ticks}"
    return f"settb=1/{picture.per_s},setpts={moved}-{start}"


def _clock(work: ChunkWork, video: VideoRules) -> list[str]:
    per_s, ticks = work.picture.rate if video.frame_clock else (work.picture.per_s, 1)
    return ["-enc_time_base", f"{ticks}:{per_s}", "-video_track_timescale", str(per_s)]


def _keys(video: VideoRules, piece: Piece) -> list[str]:
    """Key frames by number: where segments begin, and where the tail does."""
    if not video.forces_keys:
        return []
    opens = [*piece.segments, piece.frames] if piece.tail else piece.segments
    return ["-force_key_frames", "expr:" + "+".join(f"eq(n,{frame})" for frame in opens)]


def _coder(work: ChunkWork, video: VideoRules, piece: Piece) -> list[str]:
    rung = work.rung
    crf, zones = _rate(work, video, piece)
    params = {**video.params, **({"asm": pin} if (pin := pinned(video.asm)) else {}), **zones}
    argv = ["-c:v", video.encoder, "-preset", video.preset, *video.options, video.quality_option, f"{crf:g}"]
    if video.peak_share:
        argv += ["-maxrate", str(rung.peak_bps), "-bufsize", str(rung.buffer_bits)]
    if video.sample_entry:
        argv += ["-tag:v", video.sample_entry]
    if video.bitstream_filter:
        argv += ["-bsf:v", video.bitstream_filter]
    return [*argv, video.params_option, ":".join(f"{name}={value}" for name, value in params.items())]


def _rate(work: ChunkWork, video: VideoRules, piece: Piece) -> tuple[float, dict[str, str]]:
    """The rate factor, and zones where shots want others.

    An encoder takes a zone's bit rate factor b as a step of the quantiser:
    six steps halve the bits, so b = 2 ** ((crf - of the shot) / 6).
    """
    crfs = shot_crfs(work, piece)
    if len(set(crfs.values())) == 1 or not video.zones:
        weights = list(crfs.items())
        stops = [first for first, _ in weights[1:]] + [piece.frames]
        total = sum(crf * (stop - first) for (first, crf), stop in zip(weights, stops, strict=True))
        mean = total / piece.frames
        return (mean if video.zones else round(mean)), {}
    base = work.rung.crf
    edges = [*crfs, piece.frames + piece.tail]
    zones = [
        f"{first},{stop - 1},b={2 ** ((base - crf) / 6):.4f}"
        for (first, stop), crf in zip(pairwise(edges), crfs.values(), strict=True)
    ]
    return base, {"zones": "/".join(zones)}


def shot_crfs(work: ChunkWork, piece: Piece) -> dict[int, float]:
    """Return the rate factor of each shot in a piece, by the piece's frame that opens it."""
    chosen_crfs = work.crfs or (float(work.rung.crf),) * len(work.chunk.shots)
    found: dict[int, float] = {}
    for shot, crf in zip(work.chunk.shots, chosen_crfs, strict=True):
        if shot < piece.first + piece.frames:
            found[max(0, shot - piece.first)] = crf
    return found
