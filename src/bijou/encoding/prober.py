"""The parent's end of the child that opens strangers' files."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from bijou.encoding import probe_child, warm_child
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import Facts, Order
from bijou.encoding.warm_child import OUT_OF_MEMORY, READY, Ended
from bijou.ports import BijouError, Clock, EngineUnavailable, InvalidRequest
from bijou.runtime.children import Limits, start_child
from bijou.runtime.confinement import Confinement, interpreter
from bijou.runtime.logs import get_logger
from bijou.runtime.pipes import PipeReader, Tail, drain
from bijou.runtime.processes import ProcessGroup
from bijou.runtime.race import first

_MOST_REPLY_BYTES = 96 * 1024**2
_WARM_LIMITS = Limits(wall_s=60, memory_bytes=2**32, file_bytes=0, open_files=64)
_DRAIN_S = 0.5
_ATTEMPTS = 2
_MIB = 1024**2

_log = get_logger("bijou.encoding")


class Prober:
    """Reads strangers' files, each in a process that is used for nothing else.

    A confined process waits with PyAV loaded and forks for each file; see
    `warm_child`. It is started by `start` or the first file, and replaced after
    any file that hangs, crashes or outgrows its limits. Files are read one after the other.

    Cost: loading takes 0.2 s of CPU once and 35 MB; then a fork some 4 ms.
    Threads: one event loop, the main thread's (see `run_child`).

    Args:
        limits: `probe_wall_s` and `probe_memory_bytes` are for each file.
        reader: The module that reads files; see `warm_child`.

    `cpu_s` adds up what the reading of files has cost, `started` counts
    processes that waited.

    Example:
        async with Prober(limits=EncodingLimits(), clock=SystemClock()) as prober:
            facts = await prober.facts(Path("film.mp4"), "mov")
    """

    def __init__(
        self, *, limits: EncodingLimits, clock: Clock, reader: Path = Path(probe_child.__file__)
    ) -> None:
        self._limits = limits
        self._reader = reader
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting: _Waiting | None = None
        self.cpu_s = 0.0
        self.started = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Have a process wait, so that the first file need not.

        Raises:
            EngineUnavailable: `encoding.no_prober`.
        """
        async with self._turn:
            try:
                await self._ready()
            except BaseException:
                await self.aclose()
                raise

    async def aclose(self) -> None:
        """End the waiting process; the next file starts another one."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            await waiting.end()

    @property
    def pid(self) -> int | None:
        """The process that waits, and the group of all it forks; None while there is none."""
        return self._waiting.group.pid if self._waiting else None

    @property
    def last_words(self) -> str:
        """The end of what the waiting process and its forks wrote to standard error."""
        return self._waiting.last_words() if self._waiting else ""

    async def facts(self, source: Path, container: str, *, frames: bool = True) -> Facts:
        """Read one file.

        Args:
            source: Opened here; the child gets no name.
            container: A key of `sniffing.CONTAINERS`.
            frames: Whether to read all packets, for the times of all frames.

        Raises:
            InvalidRequest: `encoding.inspection_crashed`,
                `.inspection_timed_out`: the file is refused.
            EngineUnavailable: `encoding.crashed`, somebody else ended the
                child; `encoding.no_prober`, it cannot be started.
        """
        order = Order(
            container=container,
            max_pixels=self._limits.max_pixels,
            frames=frames,
            memory_bytes=self._limits.probe_memory_bytes,
            cpu_s=int(self._limits.probe_wall_s) + 1,
        )
        async with self._turn:
            with source.open("rb") as file:
                for _ in range(_ATTEMPTS):
                    with contextlib.suppress(_LostError):
                        return await self._attempt(file, order)
        raise EngineUnavailable(
            "encoding.crashed", f"the process that reads films was ended {_ATTEMPTS} times by somebody else"
        )

    async def _attempt(self, file: BinaryIO, order: Order) -> Facts:
        try:
            facts = await self._ask(await self._ready(), file, order)
        except BaseException:
            await self.aclose()
            raise
        return facts

    async def _ready(self) -> "_Waiting":
        return self._waiting or await self._start()

    async def _start(self) -> "_Waiting":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            try:
                group = start_child(
                    [sys.executable, "-I", warm_child.__file__, str(self._reader)],
                    limits=_WARM_LIMITS,
                    confinement=Confinement(read=(self._reader, *interpreter())),
                    stdout=theirs.fileno(),
                    env={"LD_BIND_NOW": "1"},  # else each fork would bind its libraries anew
                )
            except BaseException:
                ours.close()
                raise
        self._waiting = _Waiting(group, ours)
        self.started += 1
        await self._waiting.hear(self._clock)
        return self._waiting

    async def _ask(self, waiting: "_Waiting", file: BinaryIO, order: Order) -> Facts:
        answer = _Whole(_MOST_REPLY_BYTES)
        reading, writing = os.pipe()
        try:
            await answer.attach(os.fdopen(reading, "rb", buffering=0))
            waiting.send(msgspec.msgpack.encode(order), [file.fileno(), writing])
        finally:
            os.close(writing)
        try:
            said = await waiting.word(self._clock, self._limits.probe_wall_s, answer)
            if not said:
                raise _LostError
            ended = msgspec.msgpack.decode(said, type=Ended)
            await drain([answer], self._clock, patience_s=_DRAIN_S)
        except TimeoutError:
            raise self._timed_out() from None
        finally:
            answer.close()
        self.cpu_s += ended.cpu_s
        if ended.code:
            _log.warning(
                "prober.broken", code=ended.code, signal=ended.signal, last_words=waiting.last_words()
            )
            raise self._blame(ended)
        return _decoded(bytes(answer.content))

    def _timed_out(self) -> InvalidRequest:
        return InvalidRequest(
            "encoding.inspection_timed_out",
            f"reading the file took longer than {self._limits.probe_wall_s:.0f} s, the limit of this service",
        )

    def _blame(self, ended: Ended) -> BijouError:
        if ended.signal == signal.SIGKILL:
            return EngineUnavailable(
                "encoding.crashed",
                "the reading of the file was ended by SIGKILL, which is not the file's doing",
            )
        if ended.signal == signal.SIGXCPU:
            return self._timed_out()
        if ended.code == OUT_OF_MEMORY:
            room = self._limits.probe_memory_bytes // _MIB
            return _harm(f"it asked for more than {room} MiB of memory")
        name = signal.Signals(ended.signal).name if ended.signal else f"exit code {ended.code}"
        return _harm(name)


class _LostError(Exception):
    """The waiting process ended before it answered."""


class _Waiting:
    """One process that waits for orders, and our end of its socket."""

    def __init__(self, group: ProcessGroup, control: socket.socket) -> None:
        self.group = group
        self._control = control
        self._errors = Tail()
        self._attached = False

    async def hear(self, clock: Clock) -> None:
        """Wait until it is ready.

        Raises:
            EngineUnavailable: `encoding.no_prober`.
        """
        await self._errors.attach(self.group.stderr)
        self._attached = True
        try:
            said = await self.word(clock, _WARM_LIMITS.wall_s)
        except TimeoutError:
            said = b""
        if said != READY:
            _log.error("prober.not_started", last_words=self.last_words())
            raise EngineUnavailable(
                "encoding.no_prober", "the process that reads films did not start; see the log"
            )

    def last_words(self) -> str:
        """Return the end of what it and its forks wrote to standard error."""
        return self._errors.text()[-1000:]

    def send(self, order: bytes, files: list[int]) -> None:
        """Hand over an order; an end that was not noticed yet shows here.

        Raises:
            _LostError: it has ended.
        """
        try:
            socket.send_fds(self._control, [order], files)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _LostError from error

    async def word(self, clock: Clock, wall_s: float, answer: "_Whole | None" = None) -> bytes:
        """Return what it says next; nothing where it has ended.

        Raises:
            TimeoutError: it said nothing for `wall_s`.
            InvalidRequest: `answer` grew beyond its bound.
        """
        loop = asyncio.get_running_loop()
        said = asyncio.ensure_future(loop.sock_recv(self._control, warm_child.MOST_BYTES))
        alarm = asyncio.ensure_future(clock.sleep(wall_s))
        overflow = answer.overflow if answer else loop.create_future()
        try:
            await first(said, alarm, overflow)
            if overflow.done():
                raise _harm("it has more to tell than a film has")
            if not said.done():
                raise TimeoutError
            with contextlib.suppress(ConnectionResetError):
                return said.result()
            return b""
        finally:
            alarm.cancel()
            said.cancel()

    async def end(self) -> None:
        """Kill it and what it forked; nothing of it is left then."""
        self.group.kill()
        await asyncio.shield(self.group.exited)
        self._control.close()
        if self._attached:
            self._errors.close()


class _Whole(PipeReader):
    """Keeps all that it reads, up to a bound; `overflow` is done beyond it."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.content = bytearray()
        self.overflow: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._most_bytes = most_bytes

    def data_received(self, data: bytes) -> None:
        """Keep `data`."""
        if len(self.content) + len(data) <= self._most_bytes:
            self.content += data
        elif not self.overflow.done():
            self.overflow.set_result(None)


def _decoded(answer: bytes) -> Facts:
    try:
        return msgspec.msgpack.decode(answer, type=Facts)
    except msgspec.DecodeError as error:
        raise _harm("what it says is no answer") from error


def _harm(how: str) -> InvalidRequest:
    return InvalidRequest(
        "encoding.inspection_crashed",
        f"reading the file broke the program that reads it ({how}); the file is damaged or made to do harm",
    )
