"""The life of a service's process: bound to its supervisor, ended by a signal.

SIGTERM, SIGINT and SIGHUP set a stop event; whoever has not finished a moment later is
ended, with a traceback of what held it up. A second signal ends it at once.
"""

import asyncio
import contextlib
import errno
import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any

from bijou.ports import BijouBug, BijouError, Clock
from bijou.runtime import kernel, logs

SUPERVISED = "BIJOU_SUPERVISED"
"""Environment variable with the supervisor's process id."""

EXIT_ENVIRONMENT = 3
"""Exit code of a service that could not run: the operator must act."""

_RESERVED_FILES = 512

Main = Callable[[asyncio.Event, Callable[[], None]], Awaitable[None]]
"""A service: works until the event is set; calls the function once it is ready."""

_log = logs.get_logger()


def run(main: Main, *, service: str, clock: Clock, log_level: str = "info", grace_s: float = 0.7) -> int:
    """Run a service in this process until it ends, and return its exit code.

    Dies with its supervisor, if it has one. Uses uvloop where it is installed.

    Threads: the main thread only; signals are handled there.

    Args:
        service: Its name in log lines.
        log_level: Least severe line that is logged.
        grace_s: Seconds from the first such signal to the forced end.

    Returns:
        0: it ended by itself or when told to; 3: it could not run, and one log
        line says why.
    """
    bind_to_supervisor()
    open_files()
    logs.configure(service, clock=clock, level=log_level)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(live(main, clock=clock, grace_s=grace_s))


async def live(main: Main, *, clock: Clock, grace_s: float = 0.7) -> int:
    """Run `main` on this loop as `run` does, with the process's signals."""
    stop = asyncio.Event()
    started_ns = clock.monotonic_ns()

    def ready() -> None:
        took_s = round((clock.monotonic_ns() - started_ns) / 1e9, 3)
        _log.info("service.ready", pid=os.getpid(), took_s=took_s, open_files=open_files())

    asyncio.get_running_loop().set_exception_handler(_crashed_task)
    with _stop_on_signals(stop, grace_s):
        try:
            await main(stop, ready)
        except Exception as error:  # noqa: BLE001 - the last one who can say so
            _explain(error)
            return EXIT_ENVIRONMENT
    _log.info("service.stopped")
    return 0


def bind_to_supervisor() -> None:
    """Die when the supervisor does, if one started this process (`BIJOU_SUPERVISED`)."""
    supervisor = os.environ.get(SUPERVISED, "")
    if not supervisor.isdecimal():
        return
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(supervisor):
        return
    # Between the two stands a wrapper, or the supervisor died before the call above.
    try:
        os.kill(int(supervisor), 0)
    except ProcessLookupError:
        sys.exit(EXIT_ENVIRONMENT)


def open_files() -> int:
    """Let this process open as many files as the machine allows; return how many that are.

    The usual 1,024 are fewer than a service's connections.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def servable(connections: int) -> int:
    """Return how many connections of those wished for the open files allow; says so if fewer.

    A service holds twice as many for a moment, to refuse them, and has files of
    its own; without that reserve it could not even answer for its health.
    """
    allowed = max(1, (open_files() - _RESERVED_FILES) // 2)
    if allowed >= connections:
        return connections
    _log.warning(
        "connections.capped",
        connections=allowed,
        detail=f"{connections} connections are configured, {allowed} are served at once; raise the hard limit"
        f" of open files (ulimit -Hn) from {open_files()} to {2 * connections + _RESERVED_FILES} for all",
    )
    return allowed


def stopping() -> list[signal.Signals]:
    """Return the signals that ask this process to stop; not SIGHUP under `nohup`."""
    asked = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    return [number for number in asked if signal.getsignal(number) is not signal.SIG_IGN]


@contextlib.contextmanager
def _stop_on_signals(stop: asyncio.Event, grace_s: float) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() or asked:
            os._exit(128 + number)
        asked.append(number)
        # A thread of C: it works even where the loop no longer turns.
        faulthandler.dump_traceback_later(grace_s, exit=True)
        loop.call_soon_threadsafe(stop.set)

    asked: list[int] = []
    before = {number: signal.signal(number, on_signal) for number in stopping()}
    try:
        yield
    finally:
        if not asked:
            for number, handler in before.items():
                signal.signal(number, handler)


def _explain(error: Exception) -> None:
    if isinstance(error, BijouError) and not isinstance(error, BijouBug):
        _log.error("service.gave_up", code=error.code, detail=error.detail)
    elif isinstance(error, OSError) and error.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
        _log.error("service.gave_up", code="runtime.address", detail=str(error))
    else:
        _log.error("service.crashed", exc_info=error)


def _crashed_task(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("task.crashed", detail=context.get("message", ""), exc_info=context.get("exception"))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - left out where it is not installed
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
