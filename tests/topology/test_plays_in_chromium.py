"""What `bijou encode` leaves in a folder, played by hls.js in a real browser; the web server is not ours."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.contract.acceptance.roads import BUNDLED, served
from tests.topology.installation import ROOT

pytestmark = pytest.mark.browser

SECONDS = 5
FRAMES = 24 * SECONDS
PAGE = """<!doctype html><meta charset="utf-8"><title>plays</title><video id="film" muted></video>
<script src="hls.min.js"></script><script>
const film = document.getElementById("film"), faults = [];
const hls = new Hls({ startLevel: 0 });
hls.on(Hls.Events.ERROR, (_, data) => data.fatal && faults.push(data.details));
hls.on(Hls.Events.MANIFEST_PARSED, () => film.play());
hls.loadSource(new URLSearchParams(location.search).get("list"));
hls.attachMedia(film);
window.seen = () => ({
  ended: film.ended, at: film.currentTime, width: film.videoWidth, faults,
  frames: film.getVideoPlaybackQuality().totalVideoFrames, heard: film.webkitAudioDecodedByteCount,
  codecs: hls.levels.map((level) => [level.videoCodec, level.audioCodec]),
});
</script>"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A small film by two recipes, with a page beside it."""
    folder = tmp_path_factory.mktemp("plays")
    picture = f"testsrc2=size=256x144:rate=24:duration={SECONDS}"
    sound = f"sine=frequency=330:sample_rate=48000:duration={SECONDS}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([BUNDLED, "-v", "error", *inputs, *encode, str(folder / "film.mp4")], check=True)
    out, recipes = folder / "out", ("--recipe", "h264_aac", "--recipe", "av1_opus")
    command = [sys.executable, "-m", "bijou", "encode", str(folder / "film.mp4"), str(out), *recipes]
    subprocess.run([*command, "--no-analysis", "--no-vmaf"], check=True, timeout=120)
    (out / "page.html").write_text(PAGE)
    shutil.copy(ROOT / "web" / "node_modules" / "hls.js" / "dist" / "hls.min.js", out)
    with served(out) as address:
        yield out, address


@pytest.mark.parametrize(("picture", "sound"), [("avc1", "mp4a"), ("av01", "opus")])
def test_it_plays_to_its_end(browser: Browser, place: tuple[Path, str], picture: str, sound: str) -> None:
    folder, address = place
    (folder / f"{picture}.m3u8").write_text(only((folder / "master.m3u8").read_text(), picture, sound))
    page = browser.new_page()

    page.goto(f"{address}/page.html?list={picture}.m3u8")
    page.wait_for_function("() => window.seen().ended || window.seen().faults.length", timeout=30_000)
    seen = page.evaluate("() => window.seen()")
    page.close()

    assert seen["faults"] == []
    assert all(video.startswith(picture) and audio.startswith(sound) for video, audio in seen["codecs"])
    assert seen["at"] == pytest.approx(SECONDS, abs=0.1)
    assert seen["width"] in {256, 170, 172}
    assert seen["frames"] > 0.9 * FRAMES
    assert seen["heard"] > 0


def only(master: str, picture: str, sound: str) -> str:
    """The list of one pair of codecs."""
    lines = master.splitlines()
    kept = [
        line for line in lines if not line.startswith(("#EXT-X-STREAM", "#EXT-X-I-FRAME", "#EXT-X-MEDIA:"))
    ]
    kept = [line for line in kept if line.startswith("#")]
    groups = set()
    for number, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF") and picture in line and sound in line:
            kept += [line, lines[number + 1]]
            groups.add(line.partition('AUDIO="')[2].partition('"')[0])
    media = [line for line in lines if "TYPE=AUDIO" in line and any(f'"{group}"' in line for group in groups)]
    return "\n".join([*kept[:3], *media, *kept[3:], ""])
