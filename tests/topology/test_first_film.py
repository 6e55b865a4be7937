"""The first film: brought, decoded by others, watched by a real browser."""

import json
import os
import subprocess
import urllib.request
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import WITHOUT, Installation, Visit, eventually


def frame_hashes(ffmpeg: str, address: str, stream: int) -> list[str]:
    """Decode one video rendition and return a hash a frame."""
    listing = subprocess.run(
        [
            ffmpeg,
            "-v",
            "error",
            "-i",
            address,
            "-map",
            f"0:v:{stream}",
            "-f",
            "framemd5",
            "-fps_mode",
            "passthrough",
            "-",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    return [
        line.rsplit(",", 1)[1].strip() for line in listing.splitlines() if line and not line.startswith("#")
    ]


def foreign_ffmpeg() -> str:
    """Debian's decoder where the tests may have it: other code, another version than what encoded."""
    return imageio_ffmpeg.get_ffmpeg_exe() if "ffmpeg" in WITHOUT else "ffmpeg"


def pathway(installation: Installation, slug: str, region: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{installation.site}/api/titles/{slug}/playback", method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        session = json.load(answer)
    return next(each for each in session["pathways"] if each["id"] == region)


def test_upload_ends_with_the_titles_address(installation: Installation, watched: dict[str, Any]) -> None:
    assert watched["slug"] == "the-first-film"
    with urllib.request.urlopen(f"{installation.site}/t/the-first-film", timeout=5) as page:
        assert page.status == 200


@pytest.mark.parametrize("region", ["east", "west"])
@pytest.mark.usefixtures("watched")
def test_playlists_answer_through_each_edge(installation: Installation, region: str) -> None:
    way = pathway(installation, "the-first-film", region)

    assert way["hls"].startswith(installation.edges[region])
    for address in (way["hls"], way["plain_hls"], way["dash"], way["poster"]):
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == "*"


def test_another_decoder_sees_every_frame_of_every_rendition_alike_in_hls_and_dash(
    installation: Installation, watched: dict[str, Any]
) -> None:
    way = pathway(installation, "the-first-film", "east")
    frames = watched["publication"]["media"]["video"][0]["frames"]
    rungs = [each for each in watched["publication"]["renditions"] if each["kind"] == "video"]
    ffmpeg = foreign_ffmpeg()

    for number in range(len(rungs)):
        hls = frame_hashes(ffmpeg, way["plain_hls"], number)
        dash = frame_hashes(ffmpeg, way["dash"], number)
        assert len(hls) == frames == 720
        assert sorted(hls) == sorted(dash) or hls == dash
        assert hls == dash


@pytest.mark.browser
@pytest.mark.usefixtures("watched")
def test_a_browser_plays_ten_seconds_and_adapts_without_a_stall(visit: Visit) -> None:
    throttle(visit, megabits_per_s=0.9)
    visit.page.goto("/watch/the-first-film")
    eventually(lambda: visit.player()["currentTime"] > 1.0, 20, "the film has begun")

    eventually(lambda: visit.player()["currentTime"] > 3.0, 20, "three seconds played on a narrow network")
    throttle(visit, megabits_per_s=20.0)
    eventually(lambda: visit.player()["currentTime"] > 11.0, 40, "ten seconds played")

    state = visit.player()
    visit.picture("player")
    assert len(state["levels"]) == 3
    assert state["switches"] >= 1, state
    assert state["stalls"] == 0, state
    assert not visit.complaints


def throttle(visit: Visit, *, megabits_per_s: float) -> None:
    bytes_per_s = megabits_per_s * 1e6 / 8
    conditions = {
        "offline": False,
        "latency": 20,
        "downloadThroughput": bytes_per_s,
        "uploadThroughput": bytes_per_s,
    }
    visit.network.send("Network.emulateNetworkConditions", conditions)


@pytest.mark.browser
@pytest.mark.usefixtures("watched")
def test_the_picture_moves_on_when_its_edge_is_killed(installation: Installation, visit: Visit) -> None:
    visit.page.goto("/watch/the-first-film")
    eventually(lambda: visit.player()["currentTime"] > 1.0, 20, "the film has begun")
    region = visit.player()["pathway"]
    reached = visit.player()["currentTime"]

    for pid in installation.pids(f"edge-{region}"):
        os.kill(pid, 9)

    eventually(lambda: visit.player()["currentTime"] > reached + 6, 30, "the film goes on")
    assert visit.player()["stalls"] == 0, visit.player()
    eventually(installation.healthy, 10, "the edge is back")


@pytest.mark.browser
def test_every_page_is_seen(visit: Visit, watched: dict[str, Any]) -> None:
    pages = {"home": "/", "title": f"/t/{watched['slug']}", "upload": "/upload", "sign-in": "/sign-in"}
    for width, height in ((1440, 900), (820, 1180), (390, 844)):
        visit.page.set_viewport_size({"width": width, "height": height})
        for name, path in pages.items():
            look_at(visit, path, f"{name}-{width}")
    assert not visit.complaints

    look_at(visit, "/t/no-such-title", "error-title")
    expect(visit.page.locator("h1")).to_contain_text("No such title")
    look_at(visit, "/nowhere", "error-page")


def look_at(visit: Visit, path: str, name: str) -> None:
    visit.page.goto(path)
    visit.page.wait_for_selector("main")
    expect(visit.page.locator("h1")).to_be_visible()
    visit.page.wait_for_timeout(200)  # pictures fade in
    visit.picture(name)
