"""The site as an editor uses it: signs in, uploads, sees the title appear, and a refusal."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import Installation, Visit, eventually

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
def test_the_page_of_an_encode_shows_its_tasks_its_renditions_and_a_hull(
    visit: Visit, installation: Installation
) -> None:
    sign_in(visit, installation)
    visit.page.goto("/console/encodes")
    visit.page.get_by_role("link", name="The first film").click()

    expect(visit.page.locator(".job-rungs")).to_contain_text("v480", timeout=PATIENCE_MS)
    chunks = visit.page.locator(".lane-cell")
    expect(chunks.first).to_be_visible()
    assert chunks.count() % 3 == 0
    visit.page.get_by_role("button", name="Chunk 1, v480").click()

    expect(visit.page.locator(".task-panel")).to_contain_text("of at most")
    expect(visit.page.locator(".hull svg polyline").first).to_be_visible(timeout=PATIENCE_MS)
    visit.picture("console-encode")
    visit.page.locator(".hull").scroll_into_view_if_needed()
    visit.picture("console-hull")
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.picture("console-encode-390")
    assert not visit.complaints


@pytest.mark.browser
def test_the_console_greys_what_it_no_longer_hears_and_says_how_old_it_is(
    visit: Visit, installation: Installation
) -> None:
    sign_in(visit, installation)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.page.goto("/console/regions")
    expect(visit.page.locator(".verdict")).to_have_text("All services are healthy", timeout=PATIENCE_MS)

    visit.page.route(re.compile("/api/|/healthz"), lambda route: route.abort())

    expect(visit.page.locator(".verdict-old")).to_contain_text("Last heard", timeout=PATIENCE_MS)
    expect(visit.page.locator(".offline")).to_be_visible()
    visit.picture("console-offline")
    visit.page.unroute_all()
    expect(visit.page.locator(".verdict")).to_have_text("All services are healthy", timeout=PATIENCE_MS)
    visit.complaints.clear()  # the browser notes each unanswered request itself


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


@pytest.mark.browser
def test_a_cancelled_encode_publishes_nothing_and_keeps_nothing(
    visit: Visit, installation: Installation, film: Path, tmp_path: Path
) -> None:
    (tmp_path / "unwanted.mp4").write_bytes(film.read_bytes())
    sign_in(visit, installation)
    visit.page.set_input_files("input[type=file]", str(tmp_path / "unwanted.mp4"))
    visit.page.get_by_role("button", name=re.compile("^Upload")).click()
    expect(visit.page.locator(".upload-item")).to_contain_text("Encoding", timeout=PATIENCE_MS)

    visit.page.get_by_role("button", name="Cancel").click()

    expect(visit.page.locator(".upload-item")).to_contain_text("nothing of it was kept", timeout=PATIENCE_MS)
    visit.picture("upload-cancelled")
    (job,) = [job for job in jobs(visit) if job["filename"] == "unwanted.mp4"]
    assert (job["state"], job["problem"]["code"]) == ("refused", "encoding.cancelled")
    blobs, scratch = installation.folder / "blobs", installation.folder / "scratch"
    eventually(lambda: not [*scratch.rglob("source.*")], 30, "the encoder is idle")
    assert not (blobs / job["source"]).exists()
    media = blobs / "media" / job["asset"]
    eventually(lambda: not [path for path in media.rglob("*") if path.is_file()], 10, "nothing is kept")
    assert visit.page.request.get("/api/titles/unwanted").status == 404
    assert not visit.complaints


@pytest.mark.browser
@pytest.mark.usefixtures("watched")
def test_controls_leave_again_when_the_help_and_the_figures_are_closed_by_a_key(visit: Visit) -> None:
    visit.page.goto("/watch/the-first-film")
    visit.page.wait_for_function(
        "() => (window.bijouPlayer?.state().currentTime ?? 0) > 0.5", timeout=PATIENCE_MS
    )
    expect(visit.page.locator(".player-clock")).to_contain_text(" / 0:30")

    visit.page.keyboard.press("?")
    help_ = visit.page.get_by_role("dialog", name="Keyboard")
    expect(help_).to_be_visible()
    for _ in range(4):
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("() => !document.activeElement?.closest('.player-bottom')")
    visit.page.keyboard.press("Escape")
    expect(help_).to_have_count(0)
    visit.page.wait_for_selector("media-controller[userinactive]", timeout=PATIENCE_MS)
    visit.page.keyboard.press("n")
    expect(visit.page.get_by_label("Figures", exact=True)).to_be_visible()
    visit.page.keyboard.press("Escape")

    expect(visit.page.get_by_label("Figures", exact=True)).to_have_count(0)
    visit.page.wait_for_selector("media-controller[userinactive]", timeout=PATIENCE_MS)
    assert not visit.complaints


@pytest.mark.browser
def test_a_title_that_is_not_there_is_named_in_the_tab(visit: Visit) -> None:
    visit.page.goto("/watch/nope")

    expect(visit.page).to_have_title("No such title · bijou")


def test_an_upload_that_is_interrupted_at_the_command_line_is_cancelled_and_says_so(
    installation: Installation, film: Path, tmp_path: Path
) -> None:
    (tmp_path / "interrupted.mp4").write_bytes(film.read_bytes())
    uploading = installation.begin("upload", str(tmp_path / "interrupted.mp4"), "--server", installation.site)
    scratch = installation.folder / "scratch"
    eventually(lambda: [*scratch.rglob("source.*")], 20, "the encode has begun")

    uploading.send_signal(signal.SIGINT)
    _, told = uploading.communicate(timeout=10)

    assert uploading.returncode == 130
    assert "cancelled" in told
    assert "interrupted.mp4; nothing of it is kept" in told
    eventually(lambda: not [*scratch.rglob("source.*")], 30, "the encoder is idle")
    assert "interrupted" not in [title["slug"] for title in installation.get("/api/titles")]


def jobs(visit: Visit) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = visit.page.request.get("/api/jobs").json()
    return answer
