"""Errors of the file system: OSErrors with the errno that Linux would give."""

import errno
from typing import Final

_WORDS: Final = {
    errno.EACCES: "the mode of this node, or of a directory above it, does not allow that",
    errno.EBADF: "the file is not open for that",
    errno.EBUSY: "the root, . and .. cannot be renamed or removed",
    errno.EEXIST: "there is something of that name already",
    errno.EFBIG: "a file ends before byte 2^63",
    errno.EINVAL: "not a valid request",
    errno.EISDIR: "it is a directory",
    errno.ELOOP: "more than 40 symbolic links on the way",
    errno.ENAMETOOLONG: "a name is at most 255 bytes long, a path at most 4095",
    errno.ENOENT: "no such file or directory",
    errno.ENOSPC: "the byte budget is used up and nothing can be spilled",
    errno.ENOTDIR: "a part of the path is not a directory",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.EPERM: "only the owner or the superuser may do that",
    errno.EROFS: "a snapshot cannot be changed",
    errno.ESTALE: "the snapshot was closed",
}


def fault(code: int, path: str, other: str | None = None, *, rule: str = "") -> OSError:
    """Return the OSError (of the fitting subclass) for an errno and its paths.

    Example:
        >>> fault(errno.ENOENT, "/a")
        FileNotFoundError(2, 'no such file or directory')
    """
    return OSError(code, rule or _WORDS[code], path, None, other)
