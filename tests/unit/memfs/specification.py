"""What a file system does, one call at a time, in the fewest words."""

from errno import EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY
from typing import Any

Tree = frozenset[tuple[str, bytes | None]]  # path -> content; None is a directory
Operation = tuple[Any, ...]
MISSING = 0


def step(state: Tree, operation: Operation) -> tuple[Any, Tree]:
    """Return what an operation answers, an errno where it fails, and the tree after it."""
    name, path, extra = (*operation, b"")[:3]
    tree: dict[str, Any] = dict(state)
    there, target, moves = tree.get(path, MISSING), tree.get(extra, MISSING), name == "rename"
    below = {each for each in tree if each.startswith(f"{path}/")}
    names = tuple(sorted(each[len(path) + 1 :] for each in below if "/" not in each[len(path) + 1 :]))
    refusals = [
        (name != "snapshot", _blocked(tree, path)),
        (moves, _blocked(tree, extra) if moves else 0),
        (name not in {"mkdir", "append", "snapshot"} and there == MISSING, ENOENT),
        (name == "mkdir" and there != MISSING, EEXIST),
        (name in {"read", "append", "unlink"} and there is None, EISDIR),
        (name in {"listdir", "rmdir"} and there is not None, ENOTDIR),
        (name == "rmdir" and below, ENOTEMPTY),
        (moves and there is None and f"{extra}/".startswith(f"{path}/") and extra != path, EINVAL),
        (moves and f"{path}/".startswith(f"{extra}/") and extra != path, ENOTEMPTY),
        (moves and there is None and target not in {None, MISSING}, ENOTDIR),
        (moves and there is not None and target is None, EISDIR),
        (moves and extra != path and any(each.startswith(f"{extra}/") for each in tree), ENOTEMPTY),
    ]
    if code := next((code for applies, code in refusals if applies and code), 0):
        return code, state
    if name in {"unlink", "rmdir", "rename"}:
        taken = {each: tree.pop(each) for each in {path, *below}}
        tree |= {extra + each[len(path) :]: content for each, content in taken.items() if moves}
    elif name in {"mkdir", "append"}:
        tree[path] = None if name == "mkdir" else (there or b"") + extra
    size = len(names) if there is None else len(there or b"")
    answers = {"read": there, "listdir": names, "size": size, "append": len(extra), "snapshot": state}
    return answers.get(name), Tree(tree.items())


def _blocked(tree: dict[str, Any], path: str) -> int:
    """Return why a path leads nowhere; 0 where it does not."""
    parts = path.split("/")[1:-1]
    above = (tree.get("/" + "/".join(parts[: depth + 1]), ENOENT) for depth in range(len(parts)))
    return next((ENOENT if each == ENOENT else ENOTDIR for each in above if each is not None), 0)
