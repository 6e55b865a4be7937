"""A good film to spoil, and ffmpeg to make bad ones."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a file by ffmpeg: a name, then its arguments up to the output."""
    folder = tmp_path_factory.mktemp("clips")

    def run(name: str, *arguments: str) -> Path:
        path = folder / name
        subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)], check=True)
        return path

    return run


@pytest.fixture(scope="session")
def good(make: Make) -> Path:
    """An MP4 of one second, its index at the end."""
    picture = "testsrc2=size=160x90:rate=12:duration=1"
    return make(
        "good.mp4", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=440:duration=1",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
    )  # fmt: skip
