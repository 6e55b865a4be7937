"""What operators see of jobs and their tasks; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from bijou.encoding.api import (
    EncodeLoad,
    Forecast,
    HullPoint,
    Job,
    JobTasks,
    RungHulls,
    RungProgress,
    TaskView,
)
from bijou.encoding.deadlines import Due, feasible
from bijou.encoding.titles import AUDIO, CHUNK, Standing
from bijou.encoding.titles.facts import ChunkChoice
from bijou.ports import Instant, Load, Part, Task, TaskState
from bijou.runtime import codec

_LEFT = frozenset({TaskState.WAITING, TaskState.READY, TaskState.RUNNING, TaskState.DEAD})


def job_tasks(
    job: Job, standing: Standing, tasks: Sequence[Task], parts: Sequence[Part], forecast: Forecast | None
) -> JobTasks:
    """Return a job with its graph, told from what the queue says of it."""
    choices = _choices(parts)
    return JobTasks(
        job=job,
        duration_s=standing.duration_s,
        rungs=[msgspec.convert(rung, RungProgress, from_attributes=True) for rung in standing.rungs],
        counts=standing.counts,
        tasks=[_view(task, choices.get(task.id)) for task in tasks],
        last_words=standing.last_words,
        forecast=forecast,
    )


def rung_hulls(tasks: Sequence[Task], parts: Sequence[Part], chunk: int) -> list[RungHulls]:
    """Return what was chosen for one chunk, in the order of the rungs."""
    choices = _choices(parts)
    found = []
    for task in tasks:
        made = choices.get(task.id)
        if made is None or made.choice is None or _place(task)[1] != chunk:
            continue
        hulls = [[HullPoint(one.crf, one.bits, one.vmaf) for one in hull] for hull in made.choice.hulls]
        found.append(
            RungHulls(
                rung=_place(task)[0],
                crfs=list(made.choice.crfs),
                vmaf=made.choice.vmaf,
                bits=made.choice.bits,
                reached=made.choice.reached,
                hulls=hulls,
            )
        )
    return found


def encode_load(
    kinds: Sequence[Load], running: Iterable[Task], slots: int, deadlines: Sequence[Forecast]
) -> EncodeLoad:
    """Return the signals to scale by."""
    return EncodeLoad(
        kinds=list(kinds),
        work_s=round(sum(kind.work_s for kind in kinds), 3),
        running=dict(sorted(Counter(task.worker for task in running).items())),
        slots=slots,
        deadlines=list(deadlines),
    )


def forecasts(dated: Sequence[tuple[Job, Sequence[Task]]], slots: int, now: Instant) -> list[Forecast]:
    """Return whether jobs make their deadlines, the earliest first.

    What has no deadline is taken to wait for what has one, as the queue lets it.

    Args:
        dated: Open jobs that have a deadline, and their tasks.
        slots: Encodes at the same time.
    """
    dues, work_s = [], {}
    for job, tasks in dated:
        left = [(task.id, _left_s(task)) for task in tasks if task.state in _LEFT]
        work_s[job.id] = sum(seconds for _, seconds in left)
        dues += [Due(f"{job.id} {name}", seconds, job.deadline_at) for name, seconds in left]
    planned = feasible(dues, slots, now)
    found = []
    for job, _ in dated:
        own = [one for one in planned if one.task.split(" ", 1)[0] == job.id]
        if job.deadline_at is None or not own:
            continue
        last = max(own, key=lambda one: one.ends_at)
        found.append(
            Forecast(
                job=job.id,
                deadline_at=job.deadline_at,
                ends_at=last.ends_at,
                work_s=round(work_s[job.id], 3),
                late_s=last.late_s,
                hopeless=any(one.hopeless for one in own),
            )
        )
    return sorted(found, key=lambda one: (one.deadline_at, one.job))


def _left_s(task: Task) -> float:
    return task.work_s * (1.0 - task.progress)


def _view(task: Task, choice: ChunkChoice | None) -> TaskView:
    rung, chunk = _place(task)
    return TaskView(
        id=task.id,
        kind=task.kind,
        state=task.state.value,
        name=_name(task),
        rung=rung,
        chunk=chunk,
        needs=len(task.needs),
        tried=task.tried,
        attempts=task.attempts,
        worker=task.worker,
        progress=task.progress,
        note=task.note,
        problem=task.problem,
        last_words=task.last_words,
        work_s=task.work_s,
        vmaf=choice.choice.vmaf if choice and choice.choice else 0.0,
        ended_at=task.ended_at,
    )


def _name(task: Task) -> str:
    """Return what tells a task from others of its kind."""
    return task.id.removeprefix(f"{task.group}/{task.kind}").removeprefix("/")


def _place(task: Task) -> tuple[str, int]:
    """Return the rendition that a task makes, and its place in the film."""
    if task.kind == AUDIO:
        return _name(task), -1
    if task.kind != CHUNK:
        return "", -1
    chunk, _, rung = _name(task).partition("/")
    return rung, int(chunk)


def _choices(parts: Sequence[Part]) -> dict[str, ChunkChoice]:
    """Return what was chosen for each chunk that was analysed, by its task."""
    kind = f"/{CHUNK}/"
    return {part.task: codec.decode(part.result, ChunkChoice) for part in parts if kind in part.task}
