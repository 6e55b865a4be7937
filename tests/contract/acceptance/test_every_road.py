"""Every rendition, by every road, to the same frames and the same sound."""

from pathlib import Path

import pytest

from bijou.encoding.titles.facts import Edition
from bijou.encoding.titles.playlists import growing_lists
from bijou.ports import Instant
from bijou.runtime import codec
from tests.contract.acceptance.conftest import FRAMES, Encoded
from tests.contract.acceptance.mpd_order import faults
from tests.contract.acceptance.roads import BUNDLED, FOREIGN, frames, lags, representations, samples
from tests.contract.chunks.studio import pictures, strangers

DECODERS = [pytest.param(BUNDLED, id="bundled")]
if FOREIGN:
    DECODERS.append(pytest.param(FOREIGN, id="system"))


def test_all_720_frames_are_in_every_rendition(encoded: Encoded) -> None:
    assert len(encoded.pictures) == 6
    for rendition in encoded.pictures:
        assert encoded.direct[rendition.playlist].shown_at == list(range(FRAMES)), rendition.playlist


@pytest.mark.parametrize("decoder", DECODERS)
def test_hls_and_dash_decode_to_the_frames_of_the_files(decoder: str, encoded: Encoded) -> None:
    for number, rendition in enumerate(encoded.pictures):
        [by_hls] = frames(decoder, f"{encoded.address}/{rendition.playlist}", "v")
        [by_dash] = frames(decoder, f"{encoded.address}/{encoded.dash}", f"v:{number}")

        assert by_hls == encoded.direct[rendition.playlist], rendition.playlist
        assert by_dash == encoded.direct[rendition.playlist], rendition.playlist


def test_every_frame_is_that_of_the_source(encoded: Encoded, clip: Path, tmp_path: Path) -> None:
    source = pictures(clip)

    for rendition in encoded.pictures:
        shown = pictures(rendition.joined(tmp_path / "whole.mp4"))

        # At few bits one frame may come to look like its neighbour; a shift makes all of a chunk do so.
        assert len(strangers(source, shown)) <= 3, rendition.playlist


def test_sound_does_not_drift_by_a_sample(encoded: Encoded, clip: Path, tmp_path: Path) -> None:
    source = samples(clip)

    for rendition in encoded.sounds:
        heard = samples(rendition.joined(tmp_path / "whole.mp4"))

        assert lags(source, heard, (0.0, 0.25, 0.5, 0.75, 1.0)) == [0] * 5, rendition.playlist
        assert 0 <= len(heard) - len(source) < 2048, rendition.playlist


@pytest.mark.parametrize("decoder", DECODERS)
def test_sound_is_the_same_packets_by_every_road(decoder: str, encoded: Encoded) -> None:
    for number, rendition in enumerate(encoded.sounds):
        [by_hls] = frames(decoder, f"{encoded.address}/{rendition.playlist}", "a", "-c", "copy")
        [by_dash] = frames(decoder, f"{encoded.address}/{encoded.dash}", f"a:{number}", "-c", "copy")

        assert len(by_hls.digests) > 1000
        assert by_hls == encoded.direct[rendition.playlist], rendition.playlist
        assert by_dash == encoded.direct[rendition.playlist], rendition.playlist


def test_the_manifest_is_in_the_standards_order(encoded: Encoded) -> None:
    manifest = (encoded.folder / encoded.dash).read_text()
    edition = codec.decode((encoded.folder / "v1" / "edition.json").read_bytes(), Edition)
    lists = growing_lists(edition.renditions, ended=False, since=Instant(0), written_at=Instant(1))
    growing = lists["manifest.mpd"]

    assert faults(manifest) == []
    assert faults((encoded.folder / "live" / "manifest.mpd").read_text()) == []
    assert 'type="dynamic"' in growing
    assert faults(growing) == []
    assert len(representations(manifest, "video")) == len(encoded.pictures)
    assert len(representations(manifest, "audio")) == len(encoded.sounds)


def test_an_element_out_of_order_is_found() -> None:
    head = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S">'
    inside = '<AdaptationSet><Representation id="v" bandwidth="1"/><Label/></AdaptationSet>'

    assert faults(f"{head}<Period>{inside}</Period></MPD>") == [
        "the children of AdaptationSet are in the order Representation, Label"
    ]
    assert faults(f'{head}<Period colour="red"/><BaseURL/></MPD>') == [
        "the children of MPD are in the order Period, BaseURL",
        "Period has no attribute colour",
    ]


def test_segments_start_and_end_where_they_do_in_all_pictures(encoded: Encoded) -> None:
    grids = {rendition.durations_s for rendition in encoded.pictures}

    assert len(grids) == 1
    assert max(max(grid) for grid in grids) <= 4.000001
    assert sum(next(iter(grids))) == pytest.approx(FRAMES / 24, abs=0.001)
