"""What the queue would be without its fencing token; the storm must find it out."""

from typing import Any

from bijou.engines import records_queue


def forget_epochs() -> None:
    """Let whoever holds, or once held, a running task speak for it."""
    checked = records_queue._held  # noqa: SLF001 - the one line that is broken on purpose

    def unchecked(db: Any, said: Any) -> set[tuple[str, int]]:
        running = {task for task, _ in checked(db, said)}
        return {(one.task, one.epoch) for one in said if one.task in running}

    records_queue._held = unchecked  # noqa: SLF001 - as above
