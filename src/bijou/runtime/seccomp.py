"""A system call filter that refuses to make sockets, as classic BPF for seccomp."""

import ctypes
import functools
import platform
import struct

from bijou.runtime import kernel

_SECCOMP_MODE_FILTER = 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _DENY, _UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050000 | 13, 0x00050000 | 38  # EACCES, ENOSYS
_X32 = 0x40000000
_IO_URING_SETUP = 425
# machine -> (its name in audit records, its number of socket(2))
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}


class _Program(ctypes.Structure):
    """`struct sock_fprog`: how many instructions, and where."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class Filter:
    """System calls that a process and all its children will be refused.

    Args:
        instructions: Operation, jump if true, jump if false, operand.
    """

    def __init__(self, instructions: tuple[tuple[int, int, int, int], ...]) -> None:
        code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
        self._program = _Program(len(instructions), code)

    def enter(self) -> None:
        """Filter this process, for good; it must have `no_new_privs`.

        Raises:
            OSError: the kernel refused.
        """
        kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(self._program))


@functools.cache
def no_sockets() -> Filter | None:
    """Return the filter for this machine; None where its numbers, or the kernel's filters, are not known.

    io_uring makes sockets too, and x86-64's second calling convention has
    numbers of its own, so both are answered as if they did not exist.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or not _filters_known():
        return None
    audit, socket = machine
    instructions = (
        (_LOAD, 0, 0, 4),
        (_IF_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_IF_AT_LEAST, 3, 0, _X32),
        (_IF_EQUAL, 2, 0, _IO_URING_SETUP),
        (_IF_EQUAL, 2, 0, socket),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _UNKNOWN),
        (_RETURN, 0, 0, _DENY),
    )
    return Filter(instructions)


def _filters_known() -> bool:
    try:
        kernel.prctl(kernel.PR_GET_SECCOMP)
    except OSError:
        return False
    return True
