"""What is found in a stranger's file: the part that opens it, in a child of its own.

`warm_child` loads this module, PyAV with it, and forks for each file; the fork
gets an open file, never an address, and may open nothing itself: whatever the
file says, no other file and no network is read.

Parents import the types only; PyAV is loaded in the child.
"""

from array import array
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

# Decoders by ffmpeg's names: what cameras, editing programs and services write.
VIDEO_CODECS = (
    "h264", "hevc", "vvc", "av1", "libdav1d", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "prores",
    "dnxhd", "cfhd", "ffv1", "mjpeg",
)  # fmt: skip
AUDIO_CODECS = (
    "aac", "mp3", "mp3float", "mp2", "mp2float", "ac3", "eac3", "opus", "libopus", "vorbis", "flac", "alac",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_u8",
)  # fmt: skip

_TRIED_PACKETS = 300
_MOST_STREAMS = 64
_MOST_CHAPTERS = 500
_MOST_LETTERS = 200
# Containers whose headers say all that a decoder needs: nothing has to be decoded to find it out.
_TELLING = frozenset({"mov", "matroska"})


class Order(msgspec.Struct, frozen=True):
    """What is to be found in a file.

    Args:
        frames: Whether every packet is read, for the times of all frames;
            otherwise what headers and the first picture tell must do.
        memory_bytes: Address space that the reading may take.
        cpu_s: Seconds of CPU that it may take.
    """

    container: str
    max_pixels: int
    frames: bool
    memory_bytes: int
    cpu_s: int


class PictureFacts(msgspec.Struct, frozen=True):
    """The picture stream of a file.

    Args:
        index: Of the stream in the file.
        aspect: Width of a pixel over its height, as two whole numbers.
        tick: Unit of time in seconds, as two whole numbers.
        transfer, primaries, matrix: As ITU-T H.273 numbers them, 2 where nothing is said.
        colour_range: 1 for limited, 2 for full, 0 where nothing is said.
        packets: Counted, not claimed.
        first, last: Smallest and largest time stamp, in ticks.
        last_ticks: Duration of the last packet, 0 where it has none.
        decoded: Whether at least one of the first packets gave a picture.
        mastering, light: FFmpeg's structures of the first picture, or nothing.
        dolby_vision, dynamic_hdr: Whether the first picture carries such metadata.
        closed_captions: Whether the first picture carries CEA-608 or 708 captions.
        marks: Of each frame 2 x its time + whether it is a key frame, rising,
            as 64-bit numbers of this machine.
        stamped: Whether every packet had a presentation time.
    """

    index: int
    codec: str
    width: int
    height: int
    pixel_format: str
    aspect: tuple[int, int]
    tick: tuple[int, int]
    transfer: int
    packets: int = 0
    first: int = 0
    last: int = 0
    last_ticks: int = 0
    rotation_degrees: int = 0
    interlaced: bool = False
    decoded: bool = False
    primaries: int = 2
    matrix: int = 2
    colour_range: int = 0
    bit_depth: int = 0
    mastering: bytes = b""
    light: bytes = b""
    dolby_vision: bool = False
    dynamic_hdr: bool = False
    closed_captions: bool = False
    marks: bytes = b""
    stamped: bool = True


class SoundFacts(msgspec.Struct, frozen=True):
    """One sound stream of a file.

    Args:
        packets: 1 where the stream holds anything, 0 where it is empty.
    """

    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str
    packets: int = 0
    title: str = ""


class CaptionFacts(msgspec.Struct, frozen=True):
    """One caption stream of a file.

    Args:
        text: Whether cues are text; otherwise they are pictures.
    """

    index: int
    codec: str
    language: str
    title: str = ""
    text: bool = True
    forced: bool = False
    hearing_impaired: bool = False


class ChapterFacts(msgspec.Struct, frozen=True):
    """One chapter, in ticks of `tick` seconds, a fraction as two whole numbers."""

    start: int
    end: int
    tick: tuple[int, int]
    title: str = ""


class Facts(msgspec.Struct, frozen=True):
    """What the child found, or why there is nothing to find.

    Args:
        stills: Picture streams that are cover art.
        problem: What the demuxer said where it gave up.
        claimed_us: The length that the header claims, in microseconds, or 0.
    """

    pictures: list[PictureFacts] = []
    sounds: list[SoundFacts] = []
    stills: int = 0
    problem: str = ""
    captions: list[CaptionFacts] = []
    chapters: list[ChapterFacts] = []
    claimed_us: int = 0


def demuxer_options(container: str) -> dict[str, str]:
    """Return what is told to a demuxer of ffmpeg, in this child and in others.

    It may use one format, known decoders, and no address inside the file.
    """
    options = {
        "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi",
        "codec_whitelist": ",".join(VIDEO_CODECS + AUDIO_CODECS),
    }
    if container == "mov":
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    return options


