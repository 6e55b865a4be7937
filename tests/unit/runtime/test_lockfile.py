import os
import subprocess
import sys
from pathlib import Path

import pytest

from bijou.ports import Conflict, EngineUnavailable
from bijou.runtime.lockfile import held, hold


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "new"),
        pytest.raises(Conflict, match=f"process {os.getpid()}; stop") as refused,
        hold(tmp_path / "new"),
    ):
        pass

    assert refused.value.code == "runtime.data_dir_held"


def test_a_folder_is_free_again_after_its_owner(tmp_path: Path) -> None:
    with hold(tmp_path):
        pass

    with hold(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_killed_owner_does_not_keep_the_folder_nor_do_its_children(tmp_path: Path) -> None:
    code = """
import subprocess, sys
from pathlib import Path
from bijou.runtime.lockfile import hold
with hold(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "1000"])
    print(child.pid, flush=True)
    child.wait()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        child = int(owner.stdout.readline())
        with pytest.raises(Conflict, match=str(owner.pid)), hold(tmp_path):
            pass
        owner.kill()
        owner.wait()
        try:
            with hold(tmp_path):
                assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
        finally:
            os.kill(child, 9)


def test_whether_a_folder_is_held_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    assert not held(tmp_path / "none")
    with hold(tmp_path / "data"):
        assert held(tmp_path / "data")

    assert not held(tmp_path / "data")


def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with hold(tmp_path / "deep" / "data"):
        assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with hold(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("place", ["/proc/nobody/data", "file", "file/data"])
def test_a_folder_that_cannot_hold_data_is_one_sentence(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            EngineUnavailable, match=r"cannot hold data: .+; name another.* --house-data-dir"
        ) as said,
        hold(tmp_path / place),
    ):
        pass

    assert said.value.code == "runtime.data_dir_unusable"
    assert str(tmp_path / place) in said.value.detail
