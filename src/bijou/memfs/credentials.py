"""Who acts: user and group numbers, and a table of their names."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SUPERUSER: Final = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user and groups that an operation is judged by.

    User 0 is the superuser, whom no mode stops.

    Args:
        uid: User number.
        gid: Primary group: new nodes belong to it.
        groups: Further groups; the primary one is always among them.
    """

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    is_superuser: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.uid < 0 or self.gid < 0:
            raise ValueError(f"uid {self.uid} and gid {self.gid} must be at least 0")
        object.__setattr__(self, "groups", self.groups | {self.gid})
        object.__setattr__(self, "is_superuser", self.uid == SUPERUSER)


ROOT: Final = Credentials(0, 0)


class Users:
    """Names of users and groups, and who is in which.

    Threads: safe.

    Example:
        >>> users = Users()
        >>> users.add_group("editors", gid=50)
        50
        >>> anna = users.add_user("anna", groups=["editors"])
        >>> anna.uid, sorted(anna.groups), users.group_name(50)
        (1000, [50, 1000], 'editors')
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups = {"root": 0}
        self._users = {"root": ROOT}

    def add_group(self, name: str, *, gid: int | None = None) -> int:
        """Name a group and return its number: the given one, or the next free from 1000.

        Raises:
            ValueError: the name or the number is taken.
        """
        with self._lock:
            return self._add_group(name, gid)

    def add_user(
        self, name: str, *, uid: int | None = None, group: str = "", groups: Iterable[str] = ()
    ) -> Credentials:
        """Name a user and return their credentials.

        Args:
            name: What to call them.
            uid: The number; by default the next free from 1000.
            group: The primary group; by default a new one of the user's name.
            groups: Further groups, all of them known.

        Raises:
            ValueError: the name or the number is taken.
            KeyError: a group is not known.
        """
        with self._lock:
            taken = {each.uid for each in self._users.values()}
            number = _next_free(taken) if uid is None else uid
            if name in self._users or number in taken:
                raise ValueError(f"user {name!r} with uid {number} cannot be added: one of both is taken")
            others = frozenset(self._groups[each] for each in groups)
            gid = self._groups[group] if group else self._add_group(name, None)
            self._users[name] = Credentials(number, gid, others)
            return self._users[name]

    def credentials(self, name: str) -> Credentials:
        """Return what a user acts with; KeyError for an unknown one."""
        return self._users[name]

    def user_name(self, uid: int) -> str:
        """Return a user's name, or the number where it has none."""
        with self._lock:
            return next((name for name, each in self._users.items() if each.uid == uid), str(uid))

    def group_name(self, gid: int) -> str:
        """Return a group's name, or the number where it has none."""
        with self._lock:
            return next((name for name, number in self._groups.items() if number == gid), str(gid))

    def _add_group(self, name: str, gid: int | None) -> int:
        taken = set(self._groups.values())
        number = _next_free(taken) if gid is None else gid
        if name in self._groups or number in taken:
            raise ValueError(f"group {name!r} with gid {number} cannot be added: one of both is taken")
        self._groups[name] = number
        return number


def _next_free(taken: set[int]) -> int:
    return max(1000, max(taken) + 1)
