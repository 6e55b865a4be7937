"""What a title's graph is made of, and how tasks are named."""

import pytest
from msgspec.structs import replace

from bijou.catalog import MediaInfo, Publication
from bijou.encoding import TITLE_KINDS, TitleWork, first_tasks, group_of
from bijou.encoding.chunks import Chunk, PictureSource
from bijou.encoding.probe_child import CaptionFacts, SoundFacts
from bijou.encoding.titles.facts import FilmFacts, PlanEnd
from bijou.encoding.titles.graph import FilmTask, after_inspection, after_plan, chunk_tasks
from bijou.encoding.titles.inspecting import renderings
from bijou.encoding.titles.planning import cuts, plan_end
from bijou.ports import Instant, InvalidRequest, NewTask

WORK = TitleWork("ast_7", "sources/7", priority=6, deadline_at=Instant(9))
PICTURE = PictureSource("mov", 0, (1, 24), 0, 1, 24_000, 1000, (24, 1))
BASE = Publication("ast_7", "media/ast_7", MediaInfo("mov", 8, 1), [], "media/ast_7/v1/m", "media/ast_7/v1/d")


def facts(*, sounds: int = 1, captions: int = 1) -> FilmFacts:
    return FilmFacts(
        media=MediaInfo("mov", 16.0, 1000),
        picture=PICTURE,
        size=(854, 480),
        start=(0, 1),
        packets=384,
        engine="e" * 16,
        captions=tuple(CaptionFacts(9, "subrip", "en") for _ in range(captions)),
        streams=tuple(SoundFacts(n, "aac", 48_000, 2, "en", 1) for n in range(1, sounds + 1)),
        renderings=(),
    )


def chunk(index: int, *, ends_on_cut: bool = False, shots: tuple[int, ...] = (0,)) -> Chunk:
    first = index * 192
    return Chunk(
        index, first, first, first * 1000, ((1000, 192),), (0, 96), 2 * index + 1, shots, ends_on_cut, 0
    )


def ready(work: TitleWork = WORK, found: FilmFacts | None = None) -> FilmTask:
    found = found or facts()
    base_version = work.base.version if work.base else 0
    return FilmTask(work, replace(found, renderings=renderings(work, found, None)), base_version)


def names(tasks: list[NewTask]) -> list[str]:
    return [task.id.removeprefix("ast_7/v1/") for task in tasks]


def test_an_encode_begins_with_one_task_that_has_the_works_priority_and_deadline() -> None:
    [task] = first_tasks(WORK)

    assert (task.id, task.group, task.kind) == ("ast_7/v1/inspect", group_of("ast_7"), "inspect")
    assert (task.priority, task.deadline_at) == (6, Instant(9))


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (replace(WORK, recipes=("mpeg2",)), "encoding.no_recipe"),
        (replace(WORK, recipes=()), "encoding.no_recipe"),
        (replace(WORK, version=2), "encoding.bad_version"),
        (replace(WORK, base=BASE), "encoding.bad_version"),
        (replace(WORK, version=2, base=replace(BASE, version=2)), "encoding.bad_version"),
    ],
)
def test_work_that_cannot_be_is_refused_before_it_begins(work: TitleWork, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        first_tasks(work)

    assert refused.value.code == code


def test_a_first_version_in_the_clear_grows_and_no_other_does() -> None:
    def kinds(work: TitleWork) -> list[str]:
        return [task.kind for task in after_inspection(work, ready(work).facts)]

    assert kinds(WORK) == ["plan", "audio", "live"]
    assert kinds(replace(WORK, encrypt=True)) == ["plan", "audio"]
    assert kinds(replace(WORK, version=2, base=BASE)) == ["plan", "audio"]


def test_the_chunks_of_a_title_are_encoded_at_every_rung_the_largest_first() -> None:
    tasks = chunk_tasks(ready(), chunk(3))

    assert names(tasks) == ["chunk/00003/v480", "chunk/00003/v360", "chunk/00003/v240"]
    assert [task.work_s for task in tasks] == sorted((task.work_s for task in tasks), reverse=True)


def test_publishing_needs_all_that_is_made() -> None:
    *others, publish = after_plan(ready(), 2)

    chunks = [f"chunk/0000{index}/{rung}" for rung in ("v480", "v360", "v240") for index in (0, 1)]
    assert names(others) == ["stills", "captions"]
    assert [need.removeprefix("ast_7/v1/") for need in publish.needs] == [
        *chunks,
        "audio/a128",
        "stills",
        "captions",
    ]
    assert {task.kind for task in (*others, publish)} < set(TITLE_KINDS)


def test_two_recipes_share_a_sound_that_both_would_make() -> None:
    hevc_too = replace(WORK, recipes=("h264_aac", "hevc"))

    made = ready(hevc_too).facts

    assert [sound.source.name for sound in made.sounds] == ["a128"]
    assert [rung.name for rung in made.rungs] == ["v480", "v360", "v240", "hevc480", "hevc360", "hevc240"]


def test_several_sounds_are_numbered_and_keep_their_languages() -> None:
    made = ready(found=facts(sounds=2)).facts

    assert [(one.source.name, one.source.stream, one.source.language) for one in made.sounds] == [
        ("a128", 1, "en"),
        ("a128-2", 2, "en"),
    ]


def test_cuts_are_where_shots_begin_and_not_where_chunks_do() -> None:
    chunks = [chunk(0, shots=(0, 48)), chunk(1, ends_on_cut=True), chunk(2, shots=(0, 24))]

    assert cuts(chunks) == [48_000, 384_000, 408_000]


def test_a_film_of_which_half_is_lost_is_refused() -> None:
    found = replace(facts(), packets=1000)

    assert plan_end([chunk(0)], facts(), resized=True) == PlanEnd(1, 192, 192_000, (), resized=True)
    with pytest.raises(InvalidRequest, match="of 1000 frames only 192"):
        plan_end([chunk(0)], found, resized=False)
