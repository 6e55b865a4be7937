"""Loops over arrays as machine code, where numba is installed."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def is_native(*, asked: bool | None) -> bool:
    """Tell whether to compile: as asked, or wherever numba is installed.

    Raises:
        ModuleNotFoundError: compiled code was asked for, without numba.
    """
    there = find_spec("numba") is not None
    if asked and not there:
        raise ModuleNotFoundError("native=True needs numba; install it, or leave `native` out to use numpy")
    return there if asked is None else asked


@cache
def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return the loop compiled, without the interpreter's lock, and remembered on disk.

    Importing numba costs about 0.8 s and 85 MB, so nothing does before the
    first call; compiling costs about a second, the first time on a machine.
    The loop must call no other compiled loop: numba's memory on disk does not
    see that one change.
    """
    jit = import_module("numba").njit
    try:
        return jit(nogil=True, cache=True)(loop)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder that it may write to
        return jit(nogil=True)(loop)  # type: ignore[no-any-return]
