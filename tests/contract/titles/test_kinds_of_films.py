"""Films of many kinds keep their frames, their times and their sound; all of them at once."""

import asyncio
import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import Publication
from bijou.encoding import Standing, TitleWork
from tests.contract.titles.studio import Studio

TINY = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=24:duration=2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
X265 = ("-preset", "ultrafast", "-x265-params")
BRIGHT = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
LIT = "color=black:size=160x90:rate=10:duration=0.5,drawbox=x=0:y=0:w=40:h=40:color=white:t=fill"
CLICK = ("-f", "lavfi", "-i", "aevalsrc=if(between(t\\,1\\,1.02)\\,0.8\\,0):s=48000:d=2")


def make(path: Path, *arguments: str) -> Path:
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


def plain(folder: Path) -> Path:
    """Two shots of one and a half seconds, with sound."""
    return make(
        folder / "plain.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1.5"),
        *("-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=24:start_scale=0.3", "-t", "3"),
        *("-f", "lavfi", "-i", "sine=440:duration=3"),
        *("-filter_complex", "[1:v]trim=end=1.5[m];[0:v][m]concat=n=2[v]", "-map", "[v]", "-map", "2:a"),
        *(*X264, "-x264-params", "scenecut=0:keyint=250", "-c:a", "aac", "-metadata", "artist=Nobody Real"),
    )


def uneven(folder: Path) -> Path:
    dropped = "select=not(mod(n\\,5))+gt(n\\,24)"
    return make(folder / "uneven.mp4", *TINY, "-vf", dropped, "-fps_mode", "vfr", *X264)


def turned(folder: Path) -> Path:
    flat = make(folder / "flat.mp4", "-f", "lavfi", "-i", LIT, *X264)
    return make(folder / "turned.mp4", "-display_rotation:v:0", "-90", "-i", str(flat), "-c", "copy")


def oblong(folder: Path) -> Path:
    return make(folder / "oblong.mp4", *TINY, "-vf", "setsar=4/3", *X264)


def lossless(folder: Path) -> Path:
    odd = ("-f", "lavfi", "-i", "mandelbrot=size=161x91:rate=30000/1001", "-t", "1")
    return make(folder / "odd.mkv", *odd, "-pix_fmt", "yuv444p", "-c:v", "ffv1")


def woven(folder: Path) -> Path:
    fields = ("-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video")
    return make(folder / "woven.ts", *TINY, *fields)


def bright(folder: Path) -> Path:
    return make(folder / "bright.mp4", *TINY, "-pix_fmt", "yuv420p10le", "-c:v", "libx265", *X265, BRIGHT)


def late_sound(folder: Path) -> Path:
    return make(folder / "late.mkv", *TINY, "-itsoffset", "0.5", *CLICK, *X264, "-c:a", "pcm_s16le")


def late_picture(folder: Path) -> Path:
    return make(folder / "early.mkv", "-itsoffset", "0.5", *TINY, *CLICK, *X264, "-c:a", "pcm_s16le")


def resized(folder: Path) -> Path:
    """A recording whose picture becomes smaller on the way."""
    parts = []
    for start, size in enumerate(("160x90", "320x180")):
        picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24:duration=1")
        parts.append(make(folder / f"{size}.ts", *picture, *X264, "-output_ts_offset", str(start)))
    whole = folder / "resized.ts"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


KINDS: dict[str, Callable[[Path], Path]] = {
    kind.__name__: kind
    for kind in (plain, uneven, turned, oblong, lossless, woven, bright, late_sound, late_picture, resized)
}


class Kinds:
    """What has become of each of them."""

    def __init__(self, folder: Path, standings: dict[str, Standing]) -> None:
        self.media = folder / "blobs" / "media"
        self._standings = standings

    def publication(self, name: str) -> Publication:
        publication = self._standings[name].publication
        assert publication is not None, self._standings[name]
        return publication

    def joined(self, name: str, rendition: str) -> Path:
        """One file of a rendition's init segment and segments, as its playlist has them."""
        whole = self.media.parent / f"{name}-{rendition}.mp4"
        listed = self.media / name / "v1" / f"{rendition}.m3u8"
        pieces = re.findall(r'^(?:#EXT-X-MAP:URI=")?(\.\.[^"\n]+)', listed.read_text(), re.MULTILINE)
        whole.write_bytes(b"".join((listed.parent / piece).read_bytes() for piece in pieces))
        return whole


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Kinds:
    films = tmp_path_factory.mktemp("kinds")

    async def encoded() -> dict[str, Standing]:
        studio = Studio(films / "studio", lease_s=20)
        works = {}
        for name, kind in KINDS.items():
            await studio.bring(kind(films), f"sources/{name}")
            works[name] = TitleWork(name, f"sources/{name}", analyse=False)
            await studio.add(works[name])
        async with studio.worker():
            standings = {name: await studio.ended(work) for name, work in works.items()}
        await studio.close()
        return standings

    return Kinds(films / "studio", asyncio.run(encoded()))


