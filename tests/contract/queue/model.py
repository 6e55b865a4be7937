"""The queue as a few dictionaries: what an engine must be indistinguishable from.

It knows no rows, locks or ranks kept anywhere: the order of a claim is worked
out from what each task was told when.
"""

from dataclasses import dataclass, field

from bijou.ports import Ack, NewTask, TaskState

STEP_US, EARLY_US = 60_000_000, 600_000_000


@dataclass
class Entry:
    new: NewTask
    number: int
    state: TaskState
    priority: int
    turn: int
    epoch: int = 0
    tried: int = 0
    lease: int = 0
    not_before: int = 0
    sha256: str = ""
    note: str = ""
    last_words: str = ""
    ended: bool = False
    parts: dict[int, str] = field(default_factory=dict)


class Model:
    def __init__(self, lease_us: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.lease_us = lease_us

    def add(self, tasks: list[NewTask], now: int) -> int:
        fresh = {task.id: task for task in reversed(tasks) if task.id not in self.entries}
        added = 0
        while fresh:
            for name, task in list(fresh.items()):
                if not any(need in fresh for need in task.needs):
                    self._enter(fresh.pop(name), now)
                    added += 1
        return added

    def claim(self, kinds: set[str], limit: int, now: int) -> list[str]:
        for entry in self.entries.values():
            if entry.state is TaskState.RUNNING and entry.lease <= now:
                self.put_back(entry, now, 0, words=entry.note)
        due = [
            entry
            for entry in self.entries.values()
            if entry.state is TaskState.READY and entry.new.kind in kinds and entry.not_before <= now
        ]
        taken = sorted(due, key=lambda entry: (self._rank(entry), entry.number))[:limit]
        for entry in taken:
            entry.state, entry.lease, entry.note = TaskState.RUNNING, now + self.lease_us, ""
            entry.epoch, entry.tried = entry.epoch + 1, entry.tried + 1
        return [entry.new.id for entry in taken]

    def held(self, task: str, epoch: int) -> Entry | None:
        entry = self.entries.get(task)
        ours = entry is not None and entry.state is TaskState.RUNNING and entry.epoch == epoch
        return entry if ours else None

    def finish(self, task: str, epoch: int, sha256: str, now: int) -> Ack:
        entry = self.held(task, epoch)
        if entry is None:
            there = self.entries.get(task)
            if there is None or there.state is not TaskState.DONE or there.epoch != epoch:
                return Ack.LOST
            return Ack.REPEATED if there.sha256 == sha256 else Ack.DIFFERS
        entry.state, entry.sha256, entry.last_words = TaskState.DONE, sha256, ""
        for other in sorted(self.entries.values(), key=lambda one: one.number):
            if other.state is TaskState.WAITING and task in other.new.needs and self._is_met(other.new):
                other.turn = self._turn(other, now)
                other.state = TaskState.READY
        return Ack.COMMITTED

    def keep(self, task: str, epoch: int, sequence: int, sha256: str) -> Ack:
        entry = self.held(task, epoch)
        said = self.entries[task].parts.get(sequence) if task in self.entries else None
        if entry is None:
            there = self.entries.get(task)
            ended_so = there is not None and there.state is TaskState.DONE and there.epoch == epoch
            if not ended_so or said is None:
                return Ack.LOST
        elif said is None:
            entry.parts[sequence] = sha256
            return Ack.COMMITTED
        return Ack.REPEATED if said == sha256 else Ack.DIFFERS

    def put_back(self, entry: Entry, now: int, wait_us: int | None, *, words: str) -> None:
        again = wait_us is not None and entry.tried < entry.new.attempts
        entry.state = TaskState.READY if again else TaskState.DEAD
        entry.not_before, entry.last_words = now + (wait_us or 0), words

    def cancel(self, names: list[str]) -> int:
        doomed = {name for name in names if not self._is_final(name)}
        while True:
            more = {
                entry.new.id for entry in self.entries.values()
                if not self._is_final(entry.new.id) and doomed & set(entry.new.needs)
            } - doomed  # fmt: skip
            if not more:
                break
            doomed |= more
        for name in doomed:
            self.entries[name].state = TaskState.CANCELLED
        return len(doomed)

    def retry(self, names: list[str], now: int) -> int:
        dead = [self.entries[name] for name in names if self.entries[name].state is TaskState.DEAD]
        for entry in dead:
            entry.turn = self._turn(entry, now)
            entry.tried, entry.not_before = 0, 0
        for entry in dead:
            entry.state = TaskState.READY
        return len(dead)

    def reprioritise(self, names: list[str], priority: int) -> int:
        there = [self.entries[name] for name in names if not self._is_final(name)]
        for entry in there:
            entry.priority = priority
        return len(there)

    def _enter(self, task: NewTask, now: int) -> None:
        entry = Entry(task, len(self.entries), TaskState.WAITING, task.priority, now)
        if self._is_met(task):
            entry.turn = self._turn(entry, now)
            entry.state = TaskState.READY
        self.entries[task.id] = entry

    def _is_met(self, task: NewTask) -> bool:
        return all(self.entries[need].state is TaskState.DONE for need in task.needs)

    def _is_final(self, name: str) -> bool:
        return self.entries[name].state in {TaskState.DONE, TaskState.CANCELLED}

    def _turn(self, entry: Entry, now: int) -> int:
        ready = [
            one for one in self.entries.values()
            if one.state is TaskState.READY
            and (one.new.group, one.priority) == (entry.new.group, entry.priority)
        ]  # fmt: skip
        if not ready:
            return now
        last = max(ready, key=lambda one: (one.turn, one.number))
        return max(now, last.turn + round(last.new.work_s * 1e6))

    def _rank(self, entry: Entry) -> int:
        aged = entry.turn - entry.priority * STEP_US
        deadline = entry.new.deadline_at
        if deadline is None:
            return aged
        return min(aged, int(deadline) - round(entry.new.work_s * 1e6) - EARLY_US)
