"""The one way to read a file of captions, whatever its format.

Files come from strangers: whatever is wrong with one is said in one sentence
with the number of its line, and nothing is guessed but what all players guess.
"""

import codecs
import re

from bijou.packaging.cues import Captions, bad_captions, said
from bijou.packaging.subrip import read_subrip
from bijou.packaging.webvtt import SIGNATURE, read_webvtt
from bijou.ports import InvalidRequest

MOST_CAPTION_BYTES = 4 * 1024**2

_BOMS = (
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_captions(content: bytes) -> Captions:
    r"""Read a SubRip or WebVTT file.

    Text is UTF-8, with or without a byte order mark, or UTF-16 with one.

    Cost: O(bytes) time and memory.

    Raises:
        InvalidRequest: `packaging.captions_encoding`, the bytes are in another
            encoding; `packaging.bad_captions`, with the line that is neither
            format; `packaging.captions_too_large`.

    Example:
        >>> read_captions(b"1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n").cues[0]
        Cue(start_ms=1000, end_ms=2500, text='Hello <i>there</i>', identifier='', settings='')
    """
    lines = _lines(content)
    return (read_webvtt if SIGNATURE.fullmatch(lines[0]) else read_subrip)(lines)


def _lines(content: bytes) -> list[str]:
    """Decode a file; at least one line comes out."""
    if len(content) > MOST_CAPTION_BYTES:
        raise InvalidRequest(
            "packaging.captions_too_large",
            f"the captions have {len(content)} bytes; at most {MOST_CAPTION_BYTES} are taken",
        )
    text = _decode(content)
    lines = re.split(r"\r\n|\r|\n", text)
    if _CONTROL.search(text):
        number, line = next((at, line) for at, line in enumerate(lines, 1) if _CONTROL.search(line))
        raise bad_captions(number, f"{said(line)} holds a control character; captions are text")
    return lines


def _decode(content: bytes) -> str:
    mark, encoding = next(((mark, name) for mark, name in _BOMS if content.startswith(mark)), (b"", "utf-8"))
    if not encoding:
        raise _encoding("they are in UTF-32")
    body = content[len(mark) :]
    if not mark and max(body[:400][0::2].count(0), body[:400][1::2].count(0)) * 3 > len(body[:400]):
        raise _encoding("they look like UTF-16 without its mark")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise _encoding(
                f"byte {error.start + len(mark)} is not {encoding.upper()}, as their mark says"
            ) from None
        line = body.count(b"\n", 0, error.start) + 1
        byte = body[error.start]
        raise _encoding(
            f"byte 0x{byte:02X} at line {line} is not UTF-8; it looks like {_guess(body)}"
        ) from None


def _encoding(what: str) -> InvalidRequest:
    return InvalidRequest(
        "packaging.captions_encoding",
        f"the captions' encoding is not taken: {what}; save them as UTF-8, or as UTF-16 with its mark",
    )


def _guess(body: bytes) -> str:
    """Name what the bytes look like, so that people know what to choose when they save again."""
    runs = re.findall(rb"[\x81-\xfe][\x40-\xfe]|[\x80-\xff]", body)
    pairs = sum(len(run) == 2 and run[1] >= 0x80 for run in runs)
    if runs and pairs * 2 > len(runs):
        return "an encoding of two bytes a character, such as GB 18030 or Shift_JIS, or Cyrillic Windows-1251"
    return "Windows-1252 or another encoding of one byte a character"
