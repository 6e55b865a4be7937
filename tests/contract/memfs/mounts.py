"""Mounts in children, as people make them: by the command."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bijou.engines.memfs_fuse import unmount

ROOT = Path(__file__).resolve().parents[3]
PACKAGE, DEVICE = "fuse3", "/dev/fuse"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"}


def require_fuse() -> None:
    """Leave a test out only on request, or where the kernel has no FUSE and the command says that."""
    if PACKAGE in os.environ.get("BIJOU_TEST_WITHOUT", "").split(","):
        pytest.skip(f"left out on request: {PACKAGE}")
    if shutil.which("fusermount3") is None:
        pytest.fail(f"fusermount3 is not installed: apt install {PACKAGE}, or go without: WITHOUT={PACKAGE}")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        done = subprocess.run(command("/"), env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{DEVICE} cannot be opened" in done.stderr
        pytest.skip(f"this machine has no {DEVICE}, as `bijou fs mount` says: {done.stderr}")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bijou", "fs", "mount", *arguments]


class Mounted:
    """A mount and the process that serves it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command(str(folder), "--foreground", *options),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.answer = self.process.stdout.readline().strip()
        if not self.answer:
            pytest.fail(f"no mount: {self.end()}")

    def end(self, sign: signal.Signals = signal.SIGTERM) -> str:
        """Stop it and return what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.process.communicate(timeout=20)[1]


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Mounted]:
    require_fuse()
    with none_left(folder):
        mount = Mounted(folder, *options)
        try:
            yield mount
        finally:
            if mount.process.returncode is None:
                mount.end()


@contextmanager
def none_left(folder: Path) -> Iterator[None]:
    """Take away, whatever happens, what would be in the way of everybody's next run."""
    try:
        yield
    finally:
        if is_mounted(folder):
            unmount(folder)


def is_mounted(folder: Path) -> bool:
    return f" {folder} " in Path("/proc/self/mounts").read_text()
