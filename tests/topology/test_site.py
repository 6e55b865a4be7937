"""The site as an editor uses it: signs in, uploads, sees the title appear, and a refusal."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import Installation, Visit

PATIENCE_MS = 30_000


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "garden_walk.mp4"
    picture = "gradients=size=426x240:rate=24:duration=3:seed=4"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        picture,
        *encode,
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def sign_in(visit: Visit, installation: Installation) -> None:
    password = (installation.folder / "keys" / "operator.password").read_text().strip()
    visit.page.goto("/sign-in?next=/upload")
    visit.page.get_by_label("Name").fill("operator")
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(f"{installation.site}/upload")


@pytest.mark.browser
def test_a_wrong_password_is_said_so_and_a_right_one_lets_in(
    visit: Visit, installation: Installation
) -> None:
    visit.page.goto("/sign-in")
    visit.page.get_by_label("Name").fill("operator")
    visit.page.get_by_label("Password").fill("not the password")
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("accounts.wrong_password")
    visit.complaints.clear()  # the browser notes the 401 itself

    sign_in(visit, installation)

    expect(visit.page.get_by_role("heading", name="Upload")).to_be_visible()


@pytest.mark.browser
def test_an_upload_appears_on_an_open_home_page_without_a_reload(
    visit: Visit, installation: Installation, clip: Path
) -> None:
    sign_in(visit, installation)
    home = visit.context.new_page()
    home.goto("/")
    home.wait_for_selector("main")
    home.evaluate("() => { window.sameDocument = true; }")

    visit.page.set_input_files("input[type=file]", str(clip))
    visit.page.get_by_role("button", name=re.compile("^Upload")).click()

    expect(visit.page.locator("a[href='/t/garden-walk']").first).to_be_visible(timeout=PATIENCE_MS)
    visit.picture("upload-done")
    expect(home.locator("a[href='/t/garden-walk']").first).to_be_visible(timeout=PATIENCE_MS)
    assert home.evaluate("() => window.sameDocument") is True
    assert not visit.complaints


@pytest.mark.browser
def test_a_refused_file_is_explained_where_it_was_dropped(
    visit: Visit, installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "letter.mp4").write_text("Dear operator, this is a letter.\n" * 50)
    sign_in(visit, installation)

    visit.page.set_input_files("input[type=file]", str(tmp_path / "letter.mp4"))
    visit.page.get_by_role("button", name=re.compile("^Upload")).click()

    expect(visit.page.get_by_role("alert")).to_contain_text("encoding.text", timeout=PATIENCE_MS)
    visit.picture("upload-refused")


@pytest.mark.browser
@pytest.mark.usefixtures("watched")
def test_the_console_shows_titles_encodes_regions_and_people(
    visit: Visit, installation: Installation
) -> None:
    sign_in(visit, installation)

    for page, expected in {
        "titles": "The first film",
        "encodes": "done",
        "regions": "edge-east",
        "users": "operator",
    }.items():
        visit.page.goto(f"/console/{page}")
        expect(visit.page.locator("main")).to_contain_text(
            re.compile(expected, re.IGNORECASE), timeout=PATIENCE_MS
        )
        visit.picture(f"console-{page}")

    assert not visit.complaints


@pytest.mark.browser
@pytest.mark.usefixtures("watched")
def test_keys_do_what_people_know(visit: Visit) -> None:
    visit.page.goto("/watch/the-first-film")
    visit.page.wait_for_function(
        "() => (window.bijouPlayer?.state().currentTime ?? 0) > 0.5", timeout=PATIENCE_MS
    )

    visit.page.keyboard.press("n")
    visit.picture("player-figures")
    visit.page.keyboard.press("k")
    visit.page.wait_for_function("() => window.bijouPlayer.video.paused")
    at = visit.player()["currentTime"]
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_function(f"() => window.bijouPlayer.state().currentTime > {at} + 2")
    visit.page.keyboard.press("m")
    assert visit.page.evaluate("() => window.bijouPlayer.video.muted") is True
    visit.page.keyboard.press("?")
    visit.picture("player-help")
    assert not visit.complaints
