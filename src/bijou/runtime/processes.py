"""A started command with its whole process group, until the last of it is gone.

Linux only: it stands on pidfd and `PR_SET_PDEATHSIG`. Nothing here depends on
which event loop runs; asyncio's own subprocesses do not report CPU time, and
let a process id be used again before its group is killed.
"""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from bijou.runtime import kernel


class Exit(Struct, frozen=True):
    """How a process ended, and what it had cost.

    Args:
        code: Exit status; -1 where a signal ended it.
        signal: The signal that ended it, or 0.
        cpu_s: User and system time, of children that it waited for too.
    """

    code: int
    signal: int
    cpu_s: float

    def __str__(self) -> str:
        return f"signal {signal.Signals(self.signal).name}" if self.signal else f"exit code {self.code}"


class ProcessGroup:
    """A command in a session of its own, which dies whole and with its parent.

    The leader is killed when the *thread* that started it ends, so start it
    from the main thread's event loop. When the leader ends, everything left in
    its group is killed before its process id can be used again; only a process
    that made a session of its own escapes.

    Cost: blocks the loop for the fork and the exec, about 3 ms.
    Threads: the running event loop's only.

    Args:
        argv: The command; the first is looked up in PATH of `env`.
        env: The whole environment.
        cwd: Folder to start in; None: this process's.
        stdout: A file descriptor, `subprocess.PIPE`, `DEVNULL` or `STDOUT`.
        stderr: The same.
        before_exec: Runs in the child between fork and exec; must do no more
            than system calls.

    Raises:
        OSError: there is no such command or folder, or it may not be run.
        subprocess.SubprocessError: `before_exec` failed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        parent = os.getpid()

        def bind() -> None:
            die_with_parent(parent)
            if before_exec:
                before_exec()

        with warnings.catch_warnings():
            # Python 3.12 warns of fork among threads; `bind` takes no lock that one of them could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._popen = subprocess.Popen(
                list(argv),
                bufsize=0,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=bind,  # noqa: PLW1509 - see above; an exec wrapper would cost a Python start
            )
        self.pid = self._popen.pid
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self._pidfd = os.pidfd_open(self.pid)
        self._loop = loop
        loop.add_reader(self._pidfd, self._reap)

    @property
    def stdout(self) -> IO[bytes] | None:
        """The reading end of a piped standard output."""
        return self._popen.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """The reading end of a piped standard error."""
        return self._popen.stderr

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens once it has ended."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill the whole group at once."""
        self.signal(signal.SIGKILL)

    def _reap(self) -> None:
        # The leader is still a zombie here, so its id cannot belong to anybody else yet.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = os.waitstatus_to_exitcode(status)
        self._popen.returncode = code
        if not self.exited.done():
            cpu_s = usage.ru_utime + usage.ru_stime
            self.exited.set_result(Exit(code=max(code, -1), signal=max(-code, 0), cpu_s=cpu_s))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    Meant for the moment between fork and exec. Where the parent is already
    gone, this process ends here.

    Raises:
        OSError: the kernel refused.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def cap(kind: int, soft: int, hard: int | None = None) -> None:
    """Lower one resource limit of this process, never above what it inherited."""
    _, ceiling = resource.getrlimit(kind)
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))
