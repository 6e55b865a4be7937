"""Codec strings, from configuration records written out by hand."""

import pytest

from bijou.packaging.boxes import box, full_box, u16, u32
from bijou.packaging.formats import Kind, read_format
from bijou.ports import InvalidRequest
from tests.unit.packaging.tables import whole

HEVC_MAIN = "01 01 60000000 b00000000000 5d"
HEVC_MAIN_10_HIGH_TIER = "01 22 20000000 900000000000 99"


def picture(kind: str, *configuration: bytes) -> bytes:
    return box(kind, bytes(24), u16(1280, 720), bytes(50), *configuration)


def sound(kind: str, configuration: bytes) -> bytes:
    return box(kind, bytes(16), u16(6, 16), bytes(4), u32(48000 << 16), configuration)


def esds(coding: int, specific: str) -> bytes:
    info = bytes.fromhex(specific)
    decoder = bytes([4, 15 + len(info), coding]) + bytes(12) + bytes([5, len(info)]) + info
    return full_box("esds", 0, 0, bytes([3, 0x80, 0x80, 0x80, 3 + len(decoder)]), bytes(3), decoder)


def nclx(primaries: int, transfer: int, matrix: int, full_range: int = 0) -> bytes:
    return box("colr", b"nclx", u16(primaries, transfer, matrix), bytes([full_range << 7]))


@pytest.mark.parametrize(
    ("kind", "entry", "codecs"),
    [
        ("video", picture("avc1", box("avcC", bytes.fromhex("0164001f ff"))), "avc1.64001f"),
        ("video", picture("avc3", box("avcC", bytes.fromhex("0142c00a ff"))), "avc3.42c00a"),
        ("video", picture("hvc1", box("hvcC", bytes.fromhex(HEVC_MAIN))), "hvc1.1.6.L93.B0"),
        ("video", picture("hev1", box("hvcC", bytes.fromhex(HEVC_MAIN_10_HIGH_TIER))), "hev1.2.4.H153.90"),
        ("video", picture("av01", box("av1C", bytes.fromhex("81040c00"))), "av01.0.04M.08"),
        ("video", picture("av01", box("av1C", bytes.fromhex("81084c00")), nclx(1, 1, 1)), "av01.0.08M.10"),
        (
            "video",
            picture("av01", box("av1C", bytes.fromhex("81094e00")), nclx(9, 16, 9)),
            "av01.0.09M.10.0.112.09.16.09.0",
        ),
        ("video", picture("vp09", full_box("vpcC", 1, 0, bytes.fromhex("000a8201010100"))), "vp09.00.10.08"),
        (
            "video",
            picture("vp09", full_box("vpcC", 1, 0, bytes.fromhex("020aa309100900"))),
            "vp09.02.10.10.01.09.16.09.01",
        ),
        ("audio", sound("mp4a", esds(0x40, "1190")), "mp4a.40.2"),
        ("audio", sound("mp4a", esds(0x40, "2b92")), "mp4a.40.5"),
        ("audio", sound("mp4a", esds(0x40, "f94620")), "mp4a.40.42"),
        ("audio", sound("mp4a", esds(0x6B, "")), "mp4a.6B"),
        ("audio", sound("Opus", box("dOps", bytes(11))), "opus"),
        ("audio", sound("ec-3", box("dec3", bytes(5))), "ec-3"),
    ],
)
def test_the_codec_string_is_what_players_expect(kind: Kind, entry: bytes, codecs: str) -> None:
    assert read_format(whole(entry), kind).codecs == codecs


def test_pictures_have_a_size_and_an_aspect() -> None:
    squeezed = picture("avc1", box("avcC", bytes(5)), box("pasp", u32(4, 3)))

    known = read_format(whole(squeezed), "video")

    assert (known.width, known.height, known.sample_aspect, known.family) == (1280, 720, (4, 3), "avc1")


def test_sound_has_channels_and_a_rate() -> None:
    known = read_format(whole(sound("mp4a", esds(0x40, "1190"))), "audio")

    assert (known.channels, known.sample_rate, known.family) == (6, 48000, "mp4a.40.2")


@pytest.mark.parametrize(("kind", "entry"), [("video", picture("encv")), ("audio", sound("enca", b""))])
def test_encrypted_tracks_are_refused_by_name(kind: Kind, entry: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"sample entry 'enc[av]' at byte 0 is none of") as refused:
        read_format(whole(entry), kind)

    assert refused.value.code == "packaging.unknown_codec"


@pytest.mark.parametrize("entry", [picture("avc1"), picture("avc1", box("avcC", b"\x01"))])
def test_a_missing_or_short_configuration_is_refused(entry: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_format(whole(entry), "video")

    assert refused.value.code == "packaging.bad_mp4"