def warm() -> None:
    """Load what `serve` needs; afterwards it opens no file of this machine.

    It ends with a rehearsal, on a film of our own: what a library makes ready
    at its first use is then shared by all forks (a tenth of their CPU time).
    """
    import av  # noqa: PLC0415 - only the child loads it
    import av.subtitles.codeccontext  # noqa: PLC0415 - PyAV would look for these at the first caption stream
    import av.subtitles.stream  # noqa: PLC0415 - as above
    import av.subtitles.subtitle  # noqa: PLC0415 - as above

    av.logging.set_level(av.logging.PANIC)
    order = Order("mov", 4096, frames=True, memory_bytes=0, cpu_s=0)
    order = msgspec.msgpack.decode(msgspec.msgpack.encode(order), type=Order)
    serve(order, _own_film())


def _own_film() -> BytesIO:
    """Return two black frames of 64x64 as an MP4."""
    import av  # noqa: PLC0415 - loaded already

    film = BytesIO()
    with av.open(film, "w", format="mp4") as opened:
        stream: Any = opened.add_stream("libx264", rate=25, options={"threads": "1", "preset": "ultrafast"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(2):
            opened.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        opened.mux(stream.encode())
    film.seek(0)
    return film


def serve(order: Order, file: BinaryIO) -> bytes:
    """Return the `Facts` of a file, as MessagePack."""
    return msgspec.msgpack.encode(examine(file, order))


def examine(file: BinaryIO, order: Order) -> Facts:
    """Decode the first picture of a file, and read all packets where they are asked for.

    Cost: the file is read once where `frames` is set; memory for one packet
    and 40 bytes a frame. Sound is only looked at until there is some.

    Raises:
        MemoryError: there is not enough for what the file asks.
    """
    import av  # noqa: PLC0415 - loaded already

    try:
        with av.open(file, "r", format=order.container, options=_options(order)) as opened:
            return _Examination(opened).run(frames=order.frames)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as error:
        return Facts(problem=str(error)[:_MOST_LETTERS])


def _options(order: Order) -> dict[str, str]:
    """Keep the demuxer from decoding by itself where headers tell all: the first picture is decoded here."""
    options = demuxer_options(order.container)
    options |= {"protocol_whitelist": "none", "max_pixels": str(order.max_pixels), "fpsprobesize": "0"}
    if order.container in _TELLING:
        options |= {"probesize": "2048", "analyzeduration": "1", "codec_whitelist": "none"}
    return options


class _Examination:
    """One pass over the packets of an open file."""

    def __init__(self, opened: "InputContainer") -> None:
        self._opened = opened
        art = {stream.index for stream in opened.streams.video if _is_still(stream)}
        pictures = [stream for stream in opened.streams.video if stream.index not in art]
        self._picture: Any = pictures[0] if pictures else None
        self._stills = len(art)
        self._heard: set[int] = set()
        self._marks: list[int] = []
        self._packets = 0
        self._unstamped = 0
        self._last = -(2**63)
        self._last_ticks = 0
        self._frame: VideoFrame | None = None

    def run(self, *, frames: bool) -> Facts:
        problem = self._read(frames=frames)
        streams = self._opened.streams
        return Facts(
            pictures=[self._picture_facts(self._picture)] if self._picture else [],
            sounds=[self._sound(stream) for stream in islice(streams.audio, _MOST_STREAMS)],
            stills=self._stills,
            problem=problem,
            captions=[_caption(stream) for stream in islice(streams.subtitles, _MOST_STREAMS)],
            chapters=[_chapter(chapter) for chapter in self._opened.chapters()[:_MOST_CHAPTERS]],
            claimed_us=max(0, self._opened.duration or 0),
        )

    def _read(self, *, frames: bool) -> str:
        """Go through the packets; return what ended it early, or nothing."""
        import av  # noqa: PLC0415 - loaded already

        unheard = {stream.index: stream for stream in self._opened.streams.audio}
        wanted = [stream for stream in (self._picture, *unheard.values()) if stream]
        picture = self._picture.index if self._picture else -1
        if self._picture:
            self._picture.codec_context.thread_count = 1
        try:
            for packet in self._opened.demux(*wanted):
                if packet.stream_index == picture:
                    self._note(packet)
                elif packet.size and packet.stream_index in unheard:
                    self._heard.add(packet.stream_index)
                    unheard.pop(packet.stream_index).discard = av.stream.Discard.all
                if not frames and (self._frame is not None or self._packets > _TRIED_PACKETS):
                    break
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError) as error:
            return str(error)[:_MOST_LETTERS]
        return ""

    def _note(self, packet: Any) -> None:
        if self._frame is None and self._packets < _TRIED_PACKETS:
            self._frame = _decode(packet)
        if not packet.size or packet.is_discard:
            return
        self._packets += 1
        moment = packet.pts
        if moment is None:
            self._unstamped += 1
            moment = packet.dts
            if moment is None:
                return
        self._marks.append(2 * moment + packet.is_keyframe)
        if moment >= self._last:
            self._last, self._last_ticks = moment, packet.duration or 0

    def _picture_facts(self, stream: Any) -> PictureFacts:
        context, frame = stream.codec_context, self._frame
        shape = frame if frame is not None else context
        aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio
        self._marks.sort()
        return PictureFacts(
            index=stream.index,
            codec=context.codec.canonical_name,
            width=shape.width,
            height=shape.height,
            pixel_format=(frame.format.name if frame is not None else context.pix_fmt) or "",
            aspect=(aspect.numerator, aspect.denominator) if aspect else (1, 1),
            tick=(stream.time_base.numerator, stream.time_base.denominator),
            transfer=int(shape.color_trc or 0),
            packets=self._packets,
            first=self._marks[0] >> 1 if self._marks else 0,
            last=self._last if self._marks else 0,
            last_ticks=self._last_ticks,
            decoded=frame is not None,
            primaries=int(shape.color_primaries or 0),
            matrix=int(2 if shape.colorspace is None else shape.colorspace),
            colour_range=int(shape.color_range or 0),
            marks=array("q", self._marks).tobytes(),
            stamped=self._unstamped == 0,
            **_seen(frame),
        )

    def _sound(self, stream: Any) -> SoundFacts:
        context = stream.codec_context
        return SoundFacts(
            index=stream.index,
            codec=context.codec.canonical_name,
            sample_rate=context.sample_rate or 0,
            channels=context.channels or 0,
            language=_language(stream),
            packets=int(stream.index in self._heard),
            title=_title(stream),
        )


def _seen(frame: Any) -> dict[str, Any]:
    """Return what only a decoded picture tells."""
    if frame is None:
        return {}
    beside = {data.type.name: bytes(data) for data in frame.side_data}
    return {
        "rotation_degrees": int(-frame.rotation) % 360,
        "interlaced": bool(frame.interlaced_frame),
        "bit_depth": max((component.bits for component in frame.format.components), default=0),
        "mastering": beside.get("MASTERING_DISPLAY_METADATA", b""),
        "light": beside.get("CONTENT_LIGHT_LEVEL", b""),
        "dolby_vision": bool(beside.keys() & {"DOVI_RPU_BUFFER", "DOVI_METADATA"}),
        "dynamic_hdr": "DYNAMIC_HDR_PLUS" in beside,
        "closed_captions": "A53_CC" in beside,
    }


def _caption(stream: Any) -> CaptionFacts:
    import av  # noqa: PLC0415 - loaded already

    context, said = stream.codec_context, stream.disposition
    codec = context.codec if context is not None else None
    return CaptionFacts(
        index=stream.index,
        codec=codec.canonical_name if codec is not None else "",
        language=_language(stream),
        title=_title(stream),
        text=codec is not None and bool(codec.properties & av.codec.codec.Properties.TEXT_SUB.value),
        forced=bool(said & av.stream.Disposition.forced),
        hearing_impaired=bool(said & av.stream.Disposition.hearing_impaired),
    )


def _chapter(chapter: Any) -> ChapterFacts:
    tick = chapter["time_base"]
    return ChapterFacts(
        start=chapter["start"],
        end=chapter["end"],
        tick=(tick.numerator, tick.denominator),
        title=_line(chapter["metadata"].get("title", "")),
    )


def _language(stream: Any) -> str:
    return _line(stream.language or "und")


def _title(stream: Any) -> str:
    return _line(stream.metadata.get("title", ""))


def _line(text: str) -> str:
    """Return a stranger's words as one short line of what can be printed."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _MOST_LETTERS])
    return " ".join(shown.split())[:_MOST_LETTERS]


def _is_still(stream: Any) -> bool:
    import av  # noqa: PLC0415 - loaded already

    art = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return bool(stream.disposition & art)


def _decode(packet: Any) -> "VideoFrame | None":
    """Return the first picture that this packet completes; a broken packet gives none.

    A decoder that waits for later pictures is not waited for: it is asked for
    what it has, and begins anew with the next packet.
    """
    import av  # noqa: PLC0415 - loaded already

    context = packet.stream.codec_context
    try:
        for wanted in (packet, None):
            found: list[VideoFrame] = context.decode(wanted)
            if found:
                return found[0]
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        pass
    context.flush_buffers()
    return None
