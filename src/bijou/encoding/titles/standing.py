"""How a title's encode stands, told from what the queue says of its tasks; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from bijou.catalog import MediaInfo, Publication
from bijou.encoding.api import JobState
from bijou.encoding.titles.facts import ChunkFacts, FilmFacts, PlanEnd, SoundPart
from bijou.encoding.titles.graph import AUDIO, CHUNK, INSPECT, LIVE, PLAN, PUBLISH
from bijou.ports import Conflict, InvalidRequest, Part, Problem, Task, TaskState
from bijou.runtime import codec

T = TypeVar("T")

CANCELLED = Conflict("encoding.cancelled", "the encode was cancelled; nothing of it is kept")
_INSPECTED, _ENCODED = 0.02, 0.97


class RungStanding(Struct, frozen=True):
    """How one rendition stands.

    Args:
        kind: `video` or `audio`.
        done_s: Seconds of film that are final.
        chunks_done: Of sound: segments.
        chunks: How many are known by now; of sound, those that are done.
        speed: Seconds of film per second of one core's time; 0 while unknown.
    """

    name: str
    kind: str
    done_s: float
    chunks_done: int
    chunks: int
    size_bytes: int
    speed: float


class Standing(Struct, frozen=True):
    """How an encode stands.

    Args:
        step: What is being done, in one word: a kind of task.
        progress: 0 to 1, over all of it.
        speed: Seconds of film, in all renditions, per second since it began.
        media: The facts of the source, once they are known.
        watchable: What can be watched while the rest is made; its lists grow.
        publication: What has come out, once all of it is there.
        problem: Why it was refused, or failed.
        last_words: The end of the log of the attempt that failed last.
        counts: Tasks by state.
    """

    state: JobState
    step: str = ""
    progress: float = 0.0
    speed: float = 0.0
    duration_s: float = 0.0
    media: MediaInfo | None = None
    rungs: tuple[RungStanding, ...] = ()
    watchable: Publication | None = None
    publication: Publication | None = None
    problem: Problem | None = None
    last_words: str = ""
    counts: dict[str, int] = {}


def standing_of(tasks: Sequence[Task], parts: Sequence[Part]) -> Standing:
    """Return how an encode stands.

    Cost: O(tasks + parts); what they say is decoded each time.

    Args:
        tasks: All of one group, in the order in which they were added.
        parts: Of these tasks.
    """
    seen = _Seen(tasks, parts)
    state, problem, words = _state(tasks)
    publication = seen.result(PUBLISH, Publication)
    if publication is not None:
        state, problem, words = JobState.DONE, None, ""
    rungs = tuple(seen.rungs())
    return Standing(
        state=state,
        step=_step(tasks),
        progress=1.0 if publication else seen.progress(rungs),
        speed=seen.speed(rungs),
        duration_s=seen.duration_s,
        media=publication.media if publication else seen.facts.media if seen.facts else None,
        rungs=rungs,
        watchable=seen.watchable(),
        publication=publication,
        problem=problem,
        last_words=words,
        counts=dict(Counter(task.state.value for task in tasks)),
    )


class _Seen:
    """What can be read out of a group's tasks and parts."""

    def __init__(self, tasks: Sequence[Task], parts: Sequence[Part]) -> None:
        self._tasks = tasks
        self._kinds = {task.id: task.kind for task in tasks}
        self._parts: dict[str, list[Part]] = {}
        for part in parts:
            self._parts.setdefault(part.task, []).append(part)
        self.facts = self.result(INSPECT, FilmFacts)
        self._plan = self.result(PLAN, PlanEnd)

    def result(self, kind: str, shape: type[T]) -> T | None:
        """Return what the one task of this kind has found, once it is done."""
        for task in self._tasks:
            if task.kind == kind and task.state is TaskState.DONE:
                return codec.decode(task.result, shape)
        return None

    @property
    def duration_s(self) -> float:
        if self._plan and self.facts:
            return self._plan.end / self.facts.picture.per_s
        return self.facts.media.duration_s if self.facts else 0.0

    def rungs(self) -> Iterator[RungStanding]:
        if self.facts is None:
            return
        made: dict[str, list[ChunkFacts]] = {}
        planned = Counter(task.id.rsplit("/", 1)[1] for task in self._tasks if task.kind == CHUNK)
        for task in self._tasks:
            if task.kind == CHUNK and task.state is TaskState.DONE:
                chunk = codec.decode(task.result, ChunkFacts)
                made.setdefault(chunk.rung, []).append(chunk)
        for rung in self.facts.rungs:
            yield _rung(rung.name, made.get(rung.name, []), planned[rung.name])
        sounds = {
            task.id.rsplit("/", 1)[1]: self._parts.get(task.id, [])
            for task in self._tasks
            if task.kind == AUDIO
        }
        for sound in self.facts.sounds:
            yield _sound(sound.source.name, sounds.get(sound.source.name, []))

    def progress(self, rungs: Sequence[RungStanding]) -> float:
        """The share of the film's seconds, in all renditions, that are final or under way."""
        if self.facts is None:
            return 0.0
        pictures = [rung for rung in rungs if rung.kind == "video"]
        done_s = sum(rung.done_s for rung in pictures)
        for task in self._tasks:
            if task.kind == CHUNK and task.state is TaskState.RUNNING:
                done_s += task.progress * task.work_s
        share = done_s / max(self.duration_s * len(pictures), 0.001)
        return _INSPECTED + (_ENCODED - _INSPECTED) * min(1.0, share)

    def speed(self, rungs: Sequence[RungStanding]) -> float:
        ended = [task.ended_at for task in self._tasks if task.ended_at and task.kind == CHUNK]
        if not ended:
            return 0.0
        pictures = [rung.done_s for rung in rungs if rung.kind == "video"]
        elapsed_s = (max(ended) - min(task.created_at for task in self._tasks)) / 1e6
        return round(sum(pictures) / len(pictures) / max(elapsed_s, 0.001), 3)

    def watchable(self) -> Publication | None:
        """What the task that writes growing playlists has told, after it wrote the first ones."""
        for task in self._tasks:
            for part in self._parts.get(task.id, []) if task.kind == LIVE else []:
                return codec.decode(part.result, Publication)
        return None


