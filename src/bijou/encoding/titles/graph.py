"""The graph of a title's encode: its tasks, how they are named, what they are told.

`inspect` takes the facts. `plan` goes through the film and adds the tasks of
each chunk as soon as that is settled, one for each rendition; `audio` encodes
one sound track; `live` writes playlists that grow. When the plan is complete,
`captions` and `stills` are added, and `publish`, which needs all the others.

What a task is told travels in its payload, what it has found in its result, so
that any worker can do any of them.
"""

from msgspec import Struct
from msgspec.structs import replace

from bijou.catalog import Publication
from bijou.encoding.chunks import Chunk, ChunkWork
from bijou.encoding.ladder import Rung
from bijou.encoding.probe_child import SoundFacts
from bijou.encoding.recipes import checked_recipes
from bijou.encoding.titles.facts import FilmFacts, SoundTrack
from bijou.ports import Instant, InvalidRequest, NewTask
from bijou.runtime import codec

INSPECT, PLAN, CHUNK, AUDIO, STILLS, CAPTIONS, LIVE, PUBLISH = TITLE_KINDS = (
    "inspect",
    "plan",
    "chunk",
    "audio",
    "stills",
    "captions",
    "live",
    "publish",
)
ALL_TASKS = 1_000_000  # a `limit` that no group of tasks comes near
_ATTEMPTS = 8
# Seconds of film per second of one core, roughly, for whoever plans capacity.
_PLANNED, _HEARD = 30, 60
_NS_A_PIXEL = {"h264_aac": 20, "hevc": 60, "av1_opus": 40, "vvc": 400}


class TitleWork(Struct, frozen=True):
    """What is to be made of one source.

    Args:
        asset: Names the folder of its media; a path part.
        source: Blob key of the source.
        recipes: Names of recipes, the one that players should prefer first.
        version: 1, or a number above that of `base`.
        base: What stands already; its renditions stay, byte for byte, and the
            recipes are added to them.
        priority: Of all its tasks, 0 to 9.
        encrypt: Whether the media is encrypted by `cbcs` with a clear key.
        breaks_s: Where advertisements may stand; segments begin there.
        analyse: Whether each shot gets a rate factor of its own.
        captions: Blob keys of files of captions that were brought beside the
            source; their names end as people name such files, `….en.srt`.
    """

    asset: str
    source: str
    recipes: tuple[str, ...] = ("h264_aac",)
    version: int = 1
    base: Publication | None = None
    priority: int = 4
    deadline_at: Instant | None = None
    encrypt: bool = False
    breaks_s: tuple[float, ...] = ()
    analyse: bool = True
    captions: tuple[str, ...] = ()


def group_of(asset: str, version: int = 1) -> str:
    """Return the name of the group of an encode's tasks.

    Example:
        >>> group_of("ast_7", 2)
        'ast_7/v2'
    """
    return f"{asset}/v{version}"


def first_tasks(work: TitleWork) -> tuple[NewTask, ...]:
    """Return the tasks that an encode begins with; all others follow from them.

    Raises:
        InvalidRequest: `encoding.no_recipe`; `encoding.bad_version`, a first
            version stands on nothing, and a later one on one before it.
    """
    checked_recipes(work.recipes)
    base = work.base.version if work.base else 0
    if work.version < 1 or (work.version == 1) != (work.base is None) or base >= work.version:
        raise InvalidRequest(
            "encoding.bad_version",
            f"version {work.version} of {work.asset} stands on version {base or 'none'};"
            " the first stands on none, each later one on one before it",
        )
    return (task(work, INSPECT, "", codec.encode(work), work_s=1.0),)


def task(
    work: TitleWork, kind: str, name: str, payload: bytes, *, work_s: float, needs: tuple[str, ...] = ()
) -> NewTask:
    """Return one task of a title's graph.

    Args:
        name: What tells it from others of its kind; empty where there is only one.
    """
    group = group_of(work.asset, work.version)
    return NewTask(
        id=f"{group}/{kind}/{name}" if name else f"{group}/{kind}",
        group=group,
        kind=kind,
        payload=payload,
        needs=needs,
        priority=work.priority,
        deadline_at=work.deadline_at,
        attempts=_ATTEMPTS,
        work_s=work_s,
    )


class FilmTask(Struct, frozen=True):
    """What `plan`, `live`, `captions`, `stills` and `publish` are told.

    Args:
        work: Without its base.
        facts: Without the chapters.
        base_version: 0 where the version stands on nothing.
    """

    work: TitleWork
    facts: FilmFacts
    base_version: int = 0


