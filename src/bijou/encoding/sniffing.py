"""What a file's first bytes say that it is; films go on, the rest is told apart.

The answer decides which one demuxer is used, so that no file can talk ffmpeg
into reading it as a playlist, a script or anything else that opens other files.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from bijou.ports import InvalidRequest

HEAD_BYTES = 4096

# What ffmpeg calls the demuxer, and what people call the file.
CONTAINERS = {
    "mov": "MP4 or QuickTime",
    "matroska": "Matroska or WebM",
    "mpegts": "MPEG transport stream",
    "avi": "AVI",
}

TAKEN = "what is taken is a film as MP4, QuickTime, Matroska, WebM, MPEG-TS or AVI"


class Kind(Struct, frozen=True):
    """A kind of file that is not a film, and how it is told apart."""

    code: str
    words: str
    matches: Callable[[bytes], bool]


def sniff(head: bytes) -> str:
    r"""Return the key of `CONTAINERS` that the first bytes of a file belong to.

    Args:
        head: The first `HEAD_BYTES` of the file, or all of it.

    Raises:
        InvalidRequest: `encoding.empty`, `.playlist`, `.concat_script`,
            `.manifest`, `.session_description`, `.image`, `.archive`,
            `.audio_only`, `.not_media`, `.text` or `.unknown_format`.

    Example:
        >>> sniff(b"\x00\x00\x00\x18ftypisom")
        'mov'
    """
    if not head:
        raise InvalidRequest("encoding.empty", f"the file is empty; {TAKEN}")
    for kind in _OTHERS:
        if kind.matches(head):
            raise InvalidRequest(f"encoding.{kind.code}", f"the file is {kind.words}; {TAKEN}")
    for container, matches in _FILMS.items():
        if matches(head):
            return container
    if _is_text(head):
        raise InvalidRequest("encoding.text", f"the file is text; {TAKEN}")
    raise InvalidRequest(
        "encoding.unknown_format",
        f"the file begins like nothing that is known ({head[:8].hex(' ')}); {TAKEN}",
    )


def _pattern(expression: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(expression, re.DOTALL)
    return lambda head: compiled.match(head) is not None


def _is_transport_stream(head: bytes) -> bool:
    """188-byte packets, or 192 with a time stamp in front (Blu-ray, cameras)."""
    for start, step in ((0, 188), (4, 192)):
        marks = head[start::step]
        if len(marks) >= 2 and all(mark == 0x47 for mark in marks):
            return True
    return False


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.end < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)


_BLANK = rb"(?:\xef\xbb\xbf)?\s*"
_POINTS_AWAY = "which only names media that lies elsewhere"

_OTHERS = (
    Kind("playlist", f"an HLS playlist, {_POINTS_AWAY}", _pattern(_BLANK + rb"#EXTM3U")),
    Kind(
        "concat_script",
        f"an ffmpeg concat script, {_POINTS_AWAY}",
        _pattern(_BLANK + rb"(?:ffconcat\b|(?:#[^\n]*\n\s*)*file\s+\S)"),
    ),
    Kind("manifest", f"a DASH manifest, {_POINTS_AWAY}", _pattern(_BLANK + rb"<.{0,2000}?<?MPD[\s>]")),
    Kind(
        "session_description",
        f"a session description (SDP), {_POINTS_AWAY}",
        _pattern(_BLANK + rb"v=0\r?\no="),
    ),
    Kind(
        "image",
        "a still image",
        _pattern(
            rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|BM.{4}\x00{4}|II\*\x00|MM\x00\*|\x00\x00\x01\x00|RIFF.{4}WEBP"
            rb"|.{4}ftyp(?:avif|heic|heix|heim|mif1)|\xff\x0a|.{4}JXL |.{4}jP  |8BPS"
        ),
    ),
    Kind(
        "archive",
        "an archive; unpack it first",
        _pattern(
            rb"PK(?:\x03\x04|\x05\x06)|\x1f\x8b|BZh\d|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar"
        ),
    ),
    Kind(
        "audio_only",
        "sound without a picture",
        _pattern(
            rb"ID3|fLaC|#!AMR|RIFF.{4}WAVE|FORM.{4}AIF|\xff[\xf1-\xf3\xf9-\xfb]|.{4}ftypM4[AB] "
            rb"|OggS.{24}(?:\x01vorbis|OpusHead|.FLAC)"
        ),
    ),
    Kind("not_media", "a document or a program", _pattern(rb"%PDF|\x7fELF|MZ.{58}|\xd0\xcf\x11\xe0|#!/")),
)

_FILMS: dict[str, Callable[[bytes], bool]] = {
    "mov": _pattern(rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot|uuid|styp|moof)"),
    "matroska": _pattern(rb"\x1a\x45\xdf\xa3"),
    "avi": _pattern(rb"RIFF.{4}AVI[ \x19]"),
    "mpegts": _is_transport_stream,
}
