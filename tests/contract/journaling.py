"""A journal's writer, to be killed: `python journaling.py PATH (history | writers) [durable]`."""

import sys
import threading
from pathlib import Path

import msgspec

from bijou.algorithms.undo import Assign, Command, History
from bijou.engines.journal import ChangeJournal, Journal

State = dict[str, int]


class Puts:
    """The codec of assignments to one mapping."""

    def __init__(self, state: State) -> None:
        self.state = state

    def encode(self, command: Command) -> bytes:
        assert isinstance(command, Assign)
        return msgspec.msgpack.encode(command.wanted)

    def decode(self, data: bytes) -> Command:
        return Assign(self.state, msgspec.msgpack.decode(data, type=State))


def step(history: History, state: State, number: int) -> None:
    """Take the step of this number: always the same, and always one change."""
    match number % 7:
        case 3:
            history.undo()
        case 4:
            history.redo()
        case 5:
            with history.macro(f"macro {number}") as macro:
                macro.execute(Assign(state, {"macro": number}))
                macro.execute(Assign(state, {f"key {number % 11}": number}))
        case 6:
            history.mark_clean()
        case _:
            history.execute(Assign(state, {f"key {number % 5}": number}), key=str(number))


def work_on(journal: Journal) -> None:
    state: State = {}
    changes = ChangeJournal(journal, Puts(state))
    history = History(tell=changes.tell)
    number = changes.replay(history)
    while True:
        step(history, state, number)
        number += 1
        if number % 3:  # others join this one's group
            journal.saved().result()
            print(number, flush=True)


def write_to(journal: Journal) -> None:
    def write(thread: int) -> None:
        number = sum(record.startswith(b"%d " % thread) for record in recovered)
        while True:
            journal.append(b"%d %d" % (thread, number)).result()
            print(f"{thread} {number}\n", end="", flush=True)
            number += 1

    recovered = list(journal.records())
    threads = [threading.Thread(target=write, args=(thread,), daemon=True) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    with Journal(Path(sys.argv[1]), durable="durable" in sys.argv) as opened:
        work_on(opened) if sys.argv[2] == "history" else write_to(opened)
