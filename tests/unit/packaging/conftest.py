from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bijou.packaging import Package, TrackSource, package
from tests.unit.packaging.films import CUTS_S, DURATION_S, encode_audio, encode_video


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[TrackSource]:
    """Two pictures and two sounds; one of each in fragments of a single frame."""
    folder = tmp_path_factory.mktemp("encoded")
    v180 = encode_video(folder / "v180.mp4", height=180, fragments="frag_keyframe")
    v90 = encode_video(folder / "v90.mp4", height=90, fragments="frag_every_frame")
    aac = encode_audio(folder / "aac.mp4", codec="aac", fragments="frag_keyframe")
    opus = encode_audio(folder / "opus.mp4", codec="libopus", fragments="frag_every_frame")
    return [
        TrackSource("v180", "video", v180),
        TrackSource("v90", "video", v90),
        TrackSource("aac", "audio", aac, "en"),
        TrackSource("opus", "audio", opus, "de"),
    ]


@pytest.fixture(scope="session")
def folder(sources: list[TrackSource], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaged") / "film"


@pytest.fixture(scope="session")
def packaged(sources: list[TrackSource], folder: Path) -> Package:
    return package(sources, [*CUTS_S, DURATION_S], folder)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture(scope="session")
def address(packaged: Package, folder: Path) -> Iterator[str]:
    """The package, behind a web server that is not ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
