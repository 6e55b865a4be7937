"""A title's graph makes what players play: every frame, every sample, while it grows and after."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from bijou.catalog.model import published
from bijou.encoding import JobState
from bijou.encoding.chunks import Chunk
from bijou.encoding.titles.facts import ChunkFacts
from bijou.ports import TaskState
from bijou.runtime import codec
from tests.contract.titles.conftest import Shown
from tests.contract.titles.studio import ASSET, FRAMES, RATE, Studio
from tests.unit.packaging.films import BUNDLED, frames, packets

RUNGS = ["v180", "v120"]


def test_the_publication_is_one_that_the_catalogue_takes(shown: Shown) -> None:
    publication = shown.standing.publication

    assert publication is not None, shown.standing
    assert published(publication) == publication
    assert publication.complete
    assert publication.version == 1
    assert [one.name for one in publication.renditions] == [*RUNGS, "a128"]
    assert [one.segments for one in publication.renditions] == [6, 6, 6]
    assert publication.media.cuts_s == [7.0, 14.0]
    assert publication.media.audio[0].loudness is not None
    assert shown.standing.state is JobState.DONE
    assert shown.standing.progress == 1.0


@pytest.mark.parametrize("folder", ["v1", "live"])
@pytest.mark.parametrize("place", [0, 1])
def test_hls_and_dash_and_the_bytes_themselves_decode_to_the_same_frames(
    place: int, folder: str, shown: Shown, tmp_path: Path
) -> None:
    name = RUNGS[place]
    joined = tmp_path / "joined.mp4"
    names = re.findall(r'URI="([^"]+)"|^(\.\..+m4s)$', shown.text(f"{folder}/{name}.m3u8"), re.MULTILINE)
    keys = [(first or second).removeprefix("../") for first, second in names]
    media = shown.studio.folder / "blobs" / "media" / ASSET
    joined.write_bytes(b"".join((media / key).read_bytes() for key in keys))

    direct = frames(BUNDLED, str(joined), "v")

    assert [shown_at for shown_at, _ in direct] == list(range(FRAMES))
    assert frames(BUNDLED, shown.media(f"{folder}/{name}.m3u8"), "v") == direct
    assert frames(BUNDLED, shown.media(f"{folder}/master.m3u8"), f"v:{place}", level="fatal") == direct
    assert frames(BUNDLED, shown.media(f"{folder}/manifest.mpd"), f"v:{place}") == direct


def test_sound_is_as_long_as_it_was_and_begins_with_the_first_frame(shown: Shown) -> None:
    hls = frames(BUNDLED, shown.media("v1/a128.m3u8"), "a")
    dash = packets(BUNDLED, shown.media("v1/manifest.mpd"), "a")

    assert hls[0][0] == 0
    assert hls[-1][0] + 1024 >= 48_000 * FRAMES // RATE > hls[-1][0]
    assert dash == packets(BUNDLED, shown.media("v1/a128.m3u8"), "a")


def test_growing_lists_only_ever_grow_and_say_at_last_that_they_have_ended(shown: Shown) -> None:
    grown = shown.studio.blobs.grown
    lists = {key: texts for key, texts in grown.items() if key.endswith("8.m3u8") or "/v1" in key}

    assert len(lists) == 3
    for key, texts in lists.items():
        segments = [re.findall(r"^#EXTINF:.*\n.*m4s$", text, re.MULTILINE) for text in texts]
        for before, after in pairwise(segments):
            assert after[: len(before)] == before, key
        assert all("#EXT-X-PLAYLIST-TYPE:EVENT\n" in text for text in texts)
        assert {re.search(r"TARGETDURATION:(\d+)", text)[1] for text in texts} == {"4"}  # type: ignore[index]
        ended = ["#EXT-X-ENDLIST" in text for text in texts]
        assert ended == sorted(ended), key
        assert ended[-1], key
        assert len(segments[-1]) == 6
    assert not shown.studio.blobs.missing


def test_growing_lists_of_all_renditions_reach_equally_far(shown: Shown) -> None:
    keys = [f"media/{ASSET}/live/{name}.m3u8" for name in [*RUNGS, "a128"]]

    first = [shown.studio.blobs.grown[key][0] for key in keys]

    assert len({text.count("#EXTINF") for text in first}) == 1


def test_what_can_be_watched_is_told_once_lists_are_there(shown: Shown) -> None:
    watchable = shown.standing.watchable

    assert watchable is not None
    assert not watchable.complete
    assert watchable.hls == f"media/{ASSET}/live/master.m3u8"
    assert published(watchable) == watchable
    assert [one.segments for one in watchable.renditions] == [2, 2, 1]


def test_a_growing_manifest_is_read_anew_and_the_last_one_is_not(shown: Shown) -> None:
    texts = shown.studio.blobs.grown[f"media/{ASSET}/live/manifest.mpd"]
    first, last = texts[0], texts[-1]
    written_at = [re.search(r'publishTime="([^"]+)"', text)[1] for text in texts if "dynamic" in text]  # type: ignore[index]

    assert sorted(written_at) == written_at
    assert 'type="dynamic"' in first
    assert "minimumUpdatePeriod" in first
    assert "mediaPresentationDuration" not in first
    assert 'type="static"' in last
    assert "publishTime" not in last
    assert 'mediaPresentationDuration="PT21S"' in last


def test_captions_stills_and_their_index_are_there(shown: Shown) -> None:
    publication = shown.standing.publication
    assert publication is not None
    master = shown.text("v1/master.m3u8")
    captions = re.search(r'TYPE=SUBTITLES.*URI="\.\./(t-en/[^"]+)"', master)

    assert captions is not None, master
    assert shown.text(captions[1]).count(".vtt") == 6
    blobs = shown.studio.folder / "blobs"
    for key in [publication.sprite, *publication.posters]:
        assert (blobs / key).read_bytes().startswith(b"\xff\xd8"), key
    index = (blobs / publication.sprite).with_suffix(".vtt").read_text(encoding="utf-8")
    assert publication.sprite.rsplit("/", 1)[1] in index
    assert 1 <= len(publication.posters) <= 3


@pytest.mark.anyio
async def test_the_first_chunk_takes_the_recipes_rate_factors_and_the_others_those_of_their_shots(
    shown: Shown,
) -> None:
    studio = Studio(shown.studio.folder)
    tasks, parts = await studio.queue.tasks(group=f"{ASSET}/v1", limit=1000)
    await studio.close()
    chunks = [codec.decode(part.result, Chunk) for part in parts if part.task.endswith("/plan")]
    made = [codec.decode(task.result, ChunkFacts) for task in tasks if task.kind == "chunk"]

    assert [chunk.frames for chunk in chunks] == [84, 84, 84]
    assert [Fraction(chunk.start, RATE * 1000) for chunk in chunks] == [0, 7, 14]
    assert {bool(one.crfs) for one in made if one.chunk == 0} == {False}
    assert {bool(one.crfs) for one in made if one.chunk > 0} == {True}
    assert all(task.state is TaskState.DONE and task.tried == 1 for task in tasks)


def test_a_finished_title_stands_as_its_tasks_say(shown: Shown) -> None:
    rungs = {one.name: one for one in shown.standing.rungs}

    assert [rungs[name].chunks for name in RUNGS] == [3, 3]
    assert all(rung.done_s == pytest.approx(21, abs=0.05) for rung in rungs.values())
    assert shown.standing.duration_s == 21
