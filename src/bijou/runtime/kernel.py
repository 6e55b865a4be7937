"""System calls that Python does not wrap; safe between fork and exec."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_libc.syscall.restype = ctypes.c_long
_libc.syscall.argtypes = [ctypes.c_long] * 5

PR_SET_PDEATHSIG = 1
PR_GET_SECCOMP = 21
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38


def prctl(option: int, *arguments: int) -> int:
    """Change something about this process.

    Raises:
        OSError: the kernel refused.
    """
    return _checked(_libc.prctl(option, *_padded(arguments)), f"prctl({option})")


def syscall(number: int, *arguments: int) -> int:
    """Make a system call of at most four arguments; a pointer is its address.

    Raises:
        OSError: the kernel refused, or does not know the call.
    """
    return _checked(_libc.syscall(number, *_padded(arguments)), f"syscall({number})")


def _padded(arguments: tuple[int, ...]) -> tuple[int, ...]:
    return arguments + (0,) * (4 - len(arguments))


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
