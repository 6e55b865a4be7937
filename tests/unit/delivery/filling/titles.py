"""Titles, and viewers of them, for tests of filling."""

from collections.abc import Sequence
from random import Random

from bijou.delivery.filling import History, Rendition, TitleMedia

HOUR = 3600
DAY = 86_400


def title(
    number: int, *, length: int = 4, rungs: Sequence[int] = (1000, 3000), available_at_s: float = -1e9
) -> TitleMedia:
    """Return a title whose rendition `v0` has objects of the first size, and so on."""
    name = f"/media/ast_{number * 2654435761 % 2**32:08x}"
    return TitleMedia(
        name,
        available_at_s,
        [
            Rendition(f"v{row}", [f"{name}/v{row}/{at:05}.m4s" for at in range(length)], [size] * length)
            for row, size in enumerate(rungs)
        ],
    )


def watch(
    history: History, media: TitleMedia, at_s: float, *, row: int = 0, until: int | None = None
) -> None:
    """Ask for a title's objects from the first on."""
    for path in media.renditions[row].paths[:until]:
        history.asked(path, at_s)


def watched_daily(history: History, media: TitleMedia, starts: Sequence[int], *, hour: int = 20) -> None:
    """Have a title started so often on each day from the first on, at that hour."""
    for day, count in enumerate(starts):
        for _ in range(count):
            watch(history, media, day * DAY + hour * HOUR)


def some_history(chance: Random, *, titles: int, days: int) -> History:
    """Return a history of titles of all popularities, seen mostly in the evening."""
    history = History(0.0)
    shelf = [title(number, length=chance.randrange(1, 6)) for number in range(titles)]
    for one in shelf:
        history.publish(one)
    at_s = sorted(
        day * DAY + chance.choice((8, 20, 20, 21, 21, 21)) * HOUR + chance.random() * HOUR
        for day in range(days)
        for _ in range(30)
    )
    for moment in at_s:
        one = shelf[min(titles - 1, int(chance.expovariate(0.3)))]
        watch(history, one, moment, row=chance.randrange(2), until=chance.randrange(1, 6))
    return history
