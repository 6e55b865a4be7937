"""Who may do what: owner, group and mode as Linux reads them.

Source: fs/namei.c and fs/attr.c of the kernel: `generic_permission`,
`may_create`, `may_delete`, `setattr_prepare`, `setattr_should_drop_suidgid`.
"""

import errno
import stat
from typing import Final

from bijou.memfs.credentials import Credentials
from bijou.memfs.faults import fault
from bijou.memfs.nodes import Directory, Node

READ, WRITE, SEARCH = 4, 2, 1
PERMISSIONS: Final = 0o7777
_ALL_SEARCH: Final = 0o111
_UNCHANGED: Final = -1  # what chown(2) takes for "as it is"


def allows(node: Node, who: Credentials, wanted: int) -> bool:
    """Tell whether a mode gives somebody all of the wanted bits.

    Only one class counts: an owner whom the mode refuses is not saved by what
    it gives to others. The superuser is refused only what nobody may: to run a
    file that is not executable.
    """
    if who.is_superuser:
        return not wanted & SEARCH or node.KIND == stat.S_IFDIR or node.mode & _ALL_SEARCH != 0
    mode = node.mode
    if node.uid == who.uid:
        mode >>= 6
    elif node.gid in who.groups:
        mode >>= 3
    return mode & wanted == wanted


def require(node: Node, who: Credentials, wanted: int, path: str) -> None:
    """Raise EACCES where `allows` says no."""
    if not allows(node, who, wanted):
        raise fault(errno.EACCES, path)


def require_delete(parent: Directory, victim: Node, who: Credentials, path: str) -> None:
    """Raise EACCES or, in a sticky directory, EPERM where a name may not go."""
    require(parent, who, WRITE | SEARCH, path)
    if parent.mode & stat.S_ISVTX and not who.is_superuser and who.uid not in {victim.uid, parent.uid}:
        raise fault(errno.EPERM, path, rule="in a sticky directory only the owner may do that")


def require_owner(node: Node, who: Credentials, path: str) -> None:
    """Raise EPERM for anybody but owner and superuser."""
    if not who.is_superuser and who.uid != node.uid:
        raise fault(errno.EPERM, path)


def change_mode(node: Node, who: Credentials, mode: int, path: str) -> None:
    """Set permissions; set-group-ID is dropped where the caller is not in the group."""
    require_owner(node, who, path)
    if mode & stat.S_ISGID and not who.is_superuser and node.gid not in who.groups:
        mode &= ~stat.S_ISGID
    node.mode = mode & PERMISSIONS


def change_owner(node: Node, who: Credentials, uid: int | None, gid: int | None, path: str) -> None:
    """Set owner and group: only the superuser gives away, an owner may use own groups."""
    uid, gid = _given(uid, node.uid, path), _given(gid, node.gid, path)
    if not who.is_superuser:
        own_group = gid == node.gid or gid in who.groups
        if who.uid != node.uid or uid != node.uid or not own_group:
            raise fault(errno.EPERM, path)
    if node.KIND != stat.S_IFDIR:
        node.mode = _without_set_id(node, who)
    node.uid, node.gid = uid, gid


def drop_set_id(node: Node, who: Credentials) -> None:
    """Take set-ID bits from a file whose content changes, unless the superuser does it."""
    if node.mode & (stat.S_ISUID | stat.S_ISGID) and not who.is_superuser:
        node.mode = _without_set_id(node, who)


def birth_of(parent: Directory, who: Credentials, mode: int, *, is_directory: bool) -> tuple[int, int]:
    """Return mode and group of a new node: a set-group-ID directory hands its group down."""
    if is_directory:
        mode &= 0o1777
    if not parent.mode & stat.S_ISGID:
        return mode, who.gid
    if is_directory:
        return mode | stat.S_ISGID, parent.gid
    runs_as_group = mode & stat.S_ISGID and mode & stat.S_IXGRP
    if runs_as_group and not who.is_superuser and parent.gid not in who.groups:
        mode &= ~stat.S_ISGID
    return mode, parent.gid


def everyone_searches(node: Directory) -> bool:
    """Tell whether nobody needs to be asked who they are."""
    return node.mode & _ALL_SEARCH == _ALL_SEARCH


def _given(number: int | None, present: int, path: str) -> int:
    if number is None or number == _UNCHANGED:
        return present
    if number < 0:
        raise fault(errno.EINVAL, path, rule=f"{number} is no user or group; those are at least 0")
    return number


def _without_set_id(node: Node, who: Credentials) -> int:
    mode = node.mode & ~stat.S_ISUID
    in_group = who.is_superuser or node.gid in who.groups
    return mode & ~stat.S_ISGID if mode & stat.S_IXGRP or not in_group else mode
