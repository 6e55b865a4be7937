"""What was done, in order, and the way back and forth."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from bijou.algorithms.undo.changes import Change, Entry, Outcome
from bijou.algorithms.undo.command import (
    Command,
    RollbackFailed,
    all_or_none,
    execute_all,
    parts,
    touched_by,
    undo_all,
)
from bijou.algorithms.undo.done import Done
from bijou.algorithms.undo.held import Held
from bijou.algorithms.undo.macros import OpenMacro
from bijou.algorithms.undo.turn import Turn

Tell = Callable[[Change], None]
Checkpoint = Callable[[], Callable[[], None]]


class History:
    """Commands that were executed, which can be undone and redone.

    Every call either does all of its work or leaves state and history as they
    were; one that finds nothing to do says so and changes nothing. The state
    is always what the done entries give, executed in their order.

    Undo and redo go by the order of doing and undoing, for all or for one
    author. An author's entry is undone below later ones of others as long as
    they touch nothing in common; else it is refused with them as conflicts.
    A new command drops its author's undone entries: there is no way forward
    from another past.

    Cost: the commands' own, and O(names they touch) a call; where one author
        undoes or redoes below others, O(entries) besides.
    Threads: safe; one call at a time, and an open macro is one call.

    Args:
        limit: Entries kept, >= 1; the oldest stay done for ever. None: all.
        tell: Told each change after it was made and before the call returns,
            in order; where it raises, the change is taken back.
        checkpoint: Returns a way to put the state back as it is now; asked
            before each piece of work. For commands that may fail half-way.

    Example:
        >>> from bijou.algorithms.undo import Assign
        >>> title, history = {"name": "Sintel"}, History()
        >>> history.execute(Assign(title, {"name": "Sintel (2010)"}, label="rename")).message
        "did 'rename'"
        >>> history.undo().message, title
        ("undid 'rename'", {'name': 'Sintel'})
        >>> history.undo()
        Outcome(changed=False, message='nothing to undo', entry=None, conflicts=())
    """

    def __init__(
        self, *, limit: int | None = None, tell: Tell | None = None, checkpoint: Checkpoint | None = None
    ) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"limit is {limit}; a history keeps at least 1 entry")
        self._limit = limit
        self._tell = tell
        self._checkpoint = checkpoint
        self._turn = Turn()
        self._broken: RollbackFailed | None = None
        self._next_serial = 1
        self._done = Done()
        self._undone: dict[int, Entry] = {}  # in the order of undoing
        self._mergeable: Entry | None = None
        self._keys: dict[str, Entry] = {}
        self._held = Held()
        self._off_clean: set[int] | None = set()  # what is done now and was not when clean, or vice versa

    @property
    def done(self) -> tuple[Entry, ...]:
        """What is done and remembered, the oldest first."""
        with self._turn:
            return tuple(self._done.entries.values())

    @property
    def undone(self) -> tuple[Entry, ...]:
        """What can be redone, the last undone last."""
        with self._turn:
            return tuple(self._undone.values())

    @property
    def is_clean(self) -> bool:
        """Whether all is as when `mark_clean` was called, or else as at first."""
        with self._turn:
            return self._off_clean is not None and not self._off_clean

    def execute(self, command: Command, *, author: str = "", key: str | None = None) -> Outcome:
        """Execute a command and remember it.

        It joins the entry before it where that one's command merges with it:
        if that was the last call that changed anything, by the same author.

        Args:
            command: One that this history does not hold; a `Macro` becomes one
                entry of its commands.
            author: Who does it.
            key: The caller's name for this request. A second request of the
                same name changes nothing, as long as the first is remembered.

        Raises:
            Exception: What the command raised; the state is as before.
            HistoryBusy: Called from within a command, or beside an open macro.
            RollbackFailed: This or an earlier rollback failed.
            ValueError: The command is held already, so that executing it again
                would overwrite what it needs to undo the first time.
        """
        with self._work():
            if key is not None and key in self._keys:
                entry = self._keys[key]
                return Outcome(False, f"request {key!r} was answered before, by {entry.label!r}", entry)
            commands = parts(command)
            if not commands:
                return Outcome(False, f"{command.label!r} holds no commands")
            with self._held.claimed(commands), self._all_or_nothing():
                change = self._carry_out(
                    partial(execute_all, commands),
                    partial(undo_all, commands),
                    partial(self._describe, commands, command.label, author, key),
                )
            return Outcome(True, f"did {command.label!r}", self._done.entries[change.serial])

    @contextmanager
    def macro(self, label: str, *, author: str = "") -> Iterator[OpenMacro]:
        """Make one entry of all that is executed on the macro that this gives.

        Where the block raises, all of it is undone and nothing remembered. The
        history is closed to others meanwhile: do not await inside.

        Example:
            >>> from bijou.algorithms.undo import Assign
            >>> row, history = {}, History()
            >>> with history.macro("fill") as fill:
            ...     fill.execute(Assign(row, {"first": 1}))
            ...     with fill.macro() as inner:
            ...         inner.execute(Assign(row, {"second": 2}))
            >>> history.undo().message, row
            ("undid 'fill'", {})
        """
        with self._work(), self._all_or_nothing():
            opened = OpenMacro(self._all_or_nothing, self._held)
            with opened.undone_on_failure():
                yield opened
                if opened.commands:
                    commands = tuple(opened.commands)
                    self._carry_out(
                        _nothing, _nothing, lambda: Change("do", self._next_serial, commands, author, label)
                    )
                    self._mergeable = None

    def undo(self, author: str | None = None) -> Outcome:
        """Undo the last entry that is done, or the last of an author's.

        Raises:
            Exception: What the command raised; the state is as before.
            HistoryBusy: Called from within a command, or beside an open macro.
            RollbackFailed: This or an earlier rollback failed.
        """
        with self._work():
            entry = _last(self._done.entries, author)
            if entry is None:
                return Outcome(False, f"nothing{_of(author)} to undo")
            if above := self._done.above(entry):
                return self._conflict(f"{entry.label!r} lies below what was done later", entry, above)
            self._flip("undo", entry)
            return Outcome(True, f"undid {entry.label!r}", entry)

    def redo(self, author: str | None = None) -> Outcome:
        """Redo the entry that was undone last, or the last of an author's.

        Raises:
            Exception: What the command raised; the state is as before.
            HistoryBusy: Called from within a command, or beside an open macro.
            RollbackFailed: This or an earlier rollback failed.
        """
        with self._work():
            entry = _last(self._undone, author)
            if entry is None:
                return Outcome(False, f"nothing{_of(author)} to redo")
            if not self._done.stands(entry):
                others = self._done.above(entry) | self._done.missed(entry)
                return self._conflict(f"what {entry.label!r} stood on has changed since", entry, others)
            self._flip("redo", entry)
            return Outcome(True, f"redid {entry.label!r}", entry)

    def mark_clean(self) -> None:
        """Remember that all is saved as it is now; what follows is not merged into it."""
        with self._work():
            self._carry_out(_nothing, _nothing, lambda: Change("clean"))

    def seal(self) -> None:
        """Merge nothing into what is done so far, as after a pause in typing."""
        with self._work():
            self._mergeable = None

    def apply(self, change: Change) -> None:
        """Make a change again that another history has told; it is not told again.

        Raises:
            ValueError: It does not follow from those before.
        """
        with self._work(), self._all_or_nothing():
            forth, back = self._ways(change)
            all_or_none([(forth, back), (partial(self._note, change), _nothing)])

    @contextmanager
    def _work(self) -> Iterator[None]:
        with self._turn:
            if self._broken:
                raise self._broken
            yield

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Where the work fails, see that the state is as before, or never work again."""
        restore = self._checkpoint() if self._checkpoint else None
        try:
            yield
        except BaseException as failure:
            rolled_back = not isinstance(failure, RollbackFailed)
            if restore is None:
                self._broken = None if rolled_back else failure  # type: ignore[assignment]
                raise
            try:
                restore()
            except BaseException as second:  # noqa: BLE001 - whatever it is, it is raised on
                self._broken = RollbackFailed.after(failure, second)
                raise self._broken from failure
            if rolled_back:
                raise
            raise failure.__cause__ or failure from None

    def _carry_out(
        self, forth: Callable[[], None], back: Callable[[], None], describe: Callable[[], Change]
    ) -> Change:
        """Go forth and tell it, or neither; then note it."""
        described: list[Change] = []

        def tell() -> None:
            change = describe()
            if self._tell:
                self._tell(change)
            described.append(change)

        all_or_none([(forth, back), (tell, _nothing)])
        self._note(described[0])
        return described[0]

    def _flip(self, kind: Literal["undo", "redo"], entry: Entry) -> None:
        change = Change(kind, entry.serial)
        with self._all_or_nothing():
            self._carry_out(*self._ways(change), lambda: change)

    def _describe(self, commands: tuple[Command, ...], label: str, author: str, key: str | None) -> Change:
        last = self._mergeable
        if last and last.author == author and (merged := _merged(last, commands)):
            return Change("merge", last.serial, commands, author, merged[0].label, key)
        return Change("do", self._next_serial, commands, author, label, key)

    def _ways(self, change: Change) -> tuple[Callable[[], None], Callable[[], None]]:
        """Return how to make a change's effect and how to take it back, if it can come now."""
        serial = change.serial
        if change.kind == "clean":
            return _nothing, _nothing
        if change.kind == "do" and serial >= self._next_serial:
            return partial(execute_all, change.commands), partial(undo_all, change.commands)
        done, undone = self._done.entries.get(serial), self._undone.get(serial)
        if change.kind == "merge" and done and done is self._mergeable and _merged(done, change.commands):
            return partial(execute_all, change.commands), partial(undo_all, change.commands)
        if change.kind == "undo" and done and not self._done.above(done):
            return partial(undo_all, done.commands), partial(execute_all, done.commands)
        if change.kind == "redo" and undone and self._done.stands(undone):
            return partial(execute_all, undone.commands), partial(undo_all, undone.commands)
        raise ValueError(f"{change.kind!r} of entry {serial} does not follow from the changes before it")

    def _note(self, change: Change) -> None:
        """Keep account of a change whose effect is made."""
        entry = None
        match change.kind:
            case "do":
                entry = self._note_new(change)
            case "merge":
                entry = self._note_merged(change)
            case "undo":
                self._done.undo(undone := self._done.entries[change.serial])
                self._undone[change.serial] = undone
            case "redo":
                self._done.redo(self._undone.pop(change.serial))
            case "clean":
                self._off_clean = set()
        self._mergeable = entry
        if change.kind in ("do", "undo", "redo") and self._off_clean is not None:
            self._off_clean ^= {change.serial}

    def _note_new(self, change: Change) -> Entry:
        for undone in [other for other in self._undone.values() if other.author == change.author]:
            self._forget_undone(undone)
        touches = _touched(change.commands)
        entry = Entry(change.serial, change.commands, change.author, change.label, touches)
        self._next_serial = change.serial + 1
        self._done.add(entry)
        self._hold(entry, change.key)
        while self._limit and len(self._done.entries) > self._limit:
            self._release(self._done.forget_oldest())
        while self._limit and len(self._undone) > self._limit:
            self._forget_undone(next(iter(self._undone.values())))
        return entry

    def _note_merged(self, change: Change) -> Entry:
        entry = self._done.entries[change.serial]
        self._held.release(entry.commands + change.commands)
        entry.commands = _merged(entry, change.commands)
        entry.label = change.label
        self._done.retouch(entry, _touched(entry.commands))
        self._hold(entry, change.key)
        return entry

    def _forget_undone(self, entry: Entry) -> None:
        del self._undone[entry.serial]
        self._done.forget_undone(entry)
        self._release(entry)

    def _hold(self, entry: Entry, key: str | None) -> None:
        self._held.hold(entry.commands)
        if key is not None:
            entry.keys += (key,)
            self._keys[key] = entry

    def _release(self, entry: Entry) -> None:
        self._held.release(entry.commands)
        for key in entry.keys:
            del self._keys[key]
        if self._off_clean and entry.serial in self._off_clean:
            self._off_clean = None  # the way back to clean is forgotten

    def _conflict(self, problem: str, entry: Entry, serials: Iterable[int]) -> Outcome:
        held = self._done.entries | self._undone
        others = tuple(held[serial] for serial in sorted(serials) if serial in held)
        named = ", ".join(f"{other.label!r} of {other.author!r}" for other in others)
        return Outcome(False, problem + (f": {named}" if named else ""), entry, others)


def _nothing() -> None:
    pass


def _of(author: str | None) -> str:
    return "" if author is None else f" of {author!r}"


def _last(entries: dict[int, Entry], author: str | None) -> Entry | None:
    return next((entry for entry in reversed(entries.values()) if author in (None, entry.author)), None)


def _touched(commands: tuple[Command, ...]) -> frozenset[Hashable] | None:
    names = touched_by(commands)
    return None if names is None else frozenset(names)


def _merged(entry: Entry, commands: tuple[Command, ...]) -> tuple[Command, ...]:
    """Return the one command that the entry's and the new one merge to; nothing where they do not."""
    if len(entry.commands) > 1 or len(commands) > 1:
        return ()
    merged = entry.commands[0].merge(commands[0])
    return () if merged is None else (merged,)
