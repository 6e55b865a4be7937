from collections.abc import Callable
from itertools import count

import pytest

from bijou.memfs import Change, Event, MemFS


@pytest.fixture
def fs() -> MemFS:
    ticks = count()
    fs = MemFS(now=lambda: next(ticks))
    fs.makedirs("/a/b")
    fs.write("/a/f", b"1")
    return fs


EVENTS: list[tuple[Callable[[MemFS], object], list[Event]]] = [
    (lambda fs: fs.mkdir("/a/new"), [Event(Change.CREATED, "/a/new")]),
    (lambda fs: fs.symlink("f", "/a/new"), [Event(Change.CREATED, "/a/new")]),
    (lambda fs: fs.write("/a/new", b""), [Event(Change.CREATED, "/a/new")]),
    (lambda fs: fs.append("/a/f", b"2"), [Event(Change.WRITTEN, "/a/f")]),
    (lambda fs: fs.append("/a/f", b""), []),
    (lambda fs: fs.truncate("/a/f", 0), [Event(Change.WRITTEN, "/a/f")]),
    (lambda fs: fs.chmod("/a/f", 0), [Event(Change.ATTRIBUTES, "/a/f")]),
    (lambda fs: fs.utime("/a/f", modified_at=5), [Event(Change.ATTRIBUTES, "/a/f")]),
    (lambda fs: fs.unlink("/a/f"), [Event(Change.REMOVED, "/a/f")]),
    (lambda fs: fs.rmdir("/a/b"), [Event(Change.REMOVED, "/a/b")]),
    (lambda fs: fs.rename("/a/f", "/a/g"), [Event(Change.MOVED, "/a/g", "/a/f")]),
    (lambda fs: fs.rename("/a/f", "/out"), [Event(Change.MOVED, "/out", "/a/f")]),
    (lambda fs: fs.write("/a/b/deep", b"1"), []),
    (lambda fs: fs.read("/a/f"), []),
]


@pytest.mark.parametrize(("change", "events"), EVENTS)
def test_a_watch_on_a_directory_hears_of_its_names_and_files(
    fs: MemFS, change: Callable[[MemFS], object], events: list[Event]
) -> None:
    watch = fs.watch("/a")
    change(fs)

    assert watch.take() == events
    assert watch.take() == []


def test_a_recursive_watch_hears_of_all_below_also_after_a_move(fs: MemFS) -> None:
    watch = fs.watch("/a", recursive=True)
    fs.write("/a/b/deep", b"1")
    fs.rename("/a", "/z")
    fs.append("/z/b/deep", b"2")

    assert watch.take() == [
        Event(Change.CREATED, "/a/b/deep"),
        Event(Change.WRITTEN, "/a/b/deep"),
        Event(Change.MOVED, "/z", "/a"),
        Event(Change.WRITTEN, "/z/b/deep"),
    ]


def test_a_recursive_watch_hears_of_what_leaves_and_of_what_comes(fs: MemFS) -> None:
    fs.write("/a/b/deep", b"1")
    watch = fs.watch("/a", recursive=True)
    fs.rename("/a/b/deep", "/out")
    fs.rename("/out", "/a/b/back")

    assert watch.take() == [
        Event(Change.MOVED, "/out", "/a/b/deep"),
        Event(Change.MOVED, "/a/b/back", "/out"),
    ]


def test_a_replaced_file_is_removed_before_the_other_arrives(fs: MemFS) -> None:
    fs.write("/a/g", b"2")
    watch = fs.watch("/a")
    fs.rename("/a/g", "/a/f")

    assert watch.take() == [Event(Change.REMOVED, "/a/f"), Event(Change.MOVED, "/a/f", "/a/g")]


def test_a_watch_on_a_file_follows_it_through_handles_and_renames(fs: MemFS) -> None:
    handle = fs.open("/a/f", "a")
    watch = fs.watch("/a/f")
    fs.rename("/a/f", "/g")
    handle.write(b"2")

    assert watch.take() == [Event(Change.MOVED, "/g", "/a/f"), Event(Change.WRITTEN, "/g")]


def test_a_full_watch_says_that_events_were_lost(fs: MemFS) -> None:
    watch = fs.watch("/a", capacity=2)
    for number in range(5):
        fs.mkdir(f"/a/{number}")

    assert [event.change for event in watch.take()] == [Change.CREATED, Change.CREATED, Change.OVERFLOW]
    fs.mkdir("/a/again")
    assert watch.take() == [Event(Change.CREATED, "/a/again")]


def test_a_closed_watch_hears_nothing_and_costs_nothing(fs: MemFS) -> None:
    with fs.watch("/a") as watch, fs.watch("/a") as other:
        other.close()
        fs.mkdir("/a/new")

    fs.mkdir("/a/newer")
    assert watch.take() == [Event(Change.CREATED, "/a/new")]
    assert not fs._volume.watches


def test_whoever_asked_is_called_after_each_event(fs: MemFS) -> None:
    calls: list[int] = []
    watch = fs.watch("/a", notify=lambda: calls.append(1))
    fs.mkdir("/a/1")
    fs.mkdir("/a/2")

    assert len(calls) == len(watch.take()) == 2


def test_a_notify_that_raises_is_counted_and_breaks_nobodys_write(fs: MemFS) -> None:
    def raising() -> None:
        raise ZeroDivisionError

    watch, other = fs.watch("/a", notify=raising), fs.watch("/a")
    fs.write("/a/new", b"whole")

    assert fs.read("/a/new") == b"whole"
    assert watch.notify_failures == len(watch.take()) == len(other.take()) == 2
    assert other.notify_failures == 0


def test_a_watch_must_hold_something(fs: MemFS) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fs.watch("/a", capacity=0)
