import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.catalog import NewTitle, checked
from bijou.catalog.model import MAX_SLUG, free_slug, slug_of
from bijou.ports import InvalidRequest


@given(st.text(max_size=300))
def test_every_name_has_a_slug_that_fits_an_address(name: str) -> None:
    slug = slug_of(name)

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= MAX_SLUG
    assert slug_of(slug) == slug


@given(st.sets(st.sampled_from(["a", "a-2", "a-3", "a-4", "b"])))
def test_a_free_slug_is_the_first_number_that_nobody_has(taken: set[str]) -> None:
    slug = free_slug("a", taken)

    assert slug not in taken
    earlier = ["a", "a-2", "a-3", "a-4", "a-5"]
    assert set(earlier[: earlier.index(slug)]) <= taken


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Łódź", "lodz"),
        ("Straße nach Århus", "strasse-nach-arhus"),
        ("  --  ", "title"),
        ("Ⅳ. Akt", "iv-akt"),
        ("Иваново детство", "title"),
        ("x" * 200, "x" * MAX_SLUG),
    ],
)
def test_unicode_names_become_ascii(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize("name", ["\u200dmarried", "👩‍👩‍👧 family", "می‌خواهم"])
def test_letters_that_join_others_are_no_control_characters(name: str) -> None:
    assert checked(NewTitle(name)).name == name


@pytest.mark.parametrize("name", ["bell\x07", "turned\u202e", "half\ud800"])
def test_control_characters_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="control"):
        checked(NewTitle(name))


def test_a_synopsis_may_have_paragraphs() -> None:
    assert checked(NewTitle("x", synopsis=" One.\n\n\tTwo. ")).synopsis == "One.\n\n\tTwo."
