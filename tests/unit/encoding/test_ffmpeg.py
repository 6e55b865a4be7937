import asyncio
from pathlib import Path

import pytest

from bijou.encoding.ffmpeg import failure, ffmpeg, input_options
from bijou.ports import BijouError, EngineUnavailable, InvalidRequest, SystemClock
from bijou.runtime.children import Finished, Limits, run_child


def test_ffmpeg_opens_a_strangers_file_with_one_demuxer_and_no_way_out(tmp_path: Path) -> None:
    options = input_options(tmp_path / "-i.mp4", "mov", 1)

    said = dict(zip(options[::2], options[1::2], strict=False))
    assert said["-f"] == "mov"
    assert said["-protocol_whitelist"] == "file"
    assert (said["-enable_drefs"], said["-use_absolute_path"]) == ("0", "0")
    assert not {"hls", "concat", "dash", "sdp", "image2"} & set(said["-format_whitelist"].split(","))
    assert options[-1].startswith("file:/")


def test_a_full_disk_is_worth_another_try() -> None:
    async def write_to_a_full_disk() -> Finished:
        argv = [
            *ffmpeg(),
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x90:duration=1",
            "-f",
            "rawvideo",
            "/dev/full",
        ]
        return await run_child(argv, limits=Limits(wall_s=30), clock=SystemClock())

    error = failure(asyncio.run(write_to_a_full_disk()), "encoding")

    assert isinstance(error, EngineUnavailable)
    assert error.code == "encoding.disk_full"


@pytest.mark.parametrize(
    ("code", "signal", "words", "timed_out", "kind", "expected"),
    [
        (1, 0, "Invalid data found when processing input", False, InvalidRequest, "encoding.undecodable"),
        (1, 0, "x: Cannot allocate memory", False, EngineUnavailable, "encoding.out_of_memory"),
        (-1, 9, "", True, InvalidRequest, "encoding.timed_out"),
        (-1, 24, "", False, InvalidRequest, "encoding.timed_out"),
        (-1, 25, "", False, InvalidRequest, "encoding.output_too_large"),
        (-1, 11, "", False, EngineUnavailable, "encoding.crashed"),
        (-1, 9, "", False, EngineUnavailable, "encoding.crashed"),
    ],
)
def test_the_end_of_a_child_says_who_must_act(
    code: int, signal: int, words: str, *, timed_out: bool, kind: type[BijouError], expected: str
) -> None:
    error = failure(Finished(code, signal, words, 1.0, 1.0, timed_out), "encoding")

    assert isinstance(error, kind)
    assert error.code == expected
