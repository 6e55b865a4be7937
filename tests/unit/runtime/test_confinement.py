import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bijou.ports import SystemClock
from bijou.runtime.children import Finished, Limits, run_child
from bijou.runtime.confinement import Confinement, abi, available, interpreter
from bijou.runtime.seccomp import no_sockets

needs_landlock = pytest.mark.skipif(not available(), reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(no_sockets() is None, reason="this machine's system calls are not known")


def python(code: str, confinement: Confinement, cwd: Path | None = None) -> Finished:
    argv = [sys.executable, "-I", "-c", code]
    return asyncio.run(
        run_child(argv, limits=Limits(wall_s=20), clock=SystemClock(), confinement=confinement, cwd=cwd)
    )


def confined(*read: Path, write: tuple[Path, ...] = (), network: bool = False) -> Confinement:
    return Confinement(read=(*interpreter(), *read), write=write, network=network)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_what_is_listed_can_be_read_and_written(tmp_path: Path) -> None:
    source, sink = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    sink.mkdir()
    (source / "film").write_text("reel")
    code = f"""
import os, pathlib
film = pathlib.Path({str(source)!r}, 'film').read_text()
out = pathlib.Path({str(sink)!r})
(out / 'folder').mkdir()
(out / 'folder' / 'copy').write_text(film)
(out / 'folder' / 'copy').rename(out / 'moved')
(out / 'folder').rmdir()
"""

    ended = python(code, confined(source, write=(sink,)), cwd=sink)

    assert ended.ok, ended.last_words
    assert (sink / "moved").read_text() == "reel"


@needs_landlock
@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd').read()",
        "os.listdir('/etc')",
        "open('/proc/1/environ').read()",
        "open(secret).read()",
        "open(secret, 'w')",
        "os.truncate(secret, 0)",
        "os.unlink(secret)",
        "os.rename(secret, secret + '2')",
        "os.mkdir(os.path.dirname(secret) + '/new')",
        "open(listed, 'w')",
        "os.unlink(listed)",
        "subprocess.run([listed])",
        "subprocess.run(['cat', secret], check=True, stderr=subprocess.DEVNULL)",
    ],
)
def test_what_is_not_listed_is_out_of_reach(attempt: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    listed = tmp_path / "listed"
    listed.write_text("#!/bin/sh\n")
    listed.chmod(0o755)
    code = f"import os, subprocess\nsecret, listed = {str(secret)!r}, {str(listed)!r}\n{attempt}"

    ended = python(code, confined(listed))

    assert ended.code == 1
    assert "PermissionError" in ended.last_words or "CalledProcessError" in ended.last_words
    assert secret.read_text() == "hush"
    assert listed.read_text() == "#!/bin/sh\n"


@needs_seccomp
@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(address)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', address)",
        "socket.socket(socket.AF_UNIX)",
        "socket.create_server(('127.0.0.1', 0))",
        "socket.socket(socket.AF_INET6)",
    ],
    ids=["tcp", "udp", "unix", "listen", "v6"],
)
def test_no_socket_can_be_made(attempt: str, listener: socket.socket) -> None:
    ended = python(f"import socket\naddress = {listener.getsockname()!r}\n{attempt}", confined())

    assert ended.code == 1
    assert "PermissionError" in ended.last_words


def test_the_network_can_be_left_open(listener: socket.socket) -> None:
    code = f"import socket\nsocket.create_connection({listener.getsockname()!r})"

    ended = python(code, confined(network=True))

    assert ended.ok, ended.last_words


@pytest.mark.skipif(abi() < 6, reason="this kernel's Landlock does not confine signals")
def test_a_confined_child_cannot_signal_us() -> None:
    ended = python(f"import os; os.kill({os.getpid()}, 0)", confined())

    assert "PermissionError" in ended.last_words


def test_confinement_binds_grandchildren_and_gives_no_new_privileges(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    code = f"""
import subprocess, sys
assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()
connect = 'import socket; socket.create_connection(("127.0.0.1", {port}))'
subprocess.run([sys.executable, '-I', '-c', connect], check=True)
"""

    ended = python(code, confined(Path("/proc")))

    assert ended.code == 1
    assert "PermissionError" in ended.last_words


@needs_landlock
def test_a_listed_path_that_is_not_there_is_said_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        python("pass", confined(tmp_path / "nowhere"))


@needs_landlock
def test_preparing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count

    before = open_files()
    python("pass", confined())
    with pytest.raises(FileNotFoundError):
        confined(tmp_path / "nowhere").prepare("true")

    assert open_files() == before
