"""What a child may touch: Landlock for files and TCP, seccomp for every socket.

Files are always confined where the kernel knows Landlock (5.13, ABI 1). The
network is closed twice: Landlock denies TCP from ABI 4 on (6.7), and a seccomp
filter refuses to make any socket at all, UDP and Unix ones too. Neither needs
privileges, and neither can be undone by the child or its children.
"""

import ctypes
import functools
import os
import shutil
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from bijou.runtime import kernel
from bijou.runtime.seccomp import Filter, no_sockets

# The same three numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER

_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract Unix sockets, signals


# What any program needs to start: loader, libraries, certificates of nothing else.
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/nix/store", "/gnu/store")
_FACTS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
_SINKS = ("/dev/null",)


class Confinement(Struct, frozen=True):
    """The files that a child may read and write, and whether it has a network.

    Programs and libraries of the system (`/usr`, `/lib` …) may always be read
    and run, and so may the command itself. A child that runs this interpreter
    wants `interpreter()` in `read`.

    Args:
        read: Files, and folders with all that is in them.
        write: The same, to change as well as read.
        network: Whether it may open sockets.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    network: bool = False

    def prepare(self, command: str) -> "Prepared":
        """Open what the child will be held to, so that it only has to enter.

        Raises:
            FileNotFoundError: a path of `read` or `write` is not there.
        """
        ruleset = -1
        if not available():
            _say_so()
        else:
            ruleset = _create_ruleset(network=self.network)
            try:
                self._allow(ruleset, command)
            except BaseException:
                os.close(ruleset)
                raise
        return Prepared(ruleset, None if self.network else no_sockets())

    def _allow(self, ruleset: int, command: str) -> None:
        program = shutil.which(command)
        runs = [Path(path) for path in (*_PROGRAMS, program) if path and Path(path).exists()]
        facts = [Path(path) for path in _FACTS if Path(path).exists()]
        sinks = [Path(path) for path in _SINKS if Path(path).exists()]
        for paths, access in (
            (runs, _READ | _EXECUTE),
            (facts, _READ),
            (sinks, _READ_FILE | _WRITE_FILE),
            (self.read, _READ),
            (self.write, _WRITE),
        ):
            _add_rules(ruleset, paths, access & _handled(abi()))


class Prepared:
    """A confinement in the parent's hands, to be entered between fork and exec."""

    def __init__(self, ruleset: int, sockets: Filter | None) -> None:
        self._ruleset = ruleset
        self._sockets = sockets

    def enter(self) -> None:
        """Confine this process, for good; only system calls happen here.

        Raises:
            OSError: the kernel refused.
        """
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if self._ruleset >= 0:
            kernel.syscall(_RESTRICT_SELF, self._ruleset)
        if self._sockets is not None:
            self._sockets.enter()

    def close(self) -> None:
        """Let the parent's handles go, once the child has been started."""
        if self._ruleset >= 0:
            os.close(self._ruleset)
            self._ruleset = -1


def nothing() -> Prepared:
    """Return a confinement that opens no file and makes no socket; what is open already stays.

    It may be entered inside another one, and any number of times by forks.
    """
    return Prepared(_create_ruleset(network=False) if available() else -1, no_sockets())


def available() -> bool:
    """Whether this kernel confines files (Landlock); sockets may be closed even so."""
    return abi() >= 1


@functools.cache
def abi() -> int:
    """Return the version of Landlock that the kernel speaks, 0 for none."""
    try:
        return kernel.syscall(_CREATE_RULESET, 0, 0, _RULESET_VERSION)
    except OSError:
        return 0


def interpreter() -> tuple[Path, ...]:
    """Return what a child that runs this Python, and imports bijou, must read."""
    source = Path(__file__).resolve().parents[2]
    return tuple(dict.fromkeys(Path(path).resolve() for path in (sys.prefix, sys.base_prefix, source)))


def _handled(version: int) -> int:
    handled = (1 << 13) - 1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        handled |= right if version >= since else 0
    return handled


def _create_ruleset(*, network: bool) -> int:
    version = abi()
    tcp = _TCP if version >= 4 and not network else 0
    scopes = _SCOPES if version >= 6 else 0
    fields = (_handled(version), tcp, scopes)
    known = 3 if version >= 6 else 2 if version >= 4 else 1
    attributes = (ctypes.c_uint64 * known)(*fields[:known])
    return kernel.syscall(_CREATE_RULESET, ctypes.addressof(attributes), ctypes.sizeof(attributes))


def _add_rules(ruleset: int, paths: Iterable[Path], access: int) -> None:
    for path in paths:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            of_path = access if stat.S_ISDIR(os.fstat(handle).st_mode) else access & _OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", of_path, handle))
            kernel.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.addressof(rule))
        finally:
            os.close(handle)


@functools.cache
def _say_so() -> None:
    """Say once that files are open to children."""
    from bijou.runtime.logs import get_logger  # noqa: PLC0415 - only where there is something to say

    get_logger().warning(
        "confinement.unavailable",
        detail="this kernel has no Landlock (5.13 or later, and in lsm=): children read what bijou may read",
    )
