"""A history as it is meant: the state is what the done lines give, in order."""

from collections.abc import Callable
from dataclasses import dataclass, field

State = dict[str, int]


@dataclass(eq=False)
class Line:
    author: str
    touches: frozenset[str] | None
    effects: list[Callable[[State], None]]
    done: bool = True
    kept: bool = True
    saw: "dict[Line, bool]" = field(default_factory=dict)

    def meets(self, other: "Line") -> bool:
        return None in (self.touches, other.touches) or bool(self.touches & other.touches)  # type: ignore[operator]


class HistorySpec:
    def __init__(self, limit: int | None) -> None:
        self.limit, self.lines, self.undone = limit, list[Line](), list[Line]()
        self.clean: set[Line] | None = set()

    def state(self) -> State:
        state: State = {}
        for effect in [effect for line in self.lines if line.done for effect in line.effects]:
            effect(state)
        return state

    def do(self, line: Line) -> None:
        self.forget([other for other in self.undone if other.author == line.author])
        self.lines.append(line)
        done = [other for other in self.lines if other.done and other.kept]
        self.forget(done[: -self.limit] if self.limit else [])
        self.forget(self.undone[: -self.limit] if self.limit else [])

    def forget(self, lines: list[Line]) -> None:
        for line in lines:
            line.kept = False
            if self.clean is not None and line.done != (line in self.clean):
                self.clean = None
        self.undone = [line for line in self.undone if line.kept]

    def undo(self, author: str | None) -> tuple[bool, Line | None, list[Line]]:
        mine = [line for line in self.lines if line.done and line.kept and author in (None, line.author)]
        if not mine:
            return False, None, []
        line = mine[-1]
        others = [other for other in self.lines if other is not line and other.meets(line)]
        above = [
            other for other in others[:] if other.done and self.lines.index(other) > self.lines.index(line)
        ]
        if not above:
            line.done, line.saw = False, {other: other.done for other in others}
            self.undone.append(line)
        return not above, line, above

    def redo(self, author: str | None) -> tuple[bool, Line | None, list[Line]]:
        mine = [line for line in self.undone if author in (None, line.author)]
        if not mine:
            return False, None, []
        line = mine[-1]
        others = [other for other in self.lines if other is not line and other.meets(line)]
        changed = [other for other in others if other.done != line.saw.get(other, False)]
        if not changed:
            line.done = True
            self.undone.remove(line)
        return not changed, line, changed
