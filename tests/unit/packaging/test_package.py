"""A package on disk: what is in it, and what is refused before it is begun."""

import re
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from bijou.packaging import Package, Subtitles, TrackSource, package, read_track
from bijou.ports import Conflict, InvalidRequest
from tests.unit.packaging.films import CUTS_S, DURATION_S, encode_video

VIDEO = ["v180", "v90"]


def durations(folder: Path, name: str) -> list[Fraction]:
    return [
        Fraction(text)
        for text in re.findall(r"#EXTINF:([\d.]+),", (folder / name / "playlist.m3u8").read_text())
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_picture_is_cut_at_the_boundaries_and_sound_beside_them(
    packaged: Package, folder: Path
) -> None:
    edges = [*CUTS_S, Fraction(DURATION_S)]
    grid = [after - before for before, after in pairwise(edges)]

    for track in packaged.tracks:
        lengths = durations(folder, track.name)
        assert len(lengths) == track.segments == len(grid)
        assert sum(lengths) == DURATION_S
        assert max(lengths) <= 4
        assert lengths == grid or track.name not in VIDEO


@pytest.mark.parametrize("name", ["v180", "v90", "aac", "opus"])
def test_every_segment_stands_alone_behind_the_init_segment(
    name: str, packaged: Package, folder: Path
) -> None:
    init = (folder / name / "init.mp4").read_bytes()
    end = 0

    for number in range(1, len(CUTS_S) + 1):
        segment = (folder / name / f"{number:05}.m4s").read_bytes()
        track = read_track(BytesIO(init + segment))
        assert track.samples.is_sync(0)
        assert track.samples.decode_times[0] == end
        assert segment[segment.index(b"mfhd") + 8 :][:4] == number.to_bytes(4)
        end = track.samples.decode_end


def test_the_facts_are_those_of_the_files(packaged: Package, folder: Path) -> None:
    assert [(track.name, track.kind, track.language) for track in packaged.tracks] == [
        ("v180", "video", ""),
        ("v90", "video", ""),
        ("aac", "audio", "en"),
        ("opus", "audio", "de"),
    ]
    for track in packaged.tracks:
        files = [path for path in (folder / track.name).iterdir() if path.suffix in {".mp4", ".m4s"}]
        assert track.size_bytes == sum(path.stat().st_size for path in files)
        assert len(files) == track.segments + 1
        assert track.average_bps <= track.bandwidth_bps
        assert track.duration_s == DURATION_S
    assert (packaged.tracks[0].width, packaged.tracks[0].height, packaged.tracks[0].frame_rate) == (
        320,
        180,
        24.0,
    )
    assert [track.codecs[:5] for track in packaged.tracks] == ["avc1.", "avc1.", "mp4a.", "opus"]


def test_the_same_input_gives_the_same_bytes(
    packaged: Package, folder: Path, sources: list[TrackSource], tmp_path: Path
) -> None:
    again = package(sources, CUTS_S, tmp_path / "again")

    assert again == packaged
    assert contents(tmp_path / "again") == contents(folder)


def test_the_fragments_of_the_encoder_leave_no_trace(sources: list[TrackSource], tmp_path: Path) -> None:
    track = sources[1]

    result = package([track], CUTS_S, tmp_path / "out")

    assert result.tracks[0].size_bytes < track.path.stat().st_size
    assert b"Lavf" not in (tmp_path / "out" / "v90" / "init.mp4").read_bytes()


def refused(code: str, sources: list[TrackSource], boundaries: list[float], out: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        package(sources, boundaries, out)
    assert caught.value.code == code
    assert not out.exists()
    return caught.value.detail


def test_missing_boundaries_are_refused_by_track_before_anything_is_written(
    sources: list[TrackSource], tmp_path: Path
) -> None:
    says = refused("packaging.long_segment", sources, [], tmp_path / "out")

    assert says.startswith("track 'v180': segment 1 shows its last frame")


def test_a_boundary_without_a_key_frame_is_refused(sources: list[TrackSource], tmp_path: Path) -> None:
    says = refused("packaging.no_sync_sample", sources, [1.5, 3.0], tmp_path / "out")

    assert "a segment must begin at 3.000000 s" in says
    assert "the nearest is at 3.250000 s" in says


def test_pictures_that_begin_a_segment_at_different_moments_are_refused(
    sources: list[TrackSource], tmp_path: Path
) -> None:
    slow = encode_video(
        tmp_path / "slow.mp4", height=90, fragments="frag_keyframe", rate="10", keys="0,1.6,3.3,5.5,7"
    )
    tracks = [sources[0], TrackSource("slow", "video", slow)]

    says = refused("packaging.grids_differ", tracks, [1.53, 3.25, 5.5, 7], tmp_path / "out")

    assert says.startswith("track 'slow': segment 2 begins at 1.600000 s, not at 1.500000 s")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "x" * 65, 'quo"te', "new\nline"])
def test_a_name_that_is_no_folder_is_refused(name: str, sources: list[TrackSource], tmp_path: Path) -> None:
    source = TrackSource(name, "video", sources[0].path)

    assert "must be unique, 1 to 64" in refused("packaging.bad_track", [source], [], tmp_path / "out")


def test_tracks_that_contradict_themselves_are_refused(sources: list[TrackSource], tmp_path: Path) -> None:
    path = sources[0].path
    wrong = {
        "it is video; audio was said": [TrackSource("a", "audio", path)],
        "must be unique": [TrackSource("a", "video", path), TrackSource("a", "video", path)],
        "is not BCP 47": [TrackSource("a", "video", path, 'en"')],
        "there is no track": [],
    }

    for says, tracks in wrong.items():
        assert says in refused("packaging.bad_track", tracks, list(map(float, CUTS_S)), tmp_path / "out")


def test_what_is_no_mp4_is_refused_by_track(tmp_path: Path) -> None:
    text = tmp_path / "film.mp4"
    text.write_text("this is text")

    says = refused("packaging.bad_mp4", [TrackSource("v", "video", text)], [], tmp_path / "out")

    assert says.startswith("track 'v': not a usable fragmented MP4, at byte 0:")


def test_a_second_package_in_the_same_folder_is_refused(
    packaged: Package, folder: Path, sources: list[TrackSource]
) -> None:
    before = contents(folder)

    with pytest.raises(Conflict, match="exists") as caught:
        package(sources, CUTS_S, folder)

    assert caught.value.code == "packaging.exists"
    assert contents(folder) == before


def test_subtitles_reach_the_multivariant_playlist(sources: list[TrackSource], tmp_path: Path) -> None:
    package(sources[:1], CUTS_S, tmp_path / "out", subtitles=[Subtitles("English", "en", "s/en.m3u8")])

    assert 'URI="s/en.m3u8"' in (tmp_path / "out" / "master.m3u8").read_text()
