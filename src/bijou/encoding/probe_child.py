"""The disposable child that opens a stranger's file and prints its facts.

Run by path, `python -I probe_child.py FILE CONTAINER MAX_PIXELS`, so that it
loads PyAV and msgspec and nothing else. It prints one line of JSON, a `Facts`.
The demuxer gets an open file, never an address, and may open nothing itself:
whatever the file says, no other file and no network is read.

Parents import the types only; PyAV is loaded in the child.
"""

import sys
from pathlib import Path
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


class PictureFacts(msgspec.Struct, frozen=True):
    """The picture stream of a file.

    Args:
        index: Of the stream in the file.
        aspect: Width of a pixel over its height, as two whole numbers.
        tick: Unit of time in seconds, as two whole numbers.
        packets: Counted, not claimed.
        first, last: Smallest and largest time stamp, in ticks.
        last_ticks: Duration of the last packet, 0 where it has none.
        decoded: Whether at least one of the first packets gave a picture.
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


class SoundFacts(msgspec.Struct, frozen=True):
    """One sound stream of a file."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str
    packets: int = 0


class Facts(msgspec.Struct, frozen=True):
    """What the child found, or why there is nothing to find.

    Args:
        stills: Picture streams that are cover art.
        problem: What the demuxer said where it gave up.
    """

    pictures: list[PictureFacts] = []
    sounds: list[SoundFacts] = []
    stills: int = 0
    problem: str = ""


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


def examine(file: BinaryIO, container: str, max_pixels: int) -> Facts:
    """Read all packets of a file and decode until the first picture.

    Cost: the file is read once; memory for one packet.
    """
    import av  # noqa: PLC0415 - only the child loads it

    av.logging.set_level(av.logging.PANIC)
    options = demuxer_options(container) | {"protocol_whitelist": "none", "max_pixels": str(max_pixels)}
    try:
        with av.open(file, "r", format=container, options=options) as opened:
            return _Examination(opened).run()
    except (av.FFmpegError, ValueError) as error:
        return Facts(problem=str(error)[:200])


class _Examination:
    """One pass over the packets of an open file."""

    def __init__(self, opened: "InputContainer") -> None:
        self._opened = opened
        art = {stream.index for stream in opened.streams.video if _is_still(stream)}
        self._pictures = [stream for stream in opened.streams.video if stream.index not in art]
        self._stills = len(art)
        self._packets: dict[int, int] = {}
        self._first: int | None = None
        self._last = 0
        self._last_ticks = 0
        self._frame: VideoFrame | None = None

    def run(self) -> Facts:
        main = self._pictures[0] if self._pictures else None
        problem = self._read(main)
        return Facts(
            pictures=[self._picture(main)] if main else [],
            sounds=[self._sound(stream) for stream in self._opened.streams.audio],
            stills=self._stills,
            problem=problem,
        )

    def _read(self, main: Any) -> str:
        """Count packets; return what ended it early, or nothing."""
        import av  # noqa: PLC0415 - loaded already

        wanted = [stream for stream in (main, *self._opened.streams.audio) if stream]
        try:
            for packet in self._opened.demux(*wanted):
                if packet.stream is main:
                    self._note(packet)
                elif packet.size:
                    self._count(packet)
        except (av.FFmpegError, ValueError) as error:
            return str(error)[:200]
        return ""

    def _note(self, packet: Any) -> None:
        if self._frame is None and self._packets.get(packet.stream.index, 0) < _TRIED_PACKETS:
            self._frame = _decode(packet)
        if not packet.size or packet.is_discard:
            return
        self._count(packet)
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is None:
            return
        self._first = moment if self._first is None else min(self._first, moment)
        if moment >= self._last:
            self._last, self._last_ticks = moment, packet.duration or 0

    def _count(self, packet: Any) -> None:
        self._packets[packet.stream.index] = self._packets.get(packet.stream.index, 0) + 1

    def _picture(self, stream: Any) -> PictureFacts:
        context, frame = stream.codec_context, self._frame
        shape = frame if frame is not None else context
        aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio
        return PictureFacts(
            index=stream.index,
            codec=context.codec.canonical_name,
            width=shape.width,
            height=shape.height,
            pixel_format=(frame.format.name if frame is not None else context.pix_fmt) or "",
            aspect=(aspect.numerator, aspect.denominator) if aspect else (1, 1),
            tick=(stream.time_base.numerator, stream.time_base.denominator),
            transfer=int(shape.color_trc or 0),
            packets=self._packets.get(stream.index, 0),
            first=self._first or 0,
            last=self._last,
            last_ticks=self._last_ticks,
            rotation_degrees=int(-frame.rotation) % 360 if frame is not None else 0,
            interlaced=bool(frame is not None and frame.interlaced_frame),
            decoded=frame is not None,
        )

    def _sound(self, stream: Any) -> SoundFacts:
        context = stream.codec_context
        return SoundFacts(
            index=stream.index,
            codec=context.codec.canonical_name,
            sample_rate=context.sample_rate or 0,
            channels=context.channels or 0,
            language=stream.language or "und",
            packets=self._packets.get(stream.index, 0),
        )


def _is_still(stream: Any) -> bool:
    import av  # noqa: PLC0415 - loaded already

    art = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return bool(stream.disposition & art)


def _decode(packet: Any) -> "VideoFrame | None":
    """Return the first picture that this packet completes; a broken packet gives none."""
    import av  # noqa: PLC0415 - loaded already

    try:
        return next(iter(packet.decode()), None)
    except (av.FFmpegError, ValueError):
        return None


def main(path: str, container: str, max_pixels: str) -> None:
    """Examine a file and print the facts as one line of JSON."""
    with Path(path).open("rb") as file:
        facts = examine(file, container, int(max_pixels))
    sys.stdout.buffer.write(msgspec.json.encode(facts) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
