"""`bijou encode plan FILE` says what `bijou encode` does."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from bijou.encoding.titles.facts import ChunkFacts
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import SystemClock, TaskState
from bijou.runtime import codec
from tests.contract.alone.film import ROOT, encode, make_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


def committed(out: Path) -> dict[tuple[int, str], tuple[float, ...]]:
    """The rate factors that chunks were encoded with."""

    async def read() -> list[ChunkFacts]:
        records = SqliteRecords(out / ".bijou" / "queue.db")
        tasks, _ = await RecordsQueue(records, SystemClock(), Random(1)).tasks(states=[TaskState.DONE])
        await records.close()
        return [codec.decode(task.result, ChunkFacts) for task in tasks if task.kind == "chunk"]

    return {(one.chunk, one.rung): one.crfs for one in asyncio.run(read())}


def test_the_plan_is_what_is_encoded_and_its_drawing_shows_it(film: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "hull.svg"
    argv = [sys.executable, "-m", "bijou", "encode", "plan", str(film), "--json", "--plot", str(drawing)]

    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    done = encode(film, tmp_path / "out", "--no-vmaf", "--workers", "1")

    plan = json.loads(said.stdout)
    assert done.returncode == 0, done.stderr
    assert [chunk["ends"] for chunk in plan["chunks"]] == ["cut", "film"]
    assert sum(chunk["frames"] for chunk in plan["chunks"]) == 480
    made = committed(tmp_path / "out")
    assert made
    for chunk in plan["chunks"]:
        for rung in chunk["rungs"]:
            # The first chunk takes the recipe's own, which a task need not be told.
            own = (23.0,) * len(chunk["shots_s"]) if chunk["index"] == 0 else ()
            assert tuple(rung["crfs"]) == (made[chunk["index"], rung["rung"]] or own)
    shots = sum(len(chunk["shots_s"]) for chunk in plan["chunks"])
    assert drawing.read_text().count("<polyline") == shots
    assert drawing.read_text().count('class="chosen"') == shots


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("none.mp4",), 1, "none.mp4 is not a file that can be read here"),
        (("film.mp4", "--plot", "hull.png"), 2, "'hull.png' must end with .svg or .html"),
    ],
)
def test_what_cannot_be_planned_is_said_so(words: tuple[str, ...], status: int, sentence: str) -> None:
    done = encode("plan", *words)

    assert done.returncode == status
    assert sentence in done.stderr
