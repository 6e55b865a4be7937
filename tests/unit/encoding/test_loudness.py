"""The gain that players apply."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from bijou.catalog import Loudness
from bijou.encoding import EncodingLimits
from bijou.encoding.loudness import REFERENCE_LUFS, measure_loudness, playback_gain_db
from bijou.ports import SystemClock


def gain_of(folder: Path, sound: str) -> float:
    path = folder / "a128.mp4"
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", sound]
    subprocess.run(
        [*command, "-ac", "2", "-c:a", "aac", "-movflags", "+delay_moov+frag_keyframe", str(path)], check=True
    )
    limits = EncodingLimits(threads=1, child_wall_s=60)
    return playback_gain_db(asyncio.run(measure_loudness(path, limits=limits, clock=SystemClock())))


@pytest.mark.parametrize(
    ("decibels", "expected"),
    # A sine of 1 kHz in both channels is as loud as its peak is high.
    [(-30, 12.0), (-24, 6.0), (-12, -6.0)],
)
def test_quiet_and_loud_sounds_come_out_alike(tmp_path: Path, decibels: int, expected: float) -> None:
    wave = f"sin(2*PI*1000*t)*pow(10\\,{decibels}/20)"
    sine = f"aevalsrc={wave}|{wave}:c=stereo:s=48000:d=2"

    assert gain_of(tmp_path, sine) == pytest.approx(expected, abs=0.3)


def test_silence_is_not_turned_up(tmp_path: Path) -> None:
    assert gain_of(tmp_path, "anullsrc=r=48000,atrim=duration=1") == 0.0


@given(st.floats(-70, 3), st.floats(-120, 6))
def test_no_gain_makes_a_sound_clip_or_louder_than_the_reference(lufs: float, peak: float) -> None:
    gain_db = playback_gain_db(Loudness(lufs, 5.0, peak))

    assert lufs + gain_db <= max(REFERENCE_LUFS, -70.0) + 0.05 or gain_db == 0
    assert gain_db <= 0 or peak + gain_db <= -1.0 + 0.05
    assert gain_db <= 12.0
