import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.catalog import NewTitle
from bijou.ingest import NewUpload
from bijou.ingest.model import checked_filename, human_size, title_of
from bijou.ports import InvalidRequest


@given(st.text(max_size=300))
def test_a_filename_is_refused_or_can_be_shown(filename: str) -> None:
    try:
        shown = checked_filename(filename)
    except InvalidRequest:
        return

    assert 1 <= len(shown) <= 255
    assert not set(shown) & set("/\\\0\n\r\x1b\x7f")
    assert shown.strip() == shown


@given(st.integers(1, 10**20))
def test_a_human_size_is_within_a_twentieth_of_the_number(size_bytes: int) -> None:
    number, unit = human_size(size_bytes).split()
    power = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB").index(unit)

    assert abs(float(number) * 1000**power - size_bytes) <= size_bytes / 20
    assert float(number) < 1000 or unit == "EB"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("sintel.mp4", "Sintel"),
        ("big_buck-bunny.1080p.mkv", "Big buck bunny 1080p"),
        (".mp4", "Mp4"),
        ("...", "..."),
        ("é" * 255, "É" + "é" * 199),
    ],
)
def test_a_title_is_named_after_its_file(filename: str, name: str) -> None:
    assert title_of(NewUpload(filename, 1), filename) == NewTitle(name)
