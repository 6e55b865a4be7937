"""A file's outermost structure: is all of it there, does it claim sanely.

Reads headers only, by seeking: a lie costs nothing here, while a demuxer would
allocate what the header claims.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

from bijou.ports import InvalidRequest

MAX_BOXES = 1_000_000
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_ENCRYPTED = frozenset({b"encv", b"enca", b"drmi"})
_EBML = 0x1A45DFA3
_SEGMENT = 0x18538067


class Box(Struct, frozen=True):
    """One ISO BMFF box: where its payload starts and where it says it ends."""

    kind: bytes
    start: int
    end: int


def check_structure(file: BinaryIO, container: str) -> None:
    """Refuse a file that is cut off, or whose headers claim what cannot be.

    Cost: one read of 16 bytes a box, at most `MAX_BOXES`.

    Args:
        file: Open for reading; its position is moved.
        container: A key of `sniffing.CONTAINERS`; those without a cheap check pass.

    Raises:
        InvalidRequest: `encoding.truncated`, `encoding.no_index`,
            `encoding.false_claims` or `encoding.encrypted`.
    """
    size = file.seek(0, os.SEEK_END)
    if container == "mov":
        _check_mov(file, size)
    elif container == "matroska":
        _check_matroska(file, size)


def _check_mov(file: BinaryIO, size: int) -> None:
    seen = set()
    for box in _boxes(file, 0, size):
        if box.end > size:
            raise _truncated(f"its {_name(box.kind)} box", box.end - box.start, size - box.start)
        seen.add(box.kind)
        if box.kind == b"moov":
            _check_movie(file, box, size)
    if b"moov" not in seen:
        raise InvalidRequest(
            "encoding.no_index",
            "the file has no moov box, the index of an MP4; the recording or the copy was not finished",
        )


def _check_movie(file: BinaryIO, parent: Box, size: int) -> None:
    for box in _boxes(file, parent.start, parent.end):
        if box.end > parent.end:
            raise InvalidRequest(
                "encoding.false_claims",
                f"a {_name(box.kind)} box claims {box.end - box.start} bytes,"
                f" more than the {_name(parent.kind)} box around it has",
            )
        if box.kind in _CONTAINERS:
            _check_movie(file, box, size)
        elif box.kind == b"stsz":
            _check_sample_sizes(file, box, size)
        elif box.kind == b"stsd":
            _check_sample_entry(file, box)


def _check_sample_sizes(file: BinaryIO, box: Box, size: int) -> None:
    file.seek(box.start)
    content = file.read(12)
    if len(content) < 12:
        return
    _, each, count = struct.unpack(">III", content)
    listed = box.end - box.start - 12
    if count > size or each * count > size or (each == 0 and count * 4 > listed):
        raise InvalidRequest(
            "encoding.false_claims",
            f"the sample table claims {count} samples, which a file of {size} bytes cannot hold",
        )


def _check_sample_entry(file: BinaryIO, box: Box) -> None:
    file.seek(box.start + 8)
    if file.read(8)[4:] in _ENCRYPTED:
        raise InvalidRequest("encoding.encrypted", "the file is encrypted; send it without copy protection")


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes in [start, end); stops quietly where none can begin."""
    for _ in range(MAX_BOXES):
        file.seek(start)
        head = file.read(16)
        if start + 8 > end or len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if length == 1 and len(head) == 16:
            length, header = struct.unpack(">Q", head[8:])[0], 16
        elif length == 0:
            length = end - start
        if length < header or not kind.isascii() or not any(kind):
            return
        yield Box(kind, start + header, start + length)
        start += length
    raise InvalidRequest("encoding.false_claims", f"the file has more than {MAX_BOXES} boxes")


def _check_matroska(file: BinaryIO, size: int) -> None:
    position = 0
    for wanted in (_EBML, _SEGMENT):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12 or int.from_bytes(head[:4], "big") != wanted:
            return
        width = 9 - head[4].bit_length()
        if width > 8:
            return
        length = int.from_bytes(head[4 : 4 + width], "big") & (1 << 7 * width) - 1
        if length == (1 << 7 * width) - 1:
            return
        position += 4 + width + length
    if position > size:
        raise _truncated("its Segment", length, length - (position - size))


def _truncated(what: str, claimed: int, there: int) -> InvalidRequest:
    return InvalidRequest(
        "encoding.truncated",
        f"the file ends too early: {what} should have {claimed} bytes and {there} are there;"
        " send the whole file",
    )


def _name(kind: bytes) -> str:
    return kind.decode("latin-1").strip()
