import msgspec
import pytest

from bijou.encoding.ladder import ladder
from bijou.encoding.recipes import Recipe, recipe, recipe_names
from bijou.ports import InvalidRequest


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_named_as_its_file_and_pins_what_changes_bytes(name: str) -> None:
    made = recipe(name)

    assert made.name == name
    assert made.video.analysis_crfs[0] >= made.video.crf_range[0]
    assert made.video.analysis_crfs[-1] <= made.video.crf_range[1]
    one_thread = {*made.video.options, *map(str, made.video.params.items())}
    assert one_thread & {"-threads", "('lp', 1)", "('pools', 'none')"}


def test_the_default_makes_the_rungs_that_were_always_made() -> None:
    assert recipe(recipe_names()[0]).ladder(1920, 1080, 24) == ladder(1920, 1080, 24)


def test_renditions_of_two_recipes_have_different_names() -> None:
    names = [rung.name for name in recipe_names() for rung in recipe(name).ladder(1920, 1080, 24)]

    assert len(set(names)) == len(names) == 20


def test_rungs_beyond_the_codecs_level_are_left_out() -> None:
    small = msgspec.structs.replace(
        recipe("hevc"), limits=msgspec.structs.replace(recipe("hevc").limits, most_pixels=1280 * 720)
    )

    assert small.ladder(1920, 1080, 24)[0].name == "hevc720"
    with pytest.raises(InvalidRequest) as caught:
        msgspec.structs.replace(
            small, limits=msgspec.structs.replace(small.limits, most_pixels_per_s=1000)
        ).ladder(1920, 1080, 24)
    assert caught.value.code == "encoding.beyond_codec"


def test_the_identity_is_of_the_recipe_and_of_the_build() -> None:
    one = recipe("h264_aac")
    other = msgspec.structs.replace(one, video=msgspec.structs.replace(one.video, preset="medium"))

    identities = {one.identity("a"), one.identity("b"), other.identity("a")}

    assert len(identities) == 3
    assert one.identity("a") == msgspec.json.decode(msgspec.json.encode(one), type=Recipe).identity("a")


def test_an_unknown_recipe_is_refused_by_the_names_of_all() -> None:
    with pytest.raises(InvalidRequest) as caught:
        recipe("theora")

    assert "av1_opus" in caught.value.detail
