"""Random operations on a file system, and what performs them on a `MemFS`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from bijou.memfs import Credentials, Handle, MemFS, Stat

T = TypeVar("T")
Pick = Callable[[Sequence[T]], T]


class Identity(NamedTuple):
    """Who performs an operation."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    umask: int


ROOT = Identity(0, 0, (), 0o022)
ANNA = Identity(1001, 1001, (50,), 0o022)
BEN = Identity(1002, 1002, (50,), 0o002)
EVE = Identity(1003, 1003, (), 0)
EVERYBODY = [ROOT, ANNA, BEN, EVE]

Operation = tuple[Any, ...]
Outcome = tuple[str, Any]

NAMES = ["a", "b", "c", "d"]
CREATIONS = [0o777, 0o755, 0o700, 0o666, 0o2775, 0o6755, 0]
MODES = [
    0o777,
    0o755,
    0o700,
    0o644,
    0o2775,
    0o2770,
    0o6777,
    0o1777,
    0o1770,
    0o4755,
    0o2744,
    0o555,
    0o070,
    0o007,
    0,
]
PIECES = [b"", b"x", b"seven77", b"0123456789abcdef", bytes(range(97, 97 + 23)) * 3]
OFFSETS = [0, 1, 5, 15, 16, 17, 40, 100]
HOWS = ["r", "r+", "w", "w+", "a", "a+", "x", "x+"]
SLOTS = [0, 1, 2]


def some_path(pick: Pick[Any]) -> str:
    """Mostly short sane paths; now and then every way to be odd."""
    names = [pick(NAMES) for _ in range(pick([1, 1, 2, 2, 2, 3, 3, 4]))]
    odd = pick(range(24))
    if odd == 0:
        names.insert(
            pick(range(len(names) + 1)), pick([".", "..", "..", "", "n" * 255, "n" * 256, "é" * 128])
        )
    path = "/" + "/".join(names)
    oddities = {
        1: path + "/",
        2: "//" + path,
        3: path + "/.",
        4: path + "/..",
        5: "/..",
        6: "/",
        7: "/../" + path[1:],
    }
    oddities |= {8: "", 9: "/a" * 2048, 10: path + "//"}
    if odd in oddities and pick([True, False]):
        return oddities[odd]
    return path


def some_target(pick: Pick[Any]) -> str:
    """What a symbolic link may point to: up, down, itself, nowhere."""
    return str(
        pick(
            [
                some_path(pick),
                pick(NAMES),
                f"../{pick(NAMES)}",
                "..",
                ".",
                "/",
                "",
                f"{pick(NAMES)}/",
                "b/../c",
            ]
        )
    )


def some_operation(pick: Pick[Any]) -> Operation:
    """Return the next operation: its name and arguments."""
    name = pick(WEIGHTED)
    return name, *OPERATIONS[name](pick)


OPERATIONS: dict[str, Callable[[Pick[Any]], Operation]] = {
    "mkdir": lambda pick: (some_path(pick), pick(CREATIONS)),
    "rmdir": lambda pick: (some_path(pick),),
    "unlink": lambda pick: (some_path(pick),),
    "symlink": lambda pick: (some_target(pick), some_path(pick)),
    "readlink": lambda pick: (some_path(pick),),
    "rename": lambda pick: (some_path(pick), some_path(pick), True),
    "rename_to_free": lambda pick: (some_path(pick), some_path(pick), False),
    "stat": lambda pick: (some_path(pick),),
    "lstat": lambda pick: (some_path(pick),),
    "listdir": lambda pick: (some_path(pick),),
    "read": lambda pick: (some_path(pick),),
    "write": lambda pick: (some_path(pick), pick(PIECES), pick(CREATIONS)),
    "append": lambda pick: (some_path(pick), pick(PIECES), pick(CREATIONS)),
    "truncate": lambda pick: (some_path(pick), pick([-1, *OFFSETS])),
    "chmod": lambda pick: (some_path(pick), pick(MODES)),
    "chown": lambda pick: (some_path(pick), pick([None, 0, 1001, 1002]), pick([0, 50, 1001, 1003])),
    "access": lambda pick: (some_path(pick), pick([1, 2, 4, 6])),
    "open": lambda pick: (pick(SLOTS), some_path(pick), pick(HOWS), pick(CREATIONS)),
    "handle_read": lambda pick: (pick(SLOTS), pick([-1, 0, 3, 16, 50])),
    "handle_write": lambda pick: (pick(SLOTS), pick(PIECES)),
    "handle_pread": lambda pick: (pick(SLOTS), pick([0, 3, 16, 50]), pick([-1, *OFFSETS])),
    "handle_pwrite": lambda pick: (pick(SLOTS), pick(PIECES), pick([-1, *OFFSETS])),
    "handle_seek": lambda pick: (pick(SLOTS), pick([-1, *OFFSETS]), pick([0, 1, 2])),
    "handle_truncate": lambda pick: (pick(SLOTS), pick([-1, *OFFSETS])),
    "handle_stat": lambda pick: (pick(SLOTS),),
    "handle_close": lambda pick: (pick(SLOTS),),
}
_OFTEN = {
    "mkdir": 4,
    "rename": 4,
    "write": 3,
    "symlink": 2,
    "chmod": 2,
    "open": 4,
    "handle_write": 3,
    "handle_pwrite": 2,
    "lstat": 2,
}
WEIGHTED = [name for name in OPERATIONS for _ in range(_OFTEN.get(name, 1))]


def shown(found: Stat) -> tuple[int, ...]:
    """Return what both worlds must agree on; a directory has no size that means anything."""
    return found.mode, found.links, found.uid, found.gid, 0 if found.is_dir else found.size_bytes


class Performer:
    """Performs operations on a `MemFS`."""

    def __init__(self, fs: MemFS) -> None:
        self.fs = fs
        self.handles: dict[int, Handle] = {}

    def perform(self, identity: Identity, operation: Operation) -> Outcome:
        """Return ("ok", value) or ("error", errno)."""
        name, *arguments = operation
        who = Credentials(identity.uid, identity.gid, frozenset(identity.groups))
        view = self.fs.acting(who, umask=identity.umask)
        try:
            if name.startswith("handle_"):
                handle = self.handles.get(arguments[0])
                return "ok", handle and ON_HANDLE[name](handle, *arguments[1:])
            if name == "open":
                self.handles[arguments[0]] = view.open(*arguments[1:])
                return "ok", None
            return "ok", ON_PATH[name](view, *arguments)
        except OSError as error:
            return "error", error.errno


def _method(name: str) -> Callable[..., Any]:
    return lambda thing, *arguments: getattr(thing, name)(*arguments)


_SPECIAL: dict[str, Callable[..., Any]] = {
    "rename": lambda fs, old, new, replace: fs.rename(old, new, replace=replace),
    "rename_to_free": lambda fs, old, new, replace: fs.rename(old, new, replace=replace),
    "stat": lambda fs, path: shown(fs.stat(path)),
    "lstat": lambda fs, path: shown(fs.lstat(path)),
    "handle_stat": lambda handle: shown(handle.stat()),
    "handle_close": lambda _: None,
}
ON_PATH = {name: _method(name) for name in OPERATIONS} | _SPECIAL
ON_HANDLE = {name: _method(name.removeprefix("handle_")) for name in OPERATIONS} | _SPECIAL
