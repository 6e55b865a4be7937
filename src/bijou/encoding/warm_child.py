"""A process that waits with everything loaded, and forks for each file that it is handed.

Run by path, `python -I warm_child.py MODULE`. `MODULE` is a file that defines
`Order`, `warm()` and `serve(order, file)`. Orders come through a Unix socket
that stands where standard output was, each with two open files: one to read,
and the pipe for the answer. The waiting process never looks into a file; the
fork that does so

* is used for one file, and gone before the next one comes;
* has nothing but the two: no way back to the socket, where others' orders come;
* enters a second confinement of its own, inside the first: it may open no file
  at all, make no socket, and touch neither its parent's memory nor, where the
  kernel knows how, its life;
* has its own limits of memory and CPU time.

What forks share is the layout of their addresses, so whoever starts this
process replaces it after every fork that ended badly.
"""

import gc
import importlib.util
import mmap
import os
import resource
import signal
import socket
import sys
from types import ModuleType
from typing import NoReturn

import msgspec

from bijou.runtime import kernel
from bijou.runtime.confinement import Prepared, nothing

CONTROL = 1
READY = b"ready"
MOST_BYTES = 4096
OUT_OF_MEMORY = 12
BROKEN = 1
_LEAST_ROOM_BYTES = 4 * 1024**2


class Ended(msgspec.Struct, frozen=True):
    """How the fork for one file ended.

    Args:
        code: Exit status, `OUT_OF_MEMORY` or `BROKEN` where it failed; -1 where a signal ended it.
        signal: The signal that ended it, or 0.
        cpu_s: What it had cost.
    """

    code: int
    signal: int
    cpu_s: float


def main(module: str) -> None:
    """Serve orders until nobody can send any more."""
    work = _load(module)
    work.warm()
    orders = msgspec.msgpack.Decoder(work.Order)
    inner, silence = nothing(), os.open(os.devnull, os.O_WRONLY)
    with socket.socket(fileno=CONTROL) as control:
        gc.collect()
        gc.freeze()
        gc.disable()
        control.send(READY)
        while True:
            order, files, _, _ = socket.recv_fds(control, MOST_BYTES, 2)
            if not order:
                return
            parent, pid = os.getpid(), os.fork()
            if not pid:
                os.dup2(silence, CONTROL)
                _serve(work, orders.decode(order), inner, parent, *files)
            for file in files:
                os.close(file)
            control.send(msgspec.msgpack.encode(_wait(pid)))


def _serve(
    work: ModuleType, order: object, inner: Prepared, parent: int, source: int, answer: int
) -> NoReturn:
    """Do the work in the fork, which ends here in any case."""
    code = BROKEN
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            _confine(order, inner)
            with open(source, "rb", buffering=0) as file, open(answer, "wb") as pipe:
                pipe.write(work.serve(order, file))
            code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever it is, nothing of it may go back into the loop
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace")[:1000])
    finally:
        os._exit(code)


def _confine(order: object, inner: Prepared) -> None:
    inner.enter()
    cpu_s: int = getattr(order, "cpu_s")  # noqa: B009 - the module that is loaded knows its type
    memory_bytes: int = getattr(order, "memory_bytes")  # noqa: B009 - as above
    _cap(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _cap(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    try:
        mmap.mmap(-1, _LEAST_ROOM_BYTES).close()
    except OSError as error:  # decoders would call the film damaged where they cannot begin
        raise MemoryError from error


def _cap(kind: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _wait(pid: int) -> Ended:
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code=max(code, -1), signal=max(-code, 0), cpu_s=usage.ru_utime + usage.ru_stime)


def _load(path: str) -> ModuleType:
    """Load a module from its file alone: by name, its package would come with it."""
    name = "work"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