class ChunkTask(Struct, frozen=True):
    """What `chunk` is told."""

    asset: str
    source: str
    recipe: str
    engine: str
    work: ChunkWork
    analyse: bool
    encrypt: bool


class SoundTask(Struct, frozen=True):
    """What `audio` is told.

    Args:
        plan: Id of the task whose parts tell where segments begin.
        per_s: Ticks a second of the film's clock.
    """

    asset: str
    source: str
    recipe: str
    sound: SoundTrack
    facts: SoundFacts
    container: str
    plan: str
    per_s: int
    encrypt: bool


def after_inspection(work: TitleWork, facts: FilmFacts) -> list[NewTask]:
    """Return the tasks that follow once the facts are known."""
    base_version = work.base.version if work.base else 0
    # Chapters may be longer than a payload; who needs them asks for what `inspect` has found.
    lighter = replace(facts, media=replace(facts.media, chapters=[]))
    told = FilmTask(replace(work, base=None), lighter, base_version)
    payload, film_s = codec.encode(told), facts.media.duration_s
    plan = task(work, PLAN, "", payload, work_s=film_s / _PLANNED)
    tasks = [plan]
    for rendering in facts.renderings:
        for sound in rendering.sounds:
            told_sound = SoundTask(
                asset=work.asset,
                source=work.source,
                recipe=rendering.recipe,
                sound=sound,
                facts=facts.streams[sound.place],
                container=facts.picture.container,
                plan=plan.id,
                per_s=facts.picture.per_s,
                encrypt=work.encrypt,
            )
            tasks.append(
                task(work, AUDIO, sound.source.name, codec.encode(told_sound), work_s=film_s / _HEARD)
            )
    if grows(work):
        tasks.append(task(work, LIVE, "", payload, work_s=1.0))
    return tasks


def grows(work: TitleWork) -> bool:
    """Tell whether an encode can be watched before it ends: the first version, in the clear."""
    return work.version == 1 and not work.encrypt


def chunk_tasks(told: FilmTask, chunk: Chunk) -> list[NewTask]:
    """Return the tasks of one chunk, one for each rung, the largest first."""
    work, facts = told.work, told.facts
    tasks = []
    for rendering in facts.renderings:
        for rung in rendering.rungs:
            payload = ChunkTask(
                asset=work.asset,
                source=work.source,
                recipe=rendering.recipe,
                engine=facts.engine,
                work=ChunkWork(facts.picture, chunk, rung),
                analyse=work.analyse,
                encrypt=work.encrypt,
            )
            work_s = chunk_work_s(rung, chunk.frames, rendering.recipe)
            tasks.append(
                task(work, CHUNK, chunk_name(chunk.index, rung.name), codec.encode(payload), work_s=work_s)
            )
    return tasks


def chunk_name(index: int, rung: str) -> str:
    """Return what tells the task of a chunk from the others.

    Example:
        >>> chunk_name(7, "v360")
        '00007/v360'
    """
    return f"{index:05}/{rung}"


def chunk_work_s(rung: Rung, frames: int, made_by: str) -> float:
    """Estimate the seconds of one core that a chunk takes."""
    return round(0.05 + rung.width * rung.height * frames * _NS_A_PIXEL.get(made_by, 60) / 1e9, 3)


def after_plan(told: FilmTask, chunks: int) -> list[NewTask]:
    """Return the tasks that follow once all of a film is planned.

    Args:
        chunks: How many there are.
    """
    work, facts = told.work, told.facts
    payload = codec.encode(told)
    group = group_of(work.asset, work.version)

    def encodes(rung: Rung) -> list[str]:
        return [f"{group}/{CHUNK}/{chunk_name(index, rung.name)}" for index in range(chunks)]

    tasks = []
    if not told.base_version:
        pictures = facts.renderings[0].rungs
        of_interest = dict.fromkeys([*encodes(pictures[-1]), *encodes(pictures[0])])
        tasks.append(task(work, STILLS, "", payload, work_s=2.0, needs=tuple(of_interest)))
        if facts.captions or work.captions:
            tasks.append(task(work, CAPTIONS, "", payload, work_s=1.0))
    needs = [encode for rung in facts.rungs for encode in encodes(rung)]
    needs += [f"{group}/{AUDIO}/{sound.source.name}" for sound in facts.sounds]
    needs += [one.id for one in tasks]
    return [*tasks, task(work, PUBLISH, "", payload, work_s=1.0, needs=tuple(needs))]
