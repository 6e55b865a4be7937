"""How attempts end: what counts, what is lost, what was said before."""

from random import Random

import pytest

from bijou.engines import records_queue
from bijou.engines.records_queue import RecordsQueue
from bijou.ports import (
    Ack,
    Commit,
    InvalidRequest,
    NotFound,
    Records,
    Steer,
    TaskState,
    VirtualClock,
)
from tests.contract.queue.words import (
    A,
    B,
    chunk,
    claimed,
    commit,
    done,
    failed,
    look,
    one,
    part,
    parts,
    states,
)

pytestmark = pytest.mark.anyio


async def test_a_commit_ends_the_task_with_what_was_made(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add([chunk("a")])
    clock.advance(3)

    assert await commit(queue, done(await one(queue), A, result=b"facts")) == [Ack.COMMITTED]

    task = await look(queue, "a")
    assert (task.state, task.sha256, task.result, task.progress) == (TaskState.DONE, A, b"facts", 1.0)
    assert (task.ended_at, task.lease_until_at, task.worker) == (clock.now(), None, "w1")


async def test_the_last_need_makes_ready_and_only_the_last(queue: RecordsQueue) -> None:
    await queue.add([chunk("a"), chunk("b"), chunk("c"), chunk("end", "a", "b", "c")])
    a, b, c = await claimed(queue, limit=3)

    await commit(queue, done(a), done(b))
    assert await claimed(queue) == []
    await commit(queue, done(a), done(b), done(b))
    assert await claimed(queue) == []
    await commit(queue, done(c))

    assert [task.id for task in await claimed(queue, limit=9)] == ["end"]


async def test_a_commit_said_again_is_repeated_and_another_digest_differs(queue: RecordsQueue) -> None:
    await queue.add([chunk("a"), chunk("b")])
    a, b = await claimed(queue, limit=2)

    assert await commit(queue, done(a), done(a), done(b), done(b, B)) == [
        Ack.COMMITTED,
        Ack.REPEATED,
        Ack.COMMITTED,
        Ack.DIFFERS,
    ]
    assert await commit(queue, done(a), done(a, B)) == [Ack.REPEATED, Ack.DIFFERS]
    assert (await look(queue, "b")).sha256 == A


async def zombie_changes_nothing(queue: RecordsQueue, clock: VirtualClock) -> None:
    """A worker that was frozen past its lease wakes up, while another does the task and after."""
    await queue.add([chunk("a"), chunk("end", "a")])
    frozen = await one(queue, "w1")
    clock.advance(11)
    owner = await one(queue, "w2")

    more = chunk("more")
    for word in (done(frozen, B, then=[more]), part(frozen, 0, B, then=[more])):
        assert await commit(queue, word) == [Ack.LOST]
    assert await queue.fail([failed(frozen)]) == [Ack.LOST]
    assert await look(queue, "a") == owner
    assert await commit(queue, done(owner)) == [Ack.COMMITTED]
    assert await commit(queue, done(frozen), done(frozen, B)) == [Ack.LOST, Ack.LOST]
    assert await queue.fail([failed(frozen)]) == [Ack.LOST]
    assert await states(queue) == {"a": TaskState.DONE, "end": TaskState.READY}
    assert await parts(queue, "a") == []


async def test_a_zombie_changes_nothing(queue: RecordsQueue, clock: VirtualClock) -> None:
    await zombie_changes_nothing(queue, clock)


async def test_without_the_epoch_a_zombie_would_be_heard(
    queue: RecordsQueue, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = records_queue._held

    def unchecked(db, said):  # type: ignore[no-untyped-def]
        running = {task for task, _ in checked(db, said)}
        return {(one.task, one.epoch) for one in said if one.task in running}

    monkeypatch.setattr(records_queue, "_held", unchecked)

    with pytest.raises(AssertionError):
        await zombie_changes_nothing(queue, clock)


async def test_a_zombie_of_a_task_that_waits_for_its_next_attempt_is_lost(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("a"), chunk("b")])
    a, _ = await claimed(queue, limit=2)
    await queue.fail([failed(a)])

    assert await commit(queue, done(a), part(a, 0)) == [Ack.LOST, Ack.LOST]
    assert await commit(queue, Commit("nothing", 1, A)) == [Ack.LOST]


async def test_parts_are_kept_once_and_must_be_the_same_again(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("audio")])
    first = await one(queue)
    assert await commit(queue, part(first, 0), part(first, 1, B), part(first, 1, B)) == [
        Ack.COMMITTED,
        Ack.COMMITTED,
        Ack.REPEATED,
    ]
    clock.advance(11)
    again = await one(queue, "w2")

    acks = await commit(queue, part(again, 0), part(again, 1, A), part(again, 2), done(again))

    assert acks == [Ack.REPEATED, Ack.DIFFERS, Ack.COMMITTED, Ack.COMMITTED]
    assert [(one.sequence, one.sha256) for one in await parts(queue, "audio")] == [(0, A), (1, B), (2, A)]
    assert await commit(queue, part(again, 2), part(again, 3)) == [Ack.REPEATED, Ack.LOST]


