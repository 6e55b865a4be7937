"""What an upload may be called, how long it may be, and how much may be unfinished."""

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from bijou.catalog import NewTitle, checked
from bijou.ingest.api import Checksum, NewUpload
from bijou.ports import InvalidRequest, NotFound, Overloaded

if TYPE_CHECKING:
    from hashlib import _Hash

MAX_FILENAME = 255
ALGORITHMS = ("sha256", "sha1")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


class Quota(msgspec.Struct, frozen=True):
    """Most bytes that open uploads may have announced."""

    all_bytes: int
    person_bytes: int

    def check(self, size_bytes: int, *, own: int, all_: int) -> None:
        """Refuse a file that would be too much.

        Args:
            own: Bytes that the same person's open uploads have announced.
            all_: Bytes of everybody's.

        Raises:
            Overloaded: `ingest.quota`.
        """
        for whose, there, most in (
            ("your unfinished uploads hold", own, self.person_bytes),
            ("all unfinished uploads hold", all_, self.all_bytes),
        ):
            if there + size_bytes > most:
                raise Overloaded(
                    "ingest.quota",
                    f"{whose} {human_size(there)} and the file is {human_size(size_bytes)}; at most "
                    f"{human_size(most)} may be on the way at once: finish or cancel one first",
                )


class TooLarge(InvalidRequest):
    """More than is taken."""

    status = 413
    title = "Content too large"


class UnknownAlgorithm(InvalidRequest):
    """A way to sum up bytes that we do not have."""

    status = 400
    title = "Bad request"


def check_algorithm(checksum: Checksum | None) -> None:
    """Refuse a checksum that cannot be checked.

    Raises:
        InvalidRequest: `ingest.checksum_algorithm`.
    """
    if checksum and checksum.algorithm not in ALGORITHMS:
        raise UnknownAlgorithm(
            "ingest.checksum_algorithm",
            f"the checksum is a {checksum.algorithm!r}; taken are {', '.join(ALGORITHMS)}",
        )


def no_upload(upload_id: str) -> NotFound:
    """Return the error for an upload that is not there."""
    return NotFound(
        "ingest.no_upload", f"there is no upload {upload_id!r}; it may have been abandoned, or expired"
    )


def no_bytes() -> "_Hash":
    """Return the SHA-256 of nothing yet."""
    return hashlib.sha256()


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
        raise TooLarge(
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
