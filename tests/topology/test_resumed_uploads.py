"""Uploads whose ends are killed with -9 in the middle: the bytes that arrive are the file's."""

import hashlib
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import Installation, Visit, eventually

GROWN_BYTES = 24 << 20
WHOLE_BYTES = 112 << 20


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two seconds of picture, and after them a box of bytes that no player looks at."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    picture = "gradients=size=320x180:rate=24:duration=2:seed=4"
    encode = ["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *encode, str(path)], check=True)
    left, noise = WHOLE_BYTES - path.stat().st_size, Random(4).randbytes(1 << 20)
    with path.open("ab") as file:
        file.write(left.to_bytes(4, "big") + b"free")
        left -= 8
        while left:
            left -= file.write(noise[:left])
    yield path
    path.unlink()


def copy(film: Path, name: str) -> Path:
    """Give the film another name, so that it is another upload."""
    path = film.with_name(name)
    path.hardlink_to(film)
    return path


def here_bytes(installation: Installation) -> int:
    return sum(part.stat().st_size for part in (installation.folder / "incoming").glob("*.part"))


def has_grown(installation: Installation, before: int = 0) -> None:
    eventually(lambda: here_bytes(installation) >= before + GROWN_BYTES, 30, "the upload is under way")


def arrived(installation: Installation, filename: str) -> list[tuple[str, str]]:
    """Return the state and the fingerprint of every upload of that name."""
    with sqlite3.connect(f"file:{installation.folder}/records.db?mode=ro", uri=True) as database:
        asked = "SELECT state, sha256 FROM ingest_uploads WHERE filename = ?"
        return list(database.execute(asked, (filename,)))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kill_control(installation: Installation) -> None:
    (pid,) = installation.pids("control")
    os.kill(pid, signal.SIGKILL)


def test_the_command_line_goes_on_when_either_end_was_killed(
    installation: Installation, long_film: Path
) -> None:
    film = copy(long_film, "both_ends.mp4")
    first = installation.begin("upload", str(film), "--server", installation.site)
    has_grown(installation)
    first.kill()
    first.communicate()
    before = here_bytes(installation)
    state = installation.folder / "config" / "bijou" / "uploads"
    (remembered,) = state.iterdir()
    assert remembered.stat().st_mode & 0o777 == 0o600

    second = installation.begin("upload", str(film), "--server", installation.site)
    has_grown(installation, before)
    kill_control(installation)
    _, told = second.communicate(timeout=60)

    assert second.returncode == 0, told
    assert "resume    both_ends.mp4 at " in told
    assert arrived(installation, film.name) == [("received", sha256(film))]
    assert list(state.iterdir()) == []
    assert not [*(installation.folder / "incoming").iterdir()]


@pytest.mark.browser
def test_the_site_goes_on_when_the_server_was_killed_and_when_its_page_was(
    visit: Visit, installation: Installation, long_film: Path
) -> None:
    film = copy(long_film, "from_a_page.mp4")
    password = (installation.folder / "keys" / "operator.password").read_text().strip()
    visit.page.goto("/sign-in?next=/upload")
    visit.page.get_by_label("Name").fill("operator")
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(f"{installation.site}/upload")

    def begin() -> None:
        visit.page.set_input_files("input[type=file]", str(film))
        visit.page.get_by_role("button", name=re.compile("^Upload")).click()

    begin()
    has_grown(installation)
    visit.page.once("dialog", lambda dialog: dialog.accept())
    visit.page.goto("about:blank")
    before = here_bytes(installation)
    visit.page.goto("/upload")
    begin()
    has_grown(installation, before)
    kill_control(installation)

    expect(visit.page.locator(".upload-item")).to_contain_text("Ready to watch", timeout=60_000)
    assert arrived(installation, film.name) == [("received", sha256(film))]
    assert not [*(installation.folder / "incoming").iterdir()]
    visit.complaints.clear()  # the browser notes each unanswered request itself
