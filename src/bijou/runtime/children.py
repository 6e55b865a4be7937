"""Disposable children: commands that may hang, bloat, crash or misbehave."""

import asyncio
import math
import os
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from bijou.ports import Clock
from bijou.runtime.confinement import Confinement
from bijou.runtime.pipes import Lines, PipeReader, Tail, drain
from bijou.runtime.processes import ProcessGroup, cap
from bijou.runtime.race import first

_DRAIN_S = 0.5


class Limits(Struct, frozen=True, kw_only=True):
    """What one child may use before the kernel or we end it.

    Args:
        wall_s: Seconds until its group is killed.
        cpu_s: Seconds of CPU until the kernel sends SIGXCPU (one more: SIGKILL).
        memory_bytes: Address space; beyond it allocations fail.
        file_bytes: Longest file that it may write; beyond it SIGXFSZ.
        open_files: File descriptors.
        nice: Steps by which it yields to the services on the same machine.
    """

    wall_s: float
    cpu_s: float = 3600
    memory_bytes: int = 2**31
    file_bytes: int = 2**36
    open_files: int = 256
    nice: int = 5


class Finished(Struct, frozen=True):
    """How a child ended.

    Args:
        code: Exit status; -1 where a signal ended it.
        signal: The signal that ended it, or 0.
        last_words: The end of what it wrote to standard error, at most 4 KiB.
        wall_s: Seconds from start to end.
        cpu_s: Its CPU time, with that of children that it waited for.
        timed_out: Whether it was killed for `wall_s`.
    """

    code: int
    signal: int
    last_words: str
    wall_s: float
    cpu_s: float
    timed_out: bool

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.code == 0


async def run_child(
    argv: Sequence[str],
    *,
    limits: Limits,
    clock: Clock,
    on_line: Callable[[str], None] | None = None,
    cwd: Path | None = None,
    confinement: Confinement | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command under limits to its end; nothing of its group is left then.

    It starts in a session of its own, reads nothing, knows no environment but
    PATH, LANG, HOME and TMPDIR (both `cwd`), and dies with this process. The
    whole group is killed when `wall_s` passes, when this call is cancelled,
    when `on_line` raises, and always after the child's own end.

    The kernel kills the child when the *thread* that started it ends: call this
    from the main thread's event loop, never from a worker thread's.

    Cost: blocks the loop for the fork and the exec, about 3 ms.

    Args:
        on_line: Called with each line of standard output, without its end and
            cut at 64 KiB; without it standard output is discarded.
        cwd: Folder to start in, its scratch; None: this process's.
        confinement: What it may touch; None: what this process may.
        env: Added to the environment above.

    Raises:
        OSError: there is no such command or folder, or it may not be run.
        FileNotFoundError: a path of `confinement` is not there.
        subprocess.SubprocessError: the kernel refused a limit or the confinement.

    Example:
        >>> from bijou.ports import SystemClock
        >>> lines = []
        >>> limits = Limits(wall_s=9)
        >>> hello = run_child(["echo", "hello"], limits=limits, clock=SystemClock(), on_line=lines.append)
        >>> asyncio.run(hello).ok, lines
        (True, ['hello'])
    """
    started_ns = clock.monotonic_ns()
    stdout = subprocess.DEVNULL if on_line is None else subprocess.PIPE
    group = start_child(argv, limits=limits, cwd=cwd, confinement=confinement, env=env, stdout=stdout)
    last_words, timed_out = await _watched(group, clock, limits.wall_s, on_line)
    ended = group.exited.result()
    return Finished(
        code=ended.code,
        signal=ended.signal,
        last_words=last_words,
        wall_s=(clock.monotonic_ns() - started_ns) / 1e9,
        cpu_s=ended.cpu_s,
        timed_out=timed_out,
    )


async def _watched(
    group: ProcessGroup, clock: Clock, wall_s: float, on_line: Callable[[str], None] | None
) -> tuple[str, bool]:
    """Read a child to its end, which comes in any case; return its last words, and whether it timed out."""
    broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    alarm = asyncio.ensure_future(clock.sleep(wall_s))
    errors = Tail()
    readers: list[PipeReader] = [errors]
    try:
        await errors.attach(group.stderr)
        if on_line is not None:
            readers.append(Lines(on_line, broken))
            await readers[-1].attach(group.stdout)
        await first(group.exited, alarm, broken)
        timed_out = not group.exited.done() and not broken.done()
        group.kill()
        await asyncio.shield(group.exited)
        await drain(readers, clock, patience_s=_DRAIN_S)
    finally:
        group.kill()
        alarm.cancel()
        for reader in readers:
            reader.close()
        if len(readers) == 1 and group.stdout is not None:
            group.stdout.close()  # cancelled before anybody read it
        await asyncio.shield(group.exited)
    if broken.done():
        broken.result()
    return errors.text(), timed_out


def start_child(
    argv: Sequence[str],
    *,
    limits: Limits,
    cwd: Path | None = None,
    confinement: Confinement | None = None,
    env: Mapping[str, str] | None = None,
    stdout: int = subprocess.DEVNULL,
) -> ProcessGroup:
    """Start a command as `run_child` does; its caller reads it, and ends it.

    Nothing here watches `limits.wall_s`.

    Args:
        stdout: A file descriptor, `subprocess.PIPE` or `DEVNULL`.

    Raises:
        OSError, subprocess.SubprocessError: as for `run_child`.
    """
    prepared = confinement.prepare(argv[0]) if confinement else None

    def enter() -> None:
        if prepared:
            prepared.enter()
        _apply(limits)

    try:
        return ProcessGroup(
            argv,
            env=_environment(cwd) | dict(env or {}),
            cwd=cwd,
            stdout=stdout,
            stderr=subprocess.PIPE,
            before_exec=enter,
        )
    finally:
        if prepared:
            prepared.close()


def _environment(cwd: Path | None) -> dict[str, str]:
    scratch = str(cwd or "/")
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch}


def _apply(limits: Limits) -> None:
    cpu_s = math.ceil(limits.cpu_s)
    os.nice(limits.nice)
    cap(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    cap(resource.RLIMIT_FSIZE, limits.file_bytes)
    cap(resource.RLIMIT_NOFILE, limits.open_files)
    cap(resource.RLIMIT_CORE, 0)
    cap(resource.RLIMIT_AS, limits.memory_bytes)  # last: from here on our own allocations may fail
