"""A film is watched before all of it is there, gets a codec more, and loses an encoder on the way."""

import hashlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import Installation, Visit, eventually

LENGTH_S = 40
SLUG = "long-walk"


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds that take a while: noise is hard work for any encoder."""
    path = tmp_path_factory.mktemp("long") / "long_walk.mp4"
    picture = f"testsrc2=size=640x360:rate=24:duration={LENGTH_S},noise=alls=24:allf=t"
    sound = f"sine=frequency=220:sample_rate=48000:duration={LENGTH_S}"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, *encode, str(path)], check=True)
    return path


def title(installation: Installation) -> dict[str, Any]:
    found: dict[str, Any] = installation.get(f"/api/titles/{SLUG}")
    return found


def hashes(installation: Installation, asset: str) -> dict[str, str]:
    """Return what lies under an asset's media, playlists of later versions left out."""
    media = installation.folder / "blobs" / "media" / asset
    return {
        str(path.relative_to(media)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(media.rglob("*"))
        if path.is_file()
    }


@pytest.mark.browser
def test_a_browser_that_starts_before_the_encode_has_ended_reaches_the_end_while_an_encoder_is_killed(
    installation: Installation, visit: Visit, long_film: Path
) -> None:
    sending = installation.begin("upload", str(long_film), "--server", installation.site)
    took_s = eventually(lambda: title(installation), 60, "the title can be watched")
    assert title(installation)["publication"]["complete"] is False
    visit.page.goto(f"/t/{SLUG}")
    expect(visit.page.locator(".title-arriving")).to_contain_text("Still arriving")
    visit.picture("title-arriving")
    visit.page.goto(f"/watch/{SLUG}")
    eventually(lambda: visit.player()["currentTime"] > 0.5, 20, "the film has begun")
    begun = visit.player()
    visit.page.mouse.move(400, 300)
    expect(visit.page.locator(".player-arriving")).to_contain_text("can be watched")
    visit.picture("player-arriving")
    for pid in installation.pids("encoder"):
        os.kill(pid, signal.SIGKILL)

    visit.page.evaluate("() => { window.sameDocument = true; window.bijouPlayer.video.playbackRate = 2; }")
    eventually(lambda: visit.page.evaluate("() => window.bijouPlayer.video.ended"), 180, "the end is reached")

    ended = visit.player()
    _, told = sending.communicate(timeout=120)
    assert sending.returncode == 0, told
    print(f"watchable {took_s:.1f} s after the upload began; {ended['stalls']} waits for what was not there")
    assert begun["arriving"]
    assert begun["there_s"] < LENGTH_S - 1
    assert visit.page.evaluate("() => window.sameDocument") is True
    assert ended["currentTime"] == pytest.approx(LENGTH_S, abs=0.3)
    assert title(installation)["publication"]["complete"] is True
    assert not visit.complaints


@pytest.mark.browser
def test_a_codec_is_added_to_a_finished_title_and_not_a_byte_of_it_changes(
    installation: Installation, visit: Visit, long_film: Path
) -> None:
    if SLUG not in {each["slug"] for each in installation.get("/api/titles")}:
        assert installation.upload(long_film).returncode == 0
    eventually(lambda: title(installation)["publication"]["complete"], 120, "all of the film is there")
    before = title(installation)["publication"]
    stood = hashes(installation, before["asset"])

    added = installation.command("codecs", "add", "hevc", SLUG, "--server", installation.site)
    assert added.returncode == 0, added.stderr
    scratch = installation.folder / "scratch"
    eventually(lambda: [*scratch.rglob("*.mp4")], 60, "the new encode has begun")
    for pid in installation.pids("encoder"):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: title(installation)["publication"]["version"] == 2, 300, "the codec is there")

    after = title(installation)["publication"]
    names = [each["name"] for each in before["renditions"]]
    assert [each for each in after["renditions"] if each["name"] in names] == before["renditions"]
    assert any(each["codecs"].startswith("hvc1") for each in after["renditions"])
    now = hashes(installation, before["asset"])
    assert {key: now[key] for key in stood} == stood
    master = (installation.folder / "blobs" / after["hls"]).read_text()
    assert "hvc1" in master
    assert "avc1" in master
    again = installation.command("codecs", "add", "hevc", SLUG, "--server", installation.site)
    assert (again.returncode, "encoding.has_codecs" in again.stderr) == (1, True)
    visit.page.goto(f"/watch/{SLUG}")
    eventually(lambda: visit.player()["currentTime"] > 1.0, 30, "it still plays")
