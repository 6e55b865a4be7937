"""Ways to spoil a good MP4."""

import struct

PATH_TO_DREF = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")


def without_index(film: bytes) -> bytes:
    return film[: find(film, b"moov")]


def cut_in_media(film: bytes) -> bytes:
    return film[: find(film, b"mdat") + 500]


def claims_ten_terabytes(film: bytes) -> bytes:
    """Its mdat has a 64-bit size of 10 TB."""
    at = find(film, b"mdat")
    return film[:at] + struct.pack(">I4sQ", 1, b"mdat", 10 * 1024**4) + film[at + 8 :]


def sample_bomb(film: bytes) -> bytes:
    """Its sample table claims four thousand million samples of one byte."""
    at = film.index(b"stsz") + 8
    return film[:at] + struct.pack(">II", 1, 2**32 - 1) + film[at + 8 :]


def child_outgrows_parent(film: bytes) -> bytes:
    at = film.index(b"stsz") - 4
    return film[:at] + struct.pack(">I", 2**31) + film[at + 4 :]


def zeroed_media(film: bytes) -> bytes:
    at = find(film, b"mdat")
    size = struct.unpack_from(">I", film, at)[0]
    return film[: at + 8] + bytes(size - 8) + film[at + size :]


def noise_behind_the_brand(film: bytes, noise: bytes) -> bytes:
    return film[: find(film, b"free")] + noise


def reads_another_file(film: bytes, path: bytes) -> bytes:
    """Its picture is said to lie in another file, by an Alias record of QuickTime."""
    path += b"\0" * (len(path) % 2)
    record = bytes(150) + struct.pack(">hH", 2, len(path)) + path + struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", len(record) + 12, b"alis", 0) + record
    return _replace(film, PATH_TO_DREF, struct.pack(">II", 0, 1) + entry)


def find(film: bytes, kind: bytes) -> int:
    """Where the first box of a kind begins, among the boxes of a file or a parent."""
    at = 0
    while film[at + 4 : at + 8] != kind:
        at += struct.unpack_from(">I", film, at)[0]
    return at


def _replace(film: bytes, path: tuple[bytes, ...], payload: bytes) -> bytes:
    """Replace the payload of the first box on a path, and grow all boxes around it."""
    at = find(film, path[0])
    size = struct.unpack_from(">I", film, at)[0]
    inner = film[at + 8 : at + size]
    inner = _replace(inner, path[1:], payload) if path[1:] else payload
    return film[:at] + struct.pack(">I4s", len(inner) + 8, path[0]) + inner + film[at + size :]
