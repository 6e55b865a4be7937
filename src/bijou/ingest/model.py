"""What an upload may be called and how long it may be."""

import re
import unicodedata

from bijou.catalog import NewTitle, checked
from bijou.ingest.api import NewUpload
from bijou.ports import InvalidRequest

MAX_FILENAME = 255

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def checked_filename(filename: str) -> str:
    """Return a file's name for display: composed, without folders and outer spaces.

    Raises:
        InvalidRequest: `ingest.bad_filename`.
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", filename)[-1].strip())
    if not 1 <= len(name) <= MAX_FILENAME or _CONTROL.search(name):
        raise InvalidRequest(
            "ingest.bad_filename",
            f"the filename has {len(name)} characters; 1 to {MAX_FILENAME} and no control ones are taken",
        )
    return name


def check_size(size_bytes: int, max_bytes: int) -> None:
    """Refuse an empty file and one over the limit.

    Raises:
        InvalidRequest: `ingest.empty` or `ingest.too_large`.
    """
    if size_bytes <= 0:
        raise InvalidRequest(
            "ingest.empty", f"the file has {size_bytes} bytes; there is nothing in it to play"
        )
    if size_bytes > max_bytes:
        raise InvalidRequest(
            "ingest.too_large",
            f"the file is {human_size(size_bytes)}; at most {human_size(max_bytes)} is taken",
        )


def title_of(new: NewUpload, filename: str) -> NewTitle:
    """Return what the editor said of the title, or what the file's name says.

    Raises:
        InvalidRequest: `catalog.bad_title`.

    Example:
        >>> title_of(NewUpload("big-buck_bunny.480p.mp4", 1), "big-buck_bunny.480p.mp4").name
        'Big buck bunny 480p'
    """
    if new.title is not None:
        return checked(new.title)
    stem = filename.rpartition(".")[0] or filename
    words = " ".join(re.split(r"[\s._-]+", stem)).strip() or filename
    return checked(NewTitle(name=(words[:1].upper() + words[1:])[:200]))


def human_size(size_bytes: int) -> str:
    """Return a number of bytes as people say it, in powers of a thousand.

    Example:
        >>> [human_size(n) for n in (1, 999, 1000, 64 * 1024**3, 10 * 1000**4)]
        ['1 bytes', '999 bytes', '1 kB', '68.7 GB', '10 TB']
    """
    value, unit = float(size_bytes), 0
    while round(value, 1) >= 1000 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"
