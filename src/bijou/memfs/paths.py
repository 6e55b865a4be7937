"""What a path may look like."""

import errno
from typing import Final

from bijou.memfs.faults import fault

NAME_BYTES: Final = 255
PATH_BYTES: Final = 4095
# No character takes more than four bytes in UTF-8, so shorter texts need no counting.
_SURELY_FITS: Final = 4


def checked(path: str) -> str:
    """Return the path if it is one: absolute, without NUL, not too long.

    A relative path is refused: there is no current directory here.

    Raises:
        OSError: ENOENT where it is empty, ENAMETOOLONG, EINVAL otherwise.
    """
    if not isinstance(path, str):
        raise TypeError(f"{path!r} is no path; a path is a str that begins with /")
    if not path:
        raise fault(errno.ENOENT, path, rule="the path is empty")
    if _is_longer(path, PATH_BYTES):
        raise fault(errno.ENAMETOOLONG, path)
    if "\0" in path:
        raise fault(errno.EINVAL, path, rule="a path holds no NUL")
    if path[0] != "/":
        raise fault(errno.EINVAL, path, rule="a path begins with /: there is no current directory")
    return path


def names_of(path: str) -> list[str]:
    """Return the names of a path; slashes count once."""
    return [name for name in path.split("/") if name]


def is_long(name: str) -> bool:
    """Tell whether a name is too long for a directory."""
    return _is_longer(name, NAME_BYTES)


def join(above: str, name: str) -> str:
    """Return the path of a name in a directory.

    Example:
        >>> join("/", "a"), join("/a", "b")
        ('/a', '/a/b')
    """
    return f"/{name}" if above == "/" else f"{above}/{name}"


def _is_longer(text: str, limit_bytes: int) -> bool:
    if len(text) * _SURELY_FITS <= limit_bytes:
        return False
    return len(text.encode("utf-8", "surrogatepass")) > limit_bytes
