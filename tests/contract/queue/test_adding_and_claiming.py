"""What comes into the queue, and in which order it is handed out."""

import pytest

from bijou.engines.records_queue import RecordsQueue
from bijou.ports import Beat, InvalidRequest, NewTask, Queue, Steer, TaskState, VirtualClock
from tests.contract.queue.words import KINDS, chunk, claimed, commit, done, failed, look, one, states

pytestmark = pytest.mark.anyio


async def names(queue: Queue, limit: int = 100) -> list[str]:
    return [task.id for task in await claimed(queue, limit=limit)]


async def test_an_empty_queue_has_nothing(queue: RecordsQueue) -> None:
    assert await claimed(queue) == []
    assert await queue.tasks() == ([], [])
    assert await queue.load() == []
    assert await queue.add([]) == 0


async def test_a_task_is_told_as_it_was_added(queue: RecordsQueue, clock: VirtualClock) -> None:
    deadline = clock.now().plus_s(3600)
    new = NewTask("f/1", "f", "chunk", b'{"x":1}\x00\xff', (), 7, deadline, 3, 0.1)
    await queue.add([new])

    task = await look(queue, "f/1")

    told = (task.id, task.group, task.kind, task.payload, task.needs)
    assert told == ("f/1", "f", "chunk", b'{"x":1}\x00\xff', ())
    assert (task.priority, task.deadline_at, task.attempts, task.work_s) == (7, deadline, 3, 0.1)
    assert (task.state, task.created_at, task.epoch) == (TaskState.READY, clock.now(), 0)


async def test_adding_again_changes_nothing(queue: RecordsQueue) -> None:
    assert await queue.add([chunk("a"), chunk("b", "a")]) == 2
    assert await queue.add([chunk("b", group="other"), chunk("c", "a"), chunk("c", "b")]) == 1

    assert (await look(queue, "b")).group == "film"
    assert (await look(queue, "c")).needs == ("a",)


async def test_needs_may_stand_behind_those_who_need_them(queue: RecordsQueue) -> None:
    await queue.add([chunk("z", "y", "x"), chunk("y", "x"), chunk("x")])

    assert await names(queue) == ["x"]


@pytest.mark.parametrize(
    ("tasks", "rule"),
    [
        ([chunk("a", "nothing")], "does not exist"),
        ([chunk("a", "b"), chunk("b", "a")], "circle"),
        ([chunk("a", "a")], "circle"),
        ([chunk("a b")], "a-z"),
        ([chunk("a", group="")], "a-z"),
        ([chunk("a", attempts=0)], "at least once"),
        ([chunk("a", work_s=float("nan"))], "finite"),
        ([chunk("a", work_s=-1.0)], "finite"),
        ([chunk("a", priority=10)], "0 to 9"),
        ([chunk("a", payload=bytes((256 << 10) + 1))], "262144"),
    ],
)
async def test_a_bad_task_is_refused_with_all_that_came_with_it(
    queue: RecordsQueue, tasks: list[NewTask], rule: str
) -> None:
    with pytest.raises(InvalidRequest, match=rule):
        await queue.add([chunk("good"), *tasks])

    assert await states(queue) == {}


async def test_what_needs_something_cancelled_is_refused(queue: RecordsQueue) -> None:
    await queue.add([chunk("a")])
    await queue.steer(Steer("cancel", task="a"))

    with pytest.raises(InvalidRequest, match="cancelled"):
        await queue.add([chunk("b", "a")])


async def test_what_needs_something_done_is_ready(queue: RecordsQueue) -> None:
    await queue.add([chunk("a")])
    await commit(queue, done(await one(queue)))

    await queue.add([chunk("b", "a")])

    assert await names(queue) == ["b"]


async def test_thousands_of_needs_are_no_matter(queue: RecordsQueue) -> None:
    many = [f"c{n}" for n in range(11_000)]
    await queue.add([chunk(name) for name in many])
    await queue.add([chunk("publish", *many)])

    assert (await look(queue, "publish")).state is TaskState.WAITING
    assert await queue.steer(Steer("cancel", group="film")) == len(many) + 1


async def test_only_the_kinds_that_are_asked_for_are_handed_out(queue: RecordsQueue) -> None:
    await queue.add([NewTask("p", "film", "plan"), chunk("c")])

    assert [task.id for task in await queue.claim("w", ["chunk"], 5)] == ["c"]
    assert await queue.claim("w", [], 5) == []
    assert await queue.claim("w", ["plan"], 0) == []
    assert [task.id for task in await queue.claim("w", ["plan", "plan", "chunk"], 5)] == ["p"]


async def test_a_claim_takes_no_more_than_its_limit_the_first_of_all_kinds(queue: RecordsQueue) -> None:
    await queue.add([NewTask(f"t{n}", f"g{n}", KINDS[n % 3], priority=9 - n) for n in range(9)])

    assert await names(queue, 4) == ["t0", "t1", "t2", "t3"]


async def test_a_step_of_priority_is_worth_a_minute_of_waiting(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("old", group="a", priority=4)])
    clock.advance(59)
    await queue.add([chunk("urgent", group="b", priority=5)])
    clock.advance(2)
    await queue.add([chunk("late", group="c", priority=5)])

    assert await names(queue) == ["urgent", "old", "late"]