def frames(film: Path) -> list[av.VideoFrame]:
    with av.open(str(film)) as opened:
        return list(opened.decode(opened.streams.video[0]))


def times(film: Path) -> list[Fraction]:
    return [
        frame.pts * frame.time_base for frame in frames(film) if frame.pts is not None and frame.time_base
    ]


def sound(film: Path) -> np.ndarray:
    with av.open(str(film)) as opened:
        return np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(opened.streams.audio[0])])


def test_every_rendition_has_every_frame_at_its_exact_time_and_begins_anew_on_the_cut(kinds: Kinds) -> None:
    publication = kinds.publication("plain")
    pictures = [rendition.name for rendition in publication.renditions if rendition.kind == "video"]

    assert pictures == ["v180", "v120"]
    assert publication.media.cuts_s == [1.5]
    for name in pictures:
        film = kinds.joined("plain", name)
        assert times(film) == [Fraction(n, 24) for n in range(72)]
        assert [frame.time for frame in frames(film) if frame.key_frame] == [0, 1.5]


def test_every_tile_of_the_index_lies_in_the_sprite(kinds: Kinds) -> None:
    picture = kinds.media.parent / kinds.publication("plain").sprite
    sprite = frames(picture)[0]

    tiles = re.findall(r"jpg#xywh=(\d+),(\d+),(\d+),(\d+)", picture.with_suffix(".vtt").read_text())

    assert len(tiles) == 2
    for x, y, width, height in (tuple(map(int, tile)) for tile in tiles):
        assert x + width <= sprite.width
        assert y + height <= sprite.height


def test_nothing_says_who_made_it_or_with_what(kinds: Kinds) -> None:
    files = [path for path in (kinds.media / "plain").rglob("*") if path.is_file()]

    marked = [path.name for path in files if re.search(rb"Nobody|x264 - core|Lavf|Lavc", path.read_bytes())]

    assert len(files) > 10
    assert not marked


def test_frames_of_uneven_length_keep_their_times(kinds: Kinds) -> None:
    assert kinds.publication("uneven").media.video[0].variable_frame_rate
    expected = [Fraction(n, 24) for n in range(48) if n % 5 == 0 or n > 24]
    assert times(kinds.joined("uneven", "v90")) == expected


def test_a_turned_film_is_published_upright(kinds: Kinds) -> None:
    publication = kinds.publication("turned")

    assert publication.media.video[0].rotation_degrees == 90
    assert (publication.renditions[0].width, publication.renditions[0].height) == (90, 160)
    picture = frames(kinds.joined("turned", publication.renditions[0].name))[0].to_ndarray(format="gray")
    assert picture[:30, 60:].mean() > 200, "the light of the upper left corner is now in the upper right"
    assert picture[60:, :].mean() < 40


def test_oblong_pixels_become_square_ones(kinds: Kinds) -> None:
    largest = kinds.publication("oblong").renditions[0]

    assert largest.width / largest.height == pytest.approx(160 / 90 * 4 / 3, rel=0.02)


def test_odd_sizes_and_rates_of_a_lossless_matroska_work(kinds: Kinds) -> None:
    publication = kinds.publication("lossless")

    assert publication.media.video[0].frame_rate == "30000/1001"
    assert [(one.width, one.height) for one in publication.renditions] == [(160, 90)]
    film = kinds.joined("lossless", publication.renditions[0].name)
    assert times(film)[1] == Fraction(1001, 30000)


def test_interlaced_and_high_dynamic_range_films_keep_their_frames(kinds: Kinds) -> None:
    for name in ("woven", "bright"):
        video = kinds.publication(name).media.video[0]
        assert (video.interlaced, video.hdr) == (name == "woven", name == "bright")
        assert len(frames(kinds.joined(name, "v90"))) == video.frames


def test_a_picture_whose_size_changes_keeps_all_its_frames(kinds: Kinds) -> None:
    assert kinds.publication("resized").media.video[0].resized
    assert len(frames(kinds.joined("resized", "v90"))) == 48


@pytest.mark.parametrize(("name", "clicks_at_s"), [("late_sound", 1.5), ("late_picture", 0.5)])
def test_sound_keeps_its_distance_from_the_picture(kinds: Kinds, name: str, clicks_at_s: float) -> None:
    loud = np.flatnonzero(np.abs(sound(kinds.joined(name, "a128"))) > 0.2)

    assert loud[0] / 48_000 == pytest.approx(clicks_at_s, abs=0.003)
