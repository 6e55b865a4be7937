"""A file of features, told from anything else by its first bytes."""

from typing import Final

from bijou.ports import InvalidRequest

_TAKEN: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
_OTHERS: Final = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "a database",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
}


def look_at_head(head: bytes) -> None:
    """Refuse what begins like neither CSV (plain, gzip, zstd) nor Parquet nor Arrow.

    Raises:
        InvalidRequest: `audience.bad_file`.

    Example:
        >>> look_at_head(b"user,country")
        >>> look_at_head(b"%PDF-1.7")
        Traceback (most recent call last):
        bijou.ports.errors.InvalidRequest: the file is a PDF; CSV, Parquet and Arrow are taken
    """
    if head.startswith(_TAKEN):
        return
    what = next((words for magic, words in _OTHERS.items() if head.startswith(magic)), "")
    if not what and b"\0" in head:
        what = "neither text nor a table"
    if what:
        raise InvalidRequest("audience.bad_file", f"the file is {what}; CSV, Parquet and Arrow are taken")