async def test_what_a_part_leads_to_is_added_with_it_once(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add([chunk("plan")])
    plan = await one(queue)
    await commit(queue, part(plan, 0, then=[chunk("c0")]))
    clock.advance(11)
    again = await one(queue, "w2")

    acks = await commit(
        queue,
        part(again, 0, then=[chunk("c0")]),
        part(again, 1, then=[chunk("c1")]),
        done(again, then=[chunk("end", "plan", "c0", "c1")]),
    )

    assert acks == [Ack.REPEATED, Ack.COMMITTED, Ack.COMMITTED]
    assert set(await states(queue)) == {"plan", "c0", "c1", "end"}
    assert (await look(queue, "end")).state is TaskState.WAITING


async def test_a_bad_task_to_follow_takes_the_whole_commit_back(queue: RecordsQueue) -> None:
    await queue.add([chunk("a")])
    task = await one(queue)

    with pytest.raises(InvalidRequest, match="does not exist"):
        await commit(queue, part(task, 0), done(task, then=[chunk("b", "nothing")]))

    assert (await look(queue, "a")).state is TaskState.RUNNING
    assert await parts(queue, "a") == []


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        (Commit("a", 1, ""), "64 hex digits"),
        (Commit("a", 1, "A" * 64), "lower case"),
        (Commit("a", 1, A, sequence=-1), "first is 0"),
        (Commit("a", 1, A, bytes((1 << 20) + 1)), "at most 1048576"),
    ],
)
async def test_a_commit_that_could_not_be_kept_is_refused(
    queue: RecordsQueue, word: Commit, rule: str
) -> None:
    with pytest.raises(InvalidRequest, match=rule):
        await commit(queue, word)


async def test_a_failure_waits_with_backoff_and_full_jitter(records: Records, clock: VirtualClock) -> None:
    queue = RecordsQueue(records, clock, Random(3), lease_s=1000, backoff_s=1.0, backoff_cap_s=4.0)
    await queue.add([chunk("a", attempts=9)])
    expected, waits = Random(3), []
    for failures in range(5):
        await queue.fail([failed(await one(queue))])
        waiting = await look(queue, "a")
        assert waiting.not_before_at is not None
        waits.append((waiting.not_before_at - clock.now()) / 1e6)
        assert await claimed(queue) == []
        clock.advance(min(4.0, 2.0**failures))

    assert waits == pytest.approx([expected.random() * bound for bound in (1, 2, 4, 4, 4)], abs=2e-6)


