"""A reader of files that misbehaves: the container it is told says how."""

import os
import signal
import socket
from pathlib import Path
from typing import Any, BinaryIO

import msgspec


class Order(msgspec.Struct, frozen=True):
    container: str
    memory_bytes: int
    cpu_s: int


def warm() -> None:
    pass


def serve(order: Order, file: BinaryIO) -> bytes:
    match order.container:
        case "hang":
            os.write(2, f"hanging {os.getpid()}\n".encode())
            signal.pause()
        case "segfault" | "kill":
            os.kill(os.getpid(), signal.SIGSEGV if order.container == "segfault" else signal.SIGKILL)
        case "bloat":
            bytearray(order.memory_bytes)
        case "flood":
            return bytes(97 * 1024**2)
        case "garble":
            return b"\xc1"
        case "raise":
            raise KeyError("lost")
    return answer(", ".join(escapes(file)))


def answer(problem: str) -> bytes:
    return msgspec.msgpack.encode({"problem": problem})


def escapes(file: BinaryIO) -> list[str]:
    """What of this it can do: all of it would be bad."""
    tries: dict[str, Any] = {
        "read a file": lambda: Path("/etc/passwd").read_bytes(),
        "read its own code": lambda: Path(__file__).read_bytes(),
        "list a folder": lambda: os.listdir("/usr"),  # noqa: PTH208 - on purpose
        "write a file": lambda: Path("/dev/shm/bijou-was-here").write_bytes(b"x"),
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "make a socket": socket.socket,
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "find the control socket": lambda: socket.socket(fileno=1),
        "write into the file": lambda: os.write(file.fileno(), b"x"),
    }
    found = [name for name, attempt in tries.items() if _succeeds(attempt)]
    return found + [f"use descriptor {number}" for number in range(3, 64) if _strange(number, file)]


def _succeeds(attempt: Any) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _strange(number: int, file: BinaryIO) -> bool:
    """A socket, or a second file: the pipe for the answer, rules and the void are no harm."""
    try:
        kind = os.fstat(number).st_mode & 0o170000
    except OSError:
        return False
    return number != file.fileno() and kind in {0o140000, 0o100000}
