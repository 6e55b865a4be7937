"""A whole installation of real processes, as a person would start it, and a real browser."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

from tests.topology.installation import ROOT, WITHOUT, Installation, Visit, eventually, start

CLIP = ROOT.parent / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    running = start(tmp_path_factory.mktemp("installation"), "serve")
    try:
        eventually(running.healthy, 60, "all services healthy")
        yield running
    finally:
        running.end()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds, 854x480, 24 frames a second: the real clip, or one of the same shape."""
    if CLIP.is_file():
        return CLIP
    path = tmp_path_factory.mktemp("film") / "substitute.mp4"
    picture = "testsrc2=size=854x480:rate=24:duration=30,noise=alls=12:allf=t"
    sound = "sine=frequency=330:sample_rate=48000:duration=30"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, *encode, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def watched(installation: Installation, film: Path) -> dict[str, Any]:
    """The film as a published title, brought by the command line."""
    sent = installation.upload(film, "--name", "The first film", "--json")
    assert sent.returncode == 0, sent.stderr
    title: dict[str, Any] = installation.get("/api/titles/the-first-film")
    return title


@pytest.fixture(scope="module")  # its driver keeps an event loop, which must not outlive the module
def browser() -> Iterator[Browser]:
    if "chromium" in WITHOUT:
        pytest.skip("left out on request: chromium")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, installation: Installation) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=installation.site)
    page = context.new_page()
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    yield Visit(page, context, network, complaints)
    context.close()