async def test_a_deadline_outranks_what_comes_new_ten_minutes_before_work_must_begin(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    deadline = clock.now().plus_s(600 + 300 + 60)
    await queue.add([chunk("due", group="a", priority=0, deadline_at=deadline, work_s=300)])
    await queue.add([chunk("before", group="b", priority=2)])
    clock.advance(60 + 9 * 60 + 1)
    await queue.add([chunk("after", group="c", priority=9)])

    assert await names(queue) == ["before", "due", "after"]


async def test_a_deadline_presses_through_the_backlog_of_its_own_group(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk(f"c{n}", work_s=60) for n in range(3)])
    await queue.add([chunk("due", work_s=60, deadline_at=clock.now().plus_s(30))])

    assert await names(queue, 1) == ["due"]


async def test_a_small_group_is_not_kept_waiting_by_a_large_one(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk(f"large{n}", group="large", work_s=10) for n in range(1000)])
    clock.advance(15)
    await queue.add([chunk(f"small{n}", group="small", work_s=10) for n in range(3)])

    order = await names(queue, 8)

    assert order == ["large0", "large1", "small0", "large2", "small1", "large3", "small2", "large4"]


async def test_tasks_made_ready_by_others_take_turns_too(queue: RecordsQueue) -> None:
    await queue.add([chunk("p", work_s=1), *(chunk(f"a{n}", "p", work_s=10) for n in range(3))])
    first = await one(queue)
    await queue.add([chunk(f"b{n}", group="other", work_s=10) for n in range(3)])
    await commit(queue, done(first))

    assert await names(queue) == ["a0", "b0", "a1", "b1", "a2", "b2"]


async def test_another_priority_is_another_place(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add([chunk("a", group="a"), chunk("b", group="b"), chunk("w", "a", group="a")])

    assert await queue.steer(Steer("reprioritise", group="b", priority=9)) == 1
    assert await queue.steer(Steer("reprioritise", task="w", priority=0)) == 1
    assert await names(queue) == ["b", "a"]
    assert (await look(queue, "w")).priority == 0


async def test_a_lower_priority_forgets_the_place_of_the_higher(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    deadline = clock.now().plus_s(601 + 200)
    await queue.add([chunk("due", group="a", priority=9, deadline_at=deadline), chunk("b", group="b")])
    await queue.steer(Steer("reprioritise", task="due", priority=0))

    assert await names(queue) == ["b", "due"]


async def test_a_claim_is_a_lease_and_raises_the_epoch(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add([chunk("a")])

    task = await one(queue, "w7")

    assert (task.state, task.epoch, task.tried, task.worker) == (TaskState.RUNNING, 1, 1, "w7")
    assert task.lease_until_at == clock.now().plus_s(10)
    assert await look(queue, "a") == task
    assert await claimed(queue) == []


async def test_a_beat_keeps_the_lease_and_tells_how_far_it_is(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("a")])
    task = await one(queue)
    clock.advance(9)
    assert await queue.beat([Beat("a", 1, 0.5, "frame 12\0\ud800"), Beat("none", 1)]) == ["none"]
    clock.advance(9)

    assert await claimed(queue, "w2") == []
    held = await look(queue, "a")
    assert (held.epoch, held.progress, held.note[:8]) == (task.epoch, 0.5, "frame 12")


async def test_silence_gives_the_task_to_another(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add([chunk("a")])
    await one(queue, "w1")
    clock.advance(10)

    task = await one(queue, "w2")

    assert (task.epoch, task.tried, task.worker) == (2, 2, "w2")
    assert task.problem is not None
    assert task.problem.code == "queue.worker_lost"
    assert await queue.beat([Beat("a", 1)]) == ["a"]


async def test_who_is_silent_too_often_is_dead_with_its_last_note(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("a", attempts=2)])
    for worker in ("w1", "w2"):
        task = await one(queue, worker)
        await queue.beat([Beat("a", task.epoch, 0.3, f"{worker} at frame 7")])
        clock.advance(10)

    assert await claimed(queue) == []
    dead = await look(queue, "a")
    assert (dead.state, dead.last_words, dead.ended_at) == (TaskState.DEAD, "w2 at frame 7", clock.now())


async def test_load_tells_what_each_kind_has_before_it(queue: RecordsQueue, clock: VirtualClock) -> None:
    soon = clock.now().plus_s(5)
    await queue.add([NewTask("p", "film", "plan", work_s=3.5)])
    await queue.add([chunk(f"c{n}", work_s=2, attempts=1, group=f"g{n}") for n in range(4)])
    await queue.add([chunk("w", "p", work_s=100, deadline_at=soon)])
    clock.advance(6)
    dead, _, retried = await queue.claim("w", ["chunk"], 3)
    await queue.fail([failed(dead)])
    await queue.add([chunk("r", group="r", work_s=2)])
    await commit(queue, done(retried))

    plan, chunks = sorted(await queue.load(), key=lambda load: load.kind, reverse=True)

    assert (plan.kind, plan.ready, plan.oldest_s, plan.work_s) == ("plan", 1, 6.0, 3.5)
    told = (chunks.ready, chunks.later, chunks.running, chunks.dead, chunks.late)
    assert told == (2, 1, 1, 1, 1)
    assert (chunks.oldest_s, chunks.work_s) == (6.0, 6.0)