async def test_the_last_attempt_that_fails_is_dead_with_its_last_words(queue: RecordsQueue) -> None:
    await queue.add([chunk("a", attempts=1), chunk("end", "a")])
    task = await one(queue)
    words = "x" * 5000 + "Segmentation\0 fault"

    assert await queue.fail([failed(task, words=words), failed(task)]) == [Ack.COMMITTED, Ack.LOST]

    dead = await look(queue, "a")
    assert (dead.state, dead.tried) == (TaskState.DEAD, 1)
    assert dead.problem is not None
    assert dead.problem.code == "encoding.child_failed"
    assert dead.last_words.endswith("Segmentation\N{REPLACEMENT CHARACTER} fault")
    assert len(dead.last_words) == 4000
    assert await claimed(queue) == []


async def test_what_no_retry_would_help_is_dead_at_once_and_can_be_retried(
    queue: RecordsQueue, clock: VirtualClock
) -> None:
    await queue.add([chunk("a"), chunk("end", "a")])
    await queue.fail([failed(await one(queue), retry=False)])
    assert (await look(queue, "a")).state is TaskState.DEAD

    assert await queue.steer(Steer("retry", group="film")) == 1
    assert await queue.steer(Steer("retry", group="film")) == 0

    task = await one(queue)
    assert (task.epoch, task.tried, task.ended_at) == (2, 1, None)
    await commit(queue, done(task))
    assert (await look(queue, "a")).problem is None
    assert (await one(queue)).id == "end"


async def test_cancelling_a_task_cancels_all_that_needs_it(queue: RecordsQueue, clock: VirtualClock) -> None:
    await queue.add(
        [chunk("a"), chunk("b", "a"), chunk("c", "b", group="other"), chunk("d"), chunk("e", "d")]
    )
    running = await one(queue)

    assert await queue.steer(Steer("cancel", task="a")) == 3
    assert await queue.steer(Steer("cancel", task="a")) == 0

    assert await commit(queue, done(running)) == [Ack.LOST]
    assert await queue.fail([failed(running)]) == [Ack.LOST]
    assert await states(queue) == {
        "a": TaskState.CANCELLED,
        "b": TaskState.CANCELLED,
        "c": TaskState.CANCELLED,
        "d": TaskState.READY,
        "e": TaskState.WAITING,
    }


async def test_a_cancelled_group_keeps_what_is_done(queue: RecordsQueue) -> None:
    await queue.add([chunk("a"), chunk("b"), chunk("end", "a", "b"), chunk("x", group="other")])
    await commit(queue, done(await one(queue)))

    assert await queue.steer(Steer("cancel", group="film")) == 2

    kept = await states(queue)
    assert (kept["a"], kept["b"], kept["end"], kept["x"]) == (
        TaskState.DONE,
        TaskState.CANCELLED,
        TaskState.CANCELLED,
        TaskState.READY,
    )


async def test_a_bad_word_of_an_operator_is_refused(queue: RecordsQueue) -> None:
    await queue.add([chunk("a")])

    for bad in (Steer("destroy", task="a"), Steer("cancel"), Steer("cancel", task="a", group="film")):
        with pytest.raises(InvalidRequest) as refusal:
            await queue.steer(bad)
        assert refusal.value.code == "queue.bad_steer"
    with pytest.raises(InvalidRequest, match="0 to 9"):
        await queue.steer(Steer("reprioritise", task="a", priority=11))
    with pytest.raises(NotFound, match="'b'"):
        await queue.steer(Steer("cancel", task="b"))
    with pytest.raises(NotFound, match="'films'"):
        await queue.steer(Steer("retry", group="films"))


async def test_tasks_are_found_by_group_state_and_name(queue: RecordsQueue) -> None:
    await queue.add([chunk("a"), chunk("b", "a"), chunk("x", group="other")])
    task = await one(queue)
    await commit(queue, part(task, 1), part(task, 0))

    found, kept = await queue.tasks(group="film", states=[TaskState.RUNNING, TaskState.WAITING])
    assert [one.id for one in found] == ["a", "b"]
    assert [(one.task, one.sequence, one.result) for one in kept] == [("a", 0, b"facts"), ("a", 1, b"facts")]
    first, its = await queue.tasks(limit=1)
    assert ([one.id for one in first], len(its)) == (["a"], 2)
    assert (await queue.tasks(task="b"))[1] == []
