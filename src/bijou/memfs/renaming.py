"""Moving a name: the one operation that touches two directories."""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bijou.memfs.content import File
from bijou.memfs.faults import fault
from bijou.memfs.nodes import Directory, Node, Symlink, is_at_or_above
from bijou.memfs.permissions import SEARCH, WRITE, require, require_delete
from bijou.memfs.volume import Caller, Volume
from bijou.memfs.walking import Walk
from bijou.memfs.watching import Change


def rename(caller: Caller, old: str, new: str, *, replace: bool) -> None:
    """Move a name, in one step for all who look; what stood there goes away.

    The gate is shut where paths through the moved name change their meaning.
    """
    volume = caller.volume
    volume.require_writable(old)
    now = volume.now()
    while True:
        with volume.gate.shared:
            shuts = _Move(caller, old, new, replace=replace).shuts_gate()
        with volume.gate.shut() if shuts else volume.gate.shared:
            move = _Move(caller, old, new, replace=replace)
            with _parents_locked(volume, move.from_parent, move.to_parent):
                if shuts or not move.shuts_gate():
                    move.carry_out(now)
                    return


class _Move:
    """One rename, once both parents are known."""

    def __init__(self, caller: Caller, old: str, new: str, *, replace: bool) -> None:
        self._caller = caller
        self._replace = replace
        self._from, self._to = Walk(caller, old), Walk(caller, new)
        if not self._from.is_normal:
            raise fault(errno.EBUSY, old, new)
        if not self._to.is_normal:
            raise fault(errno.EBUSY if replace else errno.EEXIST, old, new)
        self.from_parent, self.to_parent = self._from.directory, self._to.directory

    def shuts_gate(self) -> bool:
        """Tell whether a directory or a link moves or is replaced."""
        source = self._from.look()
        if source is None:
            return False
        return isinstance(source, Directory | Symlink) or isinstance(self._to.look(), Symlink)

    def carry_out(self, now: int) -> None:
        """Move it; the parents are locked."""
        source, target = self._looked_up()
        if source is target:
            return
        self._require_permission(source, target)
        with ExitStack() as locks:
            for each in sorted((each for each in (source, target) if each is not None), key=_lock_order):
                locks.enter_context(each.lock)
            if isinstance(target, Directory) and target.children:
                raise self._fault(errno.ENOTEMPTY)
            if target is not None:
                self._let_go(target, now)
            self._hang_anew(source, now)

    def _looked_up(self) -> tuple[Node, Node | None]:
        source, target = self._from.look(), None
        if source is None or self.to_parent.is_gone:
            raise self._fault(errno.ENOENT)
        target = self._to.look()
        if target is not None and not self._replace:
            raise self._fault(errno.EEXIST)
        is_directory = isinstance(source, Directory)
        if not is_directory and (self._from.is_slashed or self._to.is_slashed):
            raise self._fault(errno.ENOTDIR)
        if isinstance(source, Directory) and is_at_or_above(source, self.to_parent):
            raise self._fault(errno.EINVAL, "a directory cannot move into itself")
        if isinstance(target, Directory) and is_at_or_above(target, self.from_parent):
            raise self._fault(errno.ENOTEMPTY)
        return source, target

    def _require_permission(self, source: Node, target: Node | None) -> None:
        who, old, new = self._caller.who, self._from.path, self._to.path
        require_delete(self.from_parent, source, who, old)
        if target is None:
            require(self.to_parent, who, WRITE | SEARCH, new)
        else:
            require_delete(self.to_parent, target, who, new)
            if isinstance(source, Directory) and not isinstance(target, Directory):
                raise self._fault(errno.ENOTDIR)
            if isinstance(target, Directory) and not isinstance(source, Directory):
                raise self._fault(errno.EISDIR)
        if isinstance(source, Directory) and self.from_parent is not self.to_parent:
            require(source, who, WRITE, old)  # its .. changes

    def _let_go(self, target: Node, now: int) -> None:
        """Say farewell to what stands at the new name, which stays until it is overwritten."""
        volume = self._caller.volume
        volume.keep(self.to_parent)
        volume.keep(target)
        self.to_parent.subdirectories -= isinstance(target, Directory)
        target.is_gone, target.changed_at = True, now
        if volume.watches:
            volume.watches.tell(Change.REMOVED, target)

    def _hang_anew(self, source: Node, now: int) -> None:
        volume, old_name = self._caller.volume, source.name
        for each in (self.from_parent, self.to_parent, source):
            volume.keep(each)
        # The new name first: at no moment is there none, for those who look without a lock.
        self.to_parent.children[self._to.last] = source
        del self.from_parent.children[old_name]
        self.from_parent.subdirectories -= isinstance(source, Directory)
        self.to_parent.subdirectories += isinstance(source, Directory)
        source.parent, source.name = self.to_parent, self._to.last
        for parent in (self.from_parent, self.to_parent):
            parent.modified_at = parent.changed_at = now
        source.changed_at = now
        if volume.watches:
            volume.watches.tell(Change.MOVED, source, (self.from_parent, old_name))

    def _fault(self, code: int, rule: str = "") -> OSError:
        return fault(code, self._from.path, self._to.path, rule=rule)


@contextmanager
def _parents_locked(volume: Volume, one: Directory, other: Directory) -> Iterator[None]:
    """Lock both parents; two of them under the rename mutex, the ancestor first.

    Source: `lock_rename` of fs/namei.c.
    """
    if one is other:
        with one.lock:
            yield
        return
    with volume.renaming:
        first, second = (other, one) if is_at_or_above(other, one) else (one, other)
        with first.lock, second.lock:
            yield


def _lock_order(node: Node) -> tuple[bool, int]:
    return isinstance(node, File | Symlink), node.ino
