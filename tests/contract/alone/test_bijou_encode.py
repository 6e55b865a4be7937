"""`bijou encode FILE OUT/`: stopped, killed, added to, and refused."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from bijou.app import film_folder
from bijou.encoding.encryption import packager_path
from bijou.ports import EngineUnavailable, VirtualClock
from tests.contract.acceptance.roads import BUNDLED, FOREIGN, files, frames
from tests.contract.alone.film import QUICKLY, ROOT, begin, encode, make_film, media, stamps, until

FRAMES = 480
A_CHUNK = "film/v1/chunk/00000/v108"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="module")
def whole(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nobody has disturbed, named as people do: from where they are."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = encode(film, os.path.relpath(out, ROOT), *QUICKLY)
    assert done.returncode == 0, done.stderr
    return out


def first_chunk_done(film: Path, out: Path) -> "subprocess.Popen[str]":
    """An encode that has just ended its first chunk, and goes on."""
    process = begin(film, out, *QUICKLY, "-v")
    while A_CHUNK not in until(process, "task.done"):
        pass
    return process


def test_a_folder_plays_from_its_lists_and_says_what_is_in_it(film: Path, whole: Path) -> None:
    again = encode(film, whole, *QUICKLY, "--json")

    said = json.loads(again.stdout)
    assert [(one["name"], one["width"], one["height"]) for one in said["renditions"]] == [
        ("v108", 192, 108),
        ("a128", 0, 0),
    ]
    assert not said["fresh"]
    assert "nothing was left to do" in again.stderr
    assert sorted(path.name for path in whole.iterdir() if path.is_dir()) == [
        ".bijou",
        "a128",
        "live",
        "stills",
        "v1",
        "v108",
    ]
    for player in filter(None, (BUNDLED, FOREIGN)):
        for name in ("master.m3u8", "manifest.mpd"):
            [rows] = frames(player, str(whole / name), "v:0")
            assert len(rows.digests) == FRAMES


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_it_goes_on_where_it_was(
    blow: signal.Signals, film: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = first_chunk_done(film, out)
    process.send_signal(blow)
    _, rest = process.communicate(timeout=30)
    before = stamps(out)

    done = encode(film, out, *QUICKLY)

    assert process.returncode == (-signal.SIGKILL if blow is signal.SIGKILL else 130)
    if blow is not signal.SIGKILL:
        assert "the same command goes on from there" in rest
    assert done.returncode == 0, done.stderr
    assert "resume    at " in done.stderr
    assert before
    assert {path: stamp for path, stamp in stamps(out).items() if path in before} == before
    assert media(out) == media(whole)


def test_a_codec_is_added_without_touching_a_byte(film: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert encode(film, out, *QUICKLY).returncode == 0
    before, touched = media(out), stamps(out)

    done = encode(film, out, *QUICKLY, "--recipe", "av1_opus")

    assert done.returncode == 0, done.stderr
    assert "add       av1_opus" in done.stderr
    after = media(out)
    assert {path: digest for path, digest in after.items() if path in before} == before
    assert {path: stamp for path, stamp in stamps(out).items() if path in touched} == touched
    assert set(after) - set(before)
    master, manifest = (out / "master.m3u8").read_text(), (out / "manifest.mpd").read_text()
    for name in ("v108", "av1-108", "a128", "opus96"):
        assert f"v2/{name}.m3u8" in master
        assert f'Representation id="{name}"' in manifest


def test_captions_beside_the_film_are_listed(film: Path, tmp_path: Path) -> None:
    captions = tmp_path / "my film.pt-BR.srt"
    captions.write_text("1\n00:00:01,000 --> 00:00:02,500\nOlá\n")

    done = encode(film, tmp_path / "out", *QUICKLY, "--captions", captions)

    assert done.returncode == 0, done.stderr
    master = (tmp_path / "out" / "master.m3u8").read_text()
    assert 'TYPE=SUBTITLES,GROUP-ID="subtitles"' in master
    assert 'LANGUAGE="pt-BR"' in master
    [segment] = [path for path in (tmp_path / "out").rglob("*.vtt") if "Olá" in path.read_text()][:1]
    assert segment.parent.parent.name == "t-pt-BR"


def test_an_encrypted_folder_plays_with_its_key_and_not_without(film: Path, tmp_path: Path) -> None:
    try:
        packager_path()
    except EngineUnavailable:
        pytest.skip("left out: the extra bijou[encryption] is not installed")
    out = tmp_path / "out"

    done = encode(film, out, *QUICKLY, "--encrypt")

    assert done.returncode == 0, done.stderr
    key = out / "content.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert 'URI="../content.key"' in (out / "v1" / "v108.m3u8").read_text()
    assert not list((out / ".bijou").rglob("*.m4s"))
    for path in media(out):
        assert key.read_bytes() not in (out / path).read_bytes()
    joined = files(out, "v1/v108.m3u8").joined(tmp_path / "joined.mp4")
    with_key = ("-decryption_key", key.read_bytes().hex())
    [decoded] = frames(BUNDLED, str(joined), "v", before=with_key)
    assert len(decoded.digests) == FRAMES


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("none.mp4", "out"), 1, "none.mp4 is not a file that can be read here (cli.no_file)"),
        (("words.txt", "out"), 1, "(encoding."),
        (("film.mp4", "taken"), 1, "taken holds letter.txt; a film needs a folder of its own"),
        (("film.mp4", "letter.txt/out"), 3, "cannot be made"),
        (("film.mp4", "out", "--captions", "words.txt"), 1, "words.txt"),
        (("film.mp4", "out", "--recipe", "theora"), 2, "'theora' is not one of"),
        (("film.mp4",), 2, "Missing argument 'OUT'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    words: tuple[str, ...], status: int, sentence: str, film: Path, tmp_path: Path
) -> None:
    os.link(film, tmp_path / "film.mp4")
    (tmp_path / "words.txt").write_text("no film, and no captions\n" * 40)
    (tmp_path / "letter.txt").touch()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").touch()

    done = encode(
        *(tmp_path / word if "." in word or "out" in word or word == "taken" else word for word in words)
    )

    assert done.returncode == status, done.stderr
    assert sentence in done.stderr
    if status != 2:
        assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_a_folder_that_got_nothing_of_a_refused_film_takes_another(film: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("no film\n" * 40)
    out = tmp_path / "out"
    assert encode(words, out).returncode == 1

    done = encode(film, out, *QUICKLY)

    assert done.returncode == 0, done.stderr


def test_another_film_is_kept_out(film: Path, whole: Path, tmp_path: Path) -> None:
    other = make_film(tmp_path / "other.mp4", seed=50)
    before = media(whole)

    done = encode(other, whole, *QUICKLY)

    assert done.returncode == 1
    assert f"holds film.mp4, and {other} is another film" in done.stderr
    assert media(whole) == before


def test_what_was_measured_is_measured_again_where_its_note_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / film_folder.NOTES).mkdir()
    assert film_folder.read_scores(tmp_path) == {}
    film_folder.write_scores(tmp_path, {"v480": 93.5})
    assert film_folder.read_scores(tmp_path) == {"v480": 93.5}
    note = tmp_path / film_folder.NOTES / "scores.json"

    note.write_bytes(note.read_bytes()[:-3])

    assert film_folder.read_scores(tmp_path) == {}


@pytest.mark.anyio
async def test_the_film_is_at_hand_again_where_a_fetch_was_cut_off(film: Path, tmp_path: Path) -> None:
    blobs = film_folder.FilmFolder(tmp_path / "out", film, VirtualClock())
    place = tmp_path / "source"

    for _ in range(2):
        await blobs.fetch(film_folder.SOURCE, place)

    assert place.resolve() == film


def test_lists_seen_from_above_name_what_those_below_do() -> None:
    below = '#EXT-X-MEDIA:TYPE=SUBTITLES,URI="../t-en/0f/p.m3u8"\nv480.m3u8\n#EXT-X-KEY:URI="https://k.example/1"\n'

    assert film_folder.lifted(below, "v2") == (
        '#EXT-X-MEDIA:TYPE=SUBTITLES,URI="t-en/0f/p.m3u8"\nv2/v480.m3u8\n#EXT-X-KEY:URI="https://k.example/1"\n'
    )
    assert film_folder.lifted("<BaseURL>../t-en/c.vtt</BaseURL>", "v2") == "<BaseURL>t-en/c.vtt</BaseURL>"
