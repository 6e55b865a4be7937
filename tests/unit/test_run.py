"""`./run`: what it says, and what it can bear."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shell(line: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        check=False,
    )


TASKS = f"{sys.executable} -m tools.tasks"


@pytest.mark.parametrize(
    "line", [f"{TASKS} --help | head -1", f"{TASKS} --help >&-", f"{TASKS} config >&- <&-"]
)
def test_nobody_need_read_to_the_end(line: str) -> None:
    done = shell(line)

    assert "Traceback" not in done.stderr


def test_benchmarks_are_named_and_nothing_else_is() -> None:
    done = shell(f"{TASKS} bench")

    assert done.returncode == 2
    assert re.search(r"one of: .*\bnewcomer\b.*\bstructures\b", done.stderr)
    assert "__" not in done.stderr


@pytest.mark.parametrize(
    ("task", "group"),
    [
        ("demo", "site"),
        ("upload", "site"),
        ("status", "site"),
        ("audience", "site"),
        ("test", "dev"),
        ("check", "dev"),
        ("fs", "dev"),
    ],
)
def test_a_task_installs_no_more_than_it_needs_and_says_so(task: str, group: str, tmp_path: Path) -> None:
    """A stand-in for uv writes down what it is asked for."""
    (tmp_path / "uv").write_text('#!/bin/sh\necho "uv $* cache=${XDG_CACHE_HOME:-}" >> "$UV_ASKED"; exit 9\n')
    (tmp_path / "uv").chmod(0o755)
    for name in ("run", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch(mode=0o755)

    done = shell(
        f"sh {tmp_path}/run {task}",
        UV_ASKED=str(tmp_path / "asked"),
        PATH=f"{tmp_path}:{os.environ['PATH']}",
        HOME="/proc/nobody",
        XDG_CACHE_HOME="",
    )

    asked = (tmp_path / "asked").read_text()
    assert f"--group {group} -e .[audience] " in asked  # the console has a room of audiences
    assert f"cache={tmp_path}/.cache" in asked
    assert done.stderr.splitlines() == [f"install   what ./run {task} needs, into .venv (once)"]