def _rung(name: str, made: Sequence[ChunkFacts], planned: int) -> RungStanding:
    done_s = sum(segment.duration / chunk.head.timescale for chunk in made for segment in chunk.segments)
    sizes = sum(segment.size_bytes for chunk in made for segment in chunk.segments)
    spent_s = sum(chunk.wall_s for chunk in made)
    head_bytes = made[0].head.size_bytes if made else 0
    speed = round(done_s / spent_s, 3) if spent_s else 0.0
    return RungStanding(name, "video", done_s, len(made), planned, sizes + head_bytes, speed)


def _sound(name: str, parts: Sequence[Part]) -> RungStanding:
    made = [codec.decode(part.result, SoundPart) for part in parts]
    head = made[0].head if made else None
    if head is None:
        return RungStanding(name, "audio", 0.0, 0, 0, 0, 0.0)
    done_s = sum(part.segment.duration for part in made) / head.timescale
    size_bytes = head.size_bytes + sum(part.segment.size_bytes for part in made)
    return RungStanding(name, "audio", done_s, len(made), len(made), size_bytes, 0.0)


def _state(tasks: Sequence[Task]) -> tuple[JobState, Problem | None, str]:
    words = next((task.last_words for task in reversed(tasks) if task.last_words), "")
    if any(task.state is TaskState.CANCELLED for task in tasks):
        return JobState.REFUSED, CANCELLED.problem(), words
    for task in tasks:
        if task.state is TaskState.DEAD and task.kind != LIVE and task.problem:
            # A lost blob, say, is no fault of the film's: what is refused is deleted, its upload too.
            state = JobState.REFUSED if task.problem.status == InvalidRequest.status else JobState.FAILED
            return state, task.problem, task.last_words
    begun = any(task.state in {TaskState.RUNNING, TaskState.DONE} or task.tried for task in tasks)
    return (JobState.RUNNING if begun else JobState.QUEUED), None, words


def _step(tasks: Sequence[Task]) -> str:
    """The kind of the first task that runs, or would run next."""
    for state in (TaskState.RUNNING, TaskState.READY, TaskState.WAITING):
        for task in tasks:
            if task.state is state and task.kind not in {LIVE, PLAN, AUDIO}:
                return task.kind
    return tasks[-1].kind if tasks else ""
