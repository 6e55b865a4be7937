"""The roads to a film's frames: a playlist, a manifest, the files themselves; all by tools of others."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import imageio_ffmpeg
import numpy as np
from msgspec import Struct

BUNDLED = str(imageio_ffmpeg.get_ffmpeg_exe())
FOREIGN = shutil.which("ffmpeg", path="/usr/bin")
HZ = 48_000


class Files(Struct, frozen=True):
    """One rendition as its media playlist names it.

    Args:
        playlist: Relative to the folder.
    """

    playlist: str
    init: Path
    segments: tuple[Path, ...]
    durations_s: tuple[float, ...]

    def joined(self, path: Path) -> Path:
        """Append the segments to the init segment, as a player does."""
        with path.open("wb") as whole:
            for part in (self.init, *self.segments):
                whole.write(part.read_bytes())
        return path


class Rows(Struct, frozen=True):
    """What a demultiplexer or decoder gave of one stream: when, and the MD5 of what."""

    shown_at: list[int]
    digests: list[str]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Put a folder behind a web server that is not ours."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def pictures_and_sounds(folder: Path, master: str) -> tuple[list[Files], list[Files]]:
    """Follow a multivariant playlist to its renditions: pictures, and sounds."""
    lines = (folder / master).read_text().splitlines()
    streams = [after for line, after in pairwise(lines) if "#EXT-X-STREAM-INF" in line]
    sounds = [
        found[1]
        for line in lines
        if "TYPE=AUDIO" in line and (found := re.search(r'URI="([^"]*)"', line)) is not None
    ]
    base = Path(master).parent
    pictures = [(base / uri).as_posix() for uri in dict.fromkeys(streams)]
    return [files(folder, uri) for uri in pictures], [
        files(folder, (base / uri).as_posix()) for uri in sounds
    ]


def files(folder: Path, playlist: str) -> Files:
    """Read a media playlist."""
    text = (folder / playlist).read_text()
    beside = (folder / playlist).parent
    found = re.search(r'#EXT-X-MAP:URI="([^"]*)"', text)
    assert found, playlist
    named = re.findall(r"#EXTINF:([\d.]+),[^\n]*\n(?:#[^\n]*\n)*([^#\n]+)", text)
    return Files(
        playlist,
        (beside / found[1]).resolve(),
        tuple((beside / uri).resolve() for _, uri in named),
        tuple(float(length) for length, _ in named),
    )


def representations(manifest: str, kind: str) -> list[str]:
    """Return the names of a manifest's representations of one kind, in its order."""
    root = ET.fromstring(manifest)
    return [
        one.get("id", "")
        for group in root.findall(".//{*}AdaptationSet")
        if group.get("contentType") == kind
        for one in group.findall("{*}Representation")
    ]


def frames(program: str, address: str, stream: str, *output: str, before: Sequence[str] = ()) -> list[Rows]:
    """Decode streams to the MD5 of each frame, or with `-c copy` to that of each packet.

    Args:
        before: Options of the input.
    """
    argv = [
        program,
        "-v",
        "fatal",
        "-nostdin",
        "-copyts",
        *before,
        "-i",
        address,
        "-map",
        f"0:{stream}",
        *output,
    ]
    done = subprocess.run(
        [*argv, "-f", "framemd5", "-"], check=True, capture_output=True, text=True, timeout=120
    )
    found: dict[int, Rows] = {}
    for line in done.stdout.splitlines():
        if not line.startswith("#"):
            row = [part.strip() for part in line.split(",")]
            rows = found.setdefault(int(row[0]), Rows([], []))
            rows.shown_at.append(int(row[2]))
            rows.digests.append(row[5])
    return [found[place] for place in sorted(found)]


def samples(path: Path, *options: str) -> "np.ndarray[Any, Any]":
    """Decode sound to one channel of numbers, as it is heard from the film's first moment on."""
    argv = [BUNDLED, "-v", "error", "-nostdin", "-i", str(path), "-map", "0:a:0", *options]
    argv += ["-ac", "1", "-ar", str(HZ), "-f", "f32le", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=120)
    return np.frombuffer(done.stdout, np.float32)


def lags(source: "np.ndarray[Any, Any]", heard: "np.ndarray[Any, Any]", places: Sequence[float]) -> list[int]:
    """By how many samples a sound is late, at several shares of its length; by correlation."""
    found = []
    length, most = HZ, 4800
    for place in places:
        first = int(place * (min(len(source), len(heard)) - length - 2 * most)) + most
        own = source[first : first + length].astype(np.float64)
        beside = heard[first - most : first + length + most].astype(np.float64)
        size = 1 << (len(beside) + length).bit_length()
        spectrum = np.fft.rfft(beside, size) * np.conj(np.fft.rfft(own, size))
        score = np.fft.irfft(spectrum, size)[: 2 * most + 1]
        found.append(int(np.argmax(score)) - most)
    return found
