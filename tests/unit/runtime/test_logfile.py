from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.runtime.logfile import LogFile


@given(st.lists(st.binary(max_size=9), max_size=30))
def test_two_files_hold_the_end_of_all_that_was_written(
    tmp_path_factory: pytest.TempPathFactory, writes: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("logs") / "deep" / "edge.log"
    log = LogFile(path, limit_bytes=20)
    for data in writes:
        log.write(data)
    log.close()

    older = path.with_name("edge.log.1")
    kept = (older.read_bytes() if older.exists() else b"") + path.read_bytes()
    assert b"".join(writes).endswith(kept)
    assert len(kept) >= min(20, sum(map(len, writes)))
    assert path.stat().st_size < 20
    assert sorted(file.name for file in path.parent.iterdir()) in (["edge.log"], ["edge.log", "edge.log.1"])


def test_a_restart_continues_the_file(tmp_path: Path) -> None:
    for word in (b"one ", b"two "):
        log = LogFile(tmp_path / "edge.log")
        log.write(word)
        log.close()

    assert (tmp_path / "edge.log").read_bytes() == b"one two "


def test_a_full_disk_disturbs_nobody() -> None:
    log = LogFile(Path("/dev/full"))

    log.write(b"lost")
    log.close()
