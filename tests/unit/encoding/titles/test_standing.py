"""How an encode stands, as its tasks tell."""

from msgspec.structs import replace

from bijou.catalog import MediaInfo
from bijou.encoding import JobState, first_tasks, standing_of
from bijou.encoding.titles.facts import ChunkFacts, FilmFacts, HeadFacts, SegmentFacts, SoundPart
from bijou.encoding.titles.graph import after_inspection, chunk_tasks
from bijou.encoding.titles.playlists import picture_rendition, publication
from bijou.packaging import Format
from bijou.ports import EngineUnavailable, Instant, InvalidRequest, NewTask, Part, Problem, Task, TaskState
from bijou.runtime import codec
from tests.unit.encoding.titles.test_graph import WORK, chunk, ready

HEAD = HeadFacts("0" * 64, 700, 24_000, Format("video", "avc1.64001e", 854, 480))
SOUND = HeadFacts("1" * 64, 600, 48_000, Format("audio", "mp4a.40.2", channels=2))


def at(new: NewTask, state: TaskState, result: object = None, **more: object) -> Task:
    plain = Task(
        id=new.id,
        group=new.group,
        kind=new.kind,
        payload=new.payload,
        needs=new.needs,
        priority=new.priority,
        deadline_at=None,
        attempts=new.attempts,
        work_s=new.work_s,
        state=state,
        created_at=Instant(0),
        result=codec.encode(result) if result else b"",
    )
    return replace(plain, **more)


def made(rung: str, index: int) -> ChunkFacts:
    segments = tuple(
        SegmentFacts(start, 96_000, 1000, 300, f"{start:064x}")
        for start in (index * 192_000, index * 192_000 + 96_000)
    )
    return ChunkFacts(rung, index, HEAD, segments, 1.9, 2.0)


def begun() -> list[Task]:
    """Inspected, half planned; the first chunk is done at two of three rungs."""
    told = ready()
    plan, audio, live = after_inspection(WORK, told.facts)
    states = [TaskState.DONE, TaskState.DONE, TaskState.RUNNING]
    chunks = chunk_tasks(told, chunk(0))
    return [
        at(first_tasks(WORK)[0], TaskState.DONE, told.facts),
        at(plan, TaskState.RUNNING),
        at(audio, TaskState.RUNNING),
        at(live, TaskState.RUNNING),
        *(
            at(new, state, made(name, 0) if state is TaskState.DONE else None, ended_at=Instant(4_000_000))
            for new, state, name in zip(chunks, states, ("v480", "v360", "v240"), strict=True)
        ),
    ]


def test_nobody_has_begun() -> None:
    standing = standing_of([at(first_tasks(WORK)[0], TaskState.READY)], [])

    assert (standing.state, standing.progress, standing.step) == (JobState.QUEUED, 0.0, "inspect")


def test_progress_is_the_share_of_seconds_in_all_renditions() -> None:
    standing = standing_of(begun(), [])

    assert standing.state is JobState.RUNNING
    assert standing.duration_s == 16
    assert [(rung.name, rung.done_s, rung.chunks_done) for rung in standing.rungs] == [
        ("v480", 8.0, 1),
        ("v360", 8.0, 1),
        ("v240", 0.0, 0),
        ("a128", 0.0, 0),
    ]
    assert standing.rungs[0].size_bytes == 2700
    assert standing.rungs[0].speed == 4.0
    assert 0.3 < standing.progress < 0.4
    assert standing.counts == {"done": 3, "running": 4}


def test_sound_stands_as_its_parts_tell() -> None:
    tasks = begun()
    parts = [
        Part(
            tasks[2].id, 0, "2" * 64, codec.encode(SoundPart(SegmentFacts(0, 192_000, 60_000, 1, ""), SOUND))
        ),
        Part(tasks[2].id, 1, "3" * 64, codec.encode(SoundPart(SegmentFacts(192_000, 96_000, 30_000, 1, "")))),
    ]

    sound = standing_of(tasks, parts).rungs[-1]

    assert (sound.done_s, sound.chunks_done, sound.size_bytes) == (6.0, 2, 90_600)


def test_what_can_be_watched_is_what_the_writer_of_growing_lists_has_told() -> None:
    tasks = begun()
    facts = codec.decode(tasks[0].result, FilmFacts)
    first = picture_rendition("v480", facts, [made("v480", 0)])
    growing = publication(WORK.asset, "live", MediaInfo("mov", 16, 1), [first], complete=False)

    standing = standing_of(tasks, [Part(tasks[3].id, 0, "4" * 64, codec.encode(growing))])

    assert standing.watchable == growing
    assert standing_of(tasks, []).watchable is None


def failed(problem: Problem, kind: str = "plan") -> list[Task]:
    return [
        replace(task, state=TaskState.DEAD, problem=problem, last_words="moov not found")
        if task.kind == kind
        else task
        for task in begun()
    ]


def test_a_dead_task_refuses_the_film_or_fails_us() -> None:
    refused = standing_of(failed(InvalidRequest("encoding.undecodable", "it is damaged").problem()), [])
    broken = standing_of(failed(EngineUnavailable("encoding.crashed", "killed").problem()), [])

    assert (refused.state, broken.state) == (JobState.REFUSED, JobState.FAILED)
    assert refused.problem is not None
    assert refused.problem.code == "encoding.undecodable"
    assert refused.last_words == "moov not found"


def test_growing_lists_that_fail_do_not_fail_the_title() -> None:
    broken = standing_of(failed(EngineUnavailable("blobs.full", "full").problem(), "live"), [])

    assert broken.state is JobState.RUNNING


def test_a_cancelled_title_is_refused_as_cancelled() -> None:
    tasks = [replace(task, state=TaskState.CANCELLED) if task.kind == "chunk" else task for task in begun()]

    standing = standing_of(tasks, [])

    assert standing.state is JobState.REFUSED
    assert standing.problem is not None
    assert standing.problem.code == "encoding.cancelled"


def test_a_published_title_is_done() -> None:
    tasks = begun()
    facts = codec.decode(tasks[0].result, FilmFacts)
    whole = publication(
        WORK.asset, "v1", MediaInfo("mov", 16, 1), [picture_rendition("v480", facts, [made("v480", 0)])]
    )
    last = NewTask("ast_7/v1/publish", "ast_7/v1", "publish")

    standing = standing_of([*tasks, at(last, TaskState.DONE, whole)], [])

    assert (standing.state, standing.progress) == (JobState.DONE, 1.0)
    assert standing.publication == whole
