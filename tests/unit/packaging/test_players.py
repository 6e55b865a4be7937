"""What ffmpeg makes of a package: the same frames by every road."""

import re
from pathlib import Path

import pytest

from bijou.packaging import Package, TrackSource, package
from tests.unit.packaging.films import CUTS_S, DECODERS, FRAMES, encode_video, first_frame, frames, packets

pytestmark = pytest.mark.parametrize("decoder", DECODERS, ids=["bundled", "system"][: len(DECODERS)])


@pytest.mark.parametrize("rendition", [0, 1])
def test_hls_and_dash_decode_to_the_frames_of_the_encode(
    decoder: str, rendition: int, sources: list[TrackSource], address: str
) -> None:
    source = sources[rendition]

    direct = frames(decoder, str(source.path), "v")

    assert [shown_at for shown_at, _ in direct] == list(range(FRAMES))
    assert frames(decoder, f"{address}/{source.name}/playlist.m3u8", "v") == direct
    assert frames(decoder, f"{address}/manifest.mpd", f"v:{rendition}") == direct


def test_the_multivariant_playlist_leads_to_all_frames_and_all_sound(
    decoder: str, sources: list[TrackSource], address: str
) -> None:
    # ffmpeg's parser complains of the rendition that is not mapped, of its own packages too; hence "fatal".
    shown = frames(decoder, f"{address}/master.m3u8", "v:0", level="fatal")
    heard = packets(decoder, f"{address}/master.m3u8", "a:0", level="fatal")

    assert shown == frames(decoder, str(sources[0].path), "v")
    assert heard == packets(decoder, str(sources[2].path), "a")


@pytest.mark.parametrize("sound", [0, 1])
def test_sound_is_the_encoders_packet_for_packet_and_does_not_drift(
    decoder: str, sound: int, sources: list[TrackSource], address: str
) -> None:
    source = sources[2 + sound]

    direct = packets(decoder, str(source.path), "a")

    assert packets(decoder, f"{address}/{source.name}/playlist.m3u8", "a") == direct
    assert packets(decoder, f"{address}/manifest.mpd", f"a:{sound}") == direct
    assert frames(decoder, f"{address}/{source.name}/playlist.m3u8", "a") == frames(
        decoder, str(source.path), "a"
    )


def test_the_first_frame_of_every_segment_decodes_from_its_iframe_range_alone(
    decoder: str, packaged: Package, folder: Path, sources: list[TrackSource], tmp_path: Path
) -> None:
    playlist = (folder / "v180" / "iframes.m3u8").read_text()
    lengths = [int(length) for length in re.findall(r"#EXT-X-BYTERANGE:(\d+)@0", playlist)]
    everything = frames(decoder, str(sources[0].path), "v")
    alone = tmp_path / "alone.mp4"

    for number, (length, cut) in enumerate(zip(lengths, CUTS_S, strict=True), 1):
        segment = (folder / "v180" / f"{number:05}.m4s").read_bytes()
        alone.write_bytes((folder / "v180" / "init.mp4").read_bytes() + segment[:length])

        assert first_frame(decoder, alone) == everything[int(cut * 24)][1]


def test_23_976_frames_a_second_stay_exact(decoder: str, tmp_path: Path) -> None:
    path = encode_video(
        tmp_path / "v.mp4", height=90, fragments="frag_keyframe", rate="24000/1001", keys="0,2,4,6"
    )

    result = package([TrackSource("v", "video", path)], [2, 4, 6], tmp_path / "out")

    assert (result.tracks[0].segments, round(result.tracks[0].frame_rate, 3)) == (4, 23.976)
    assert packets(decoder, str(tmp_path / "out/v/playlist.m3u8"), "v") == packets(decoder, str(path), "v")
