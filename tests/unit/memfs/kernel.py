"""The real kernel to compare with: a tmpfs where there is one, else any folder."""

import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.unit.memfs import kernel_child
from tests.unit.memfs.operations import EVERYBODY, ROOT, Identity, Operation, Outcome

TMPFS = Path("/dev/shm")
_LINK_GUARDS = ("/proc/sys/fs/protected_symlinks", "/proc/sys/fs/protected_regular")
_ON_THE_ROOT = {"stat", "lstat", "listdir", "chmod", "access"}


class Kernel:
    """Performs operations by a child that lives in a folder.

    Whoever is not the superuser is compared as the one user that they are, and
    without `..` and the root as a name: nothing locks them in.
    """

    def __init__(self, *, ordinary: bool = False, above: Path = TMPFS) -> None:
        self._folder = tempfile.mkdtemp(prefix="bijou-memfs-", dir=above if above.is_dir() else None)
        Path(self._folder).chmod(0o755)
        self._child = subprocess.Popen(
            [sys.executable, "-I", kernel_child.__file__, self._folder, "ordinary" if ordinary else "any"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._to, self._from = self._child.stdin, self._child.stdout
        myself, self._counts_subdirectories = pickle.load(self._from)
        self.people = EVERYBODY if myself is None else [Identity(*myself)]
        self._is_locked_in = myself is None
        self._guards_links = any(
            Path(each).exists() and Path(each).read_text().strip() != "0" for each in _LINK_GUARDS
        )

    @property
    def owner(self) -> Identity:
        """Who owns the root directory."""
        return self.people[0]

    def perform(self, identity: Identity, operation: Operation) -> Outcome:
        """Return ("ok", value) or ("error", errno)."""
        pickle.dump((tuple(identity), operation), self._to)
        self._to.flush()
        outcome: Outcome = pickle.load(self._from)
        return outcome

    def reset(self) -> None:
        """Make the tree empty."""
        assert self.perform(self.owner, ("reset",)) == ("ok", None)

    def is_fair(self, operation: Operation) -> bool:
        """Whether the folder can be asked this as if it were a root with Linux's own rules."""
        name, *arguments = operation
        if name == "chmod" and self._guards_links and arguments[1] & 0o1002 == 0o1002:
            return False  # sysctl fs.protected_*: rules of their own for sticky directories
        if self._is_locked_in:
            return True
        paths = [each for each in arguments if isinstance(each, str)]
        if name == "chown" and self.owner == ROOT:
            return False  # a superuser who knows no other user
        names_root = name not in _ON_THE_ROOT and any(not each.strip("/.") for each in paths)
        return not names_root and not any(".." in each for each in paths)

    def comparable(self, operation: Operation, outcome: Outcome) -> Outcome:
        """Leave out of an outcome what this kind of file system does not tell."""
        verdict, value = outcome
        is_stat = operation[0] in {"stat", "lstat", "handle_stat"} and isinstance(value, tuple)
        if is_stat and value[0] & 0o170000 == 0o040000 and not self._counts_subdirectories:
            return verdict, (value[0], 0, *value[2:])
        return outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.reset()
        self._to.close()
        self._child.wait()
        self._from.close()
        shutil.rmtree(self._folder)
