"""Captions that came inside a film, in a real browser's player."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.topology.installation import Installation, Visit

PATIENCE_MS = 30_000
SRT = "1\n00:00:00,200 --> 00:00:05,900\nThe <i>first</i> words\n"
SHOWING = "[...window.bijouPlayer.video.textTracks].filter((track) => track.mode === 'showing')"


@pytest.fixture
def talkie(tmp_path: Path) -> Path:
    """Six seconds, in two segments, with one caption across both."""
    (tmp_path / "en.srt").write_text(SRT)
    path = tmp_path / "talkie.mkv"
    picture = ["-f", "lavfi", "-i", "gradients=size=320x180:rate=24:duration=6:seed=4"]
    sound = ["-f", "lavfi", "-i", "sine=330:duration=6"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    words = ["-c:s", "copy", "-metadata:s:s:0", "language=eng"]
    inputs = [*picture, *sound, "-i", str(tmp_path / "en.srt")]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, *coded, *words, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.browser
def test_an_embedded_caption_is_offered_and_shown_at_its_time(
    visit: Visit, installation: Installation, talkie: Path
) -> None:
    sent = installation.upload(talkie, "--name", "Talkie", "--json")
    assert sent.returncode == 0, sent.stderr
    visit.page.goto("/watch/talkie")
    visit.page.wait_for_function(
        "() => (window.bijouPlayer?.state().currentTime ?? 0) > 0.3", timeout=PATIENCE_MS
    )

    visit.page.keyboard.press("c")

    expect(visit.page.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "true")
    visit.page.wait_for_function(
        f"() => ({SHOWING}).some((track) => track.activeCues?.length)", timeout=PATIENCE_MS
    )
    shown = visit.page.evaluate(
        f"""() => ({SHOWING}).map((track) => [track.label, track.language,
            [...track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text])])"""
    )
    assert [(label, language) for label, language, _ in shown] == [("English", "en")]
    cues = shown[0][2]
    assert len(cues) == 1, "a cue that stands in two segments is shown once"
    start_s, end_s, text = cues[0]
    assert (start_s, end_s) == (pytest.approx(0.2, abs=0.05), pytest.approx(5.9, abs=0.05))
    assert text == "The <i>first</i> words"
    visit.picture("player-captions")
    assert not visit.complaints
