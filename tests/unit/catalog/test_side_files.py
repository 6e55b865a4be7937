from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.catalog import NewTitle, SideFile, read_side_file
from bijou.catalog.side_files import MAX_BYTES
from bijou.ports import InvalidRequest

KODI = """\
<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<movie>
    <title>  The Tide &amp; the
    Shore </title>
    <originaltitle>Flut</originaltitle>
    <ratings><rating name="x"><title>not this one</title></rating></ratings>
    <premiered>2019-05-30</premiered>
    <plot>A lighthouse keeper counts ships.\r
One evening one is missing.</plot>
    <genre>Drama</genre>
    <genre>Science Fiction / Drama</genre>
    <actor><name>Somebody</name><order>0</order></actor>
</movie>
"""
TIDE = SideFile(
    title="The Tide & the Shore",
    year=2019,
    plot="A lighthouse keeper counts ships.\nOne evening one is missing.",
    genres=["Drama", "Science Fiction"],
)

BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<movie><title>&b;</title></movie>"""
THIEF = b"""<!DOCTYPE m [<!ENTITY f SYSTEM "file:///etc/passwd">]><movie><title>&f;</title></movie>"""
DTD = b"""<!DOCTYPE movie SYSTEM "http://127.0.0.1/film.dtd"><movie><title>x</title></movie>"""

FAULTS = {
    "an entity bomb": ("x.nfo", BOMB, "document type"),
    "an entity that names a file": ("x.nfo", THIEF, "document type"),
    "a document type elsewhere": ("x.nfo", DTD, "document type"),
    "an entity of nobody": ("x.nfo", b"<movie><title>&nobody;</title></movie>", "no XML"),
    "not XML": ("x.nfo", b"just words", "no XML"),
    "an end that is missing": ("x.nfo", b"<movie><title>x</title>", "no XML"),
    "another root": ("x.nfo", b"<svg/>", "a <svg>"),
    "a tower": ("x.nfo", b"<movie>" + b"<a>" * 50 + b"</a>" * 50 + b"</movie>", "16 elements deep"),
    "a crowd": ("x.nfo", b"<movie>" + b"<a/>" * 30_000 + b"</movie>", "20000 in all"),
    "an unknown encoding": ("x.nfo", b'<?xml version="1.0" encoding="klingon"?><movie/>', "encoding"),
    "a year in words": ("x.nfo", b"<movie><year>last</year></movie>", "four digits"),
    "a year before films": ("x.nfo", b"<movie><year>1066</year></movie>", "1066"),
    "a title without end": ("x.nfo", b"<movie><title>" + b"x" * 201 + b"</title></movie>", "201 characters"),
    "too many bytes": ("x.nfo", b" " * (MAX_BYTES + 1), str(MAX_BYTES)),
    "another ending": ("x.txt", b"<movie/>", ".txt"),
    "no ending": ("film", b"<movie/>", "nothing"),
    "broken JSON": ("x.json", b'{"title": ', "no JSON"),
    "JSON of another kind": ("x.json", b'{"title": 5}', "$.title"),
    "a list": ("x.json", b"[]", "no JSON"),
    "a tower of JSON": ("x.json", b'{"x":' + b"[" * 500_000, "no JSON"),
    "a turn of direction": ("x.json", '{"title": "a\u202eb"}'.encode(), "U+202E"),
    "half a surrogate": ("x.json", b'{"title": "\\ud800"}', "no JSON"),
    "too many genres": (
        "x.json",
        b'{"genres": [%s]}' % b",".join(b'"g%d"' % n for n in range(21)),
        "21 genres",
    ),
    "a long genre": ("x.json", b'{"genres": ["%s"]}' % (b"g" * 61), "61 characters"),
}


def test_an_nfo_of_kodi_is_read() -> None:
    assert read_side_file("Film.NFO", KODI.encode()) == TIDE


def test_addresses_behind_the_xml_are_nothing_to_us() -> None:
    content = KODI + "https://example.org/title/1\n"

    assert read_side_file("film.nfo", content.encode()) == TIDE


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_an_nfo_may_be_written_in_its_own_encoding(encoding: str) -> None:
    named = "utf-8" if encoding == "utf-8-sig" else encoding
    content = f'<?xml version="1.0" encoding="{named}"?><movie><title>Frühling</title></movie>'

    assert read_side_file("film.nfo", content.encode(encoding)).title == "Frühling"


def test_json_says_the_same_and_may_say_more() -> None:
    content = (
        b'{"title": "Tide", "year": 2019, "plot": "x", "genres": ["Drama", " Drama "], "studio": {"a": 1}}'
    )

    assert read_side_file("film.json", content) == SideFile("Tide", 2019, "x", ["Drama"])


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_one_clear_sentence(kind: str) -> None:
    name, content, words = FAULTS[kind]

    with pytest.raises(InvalidRequest) as caught:
        read_side_file(name, content)

    assert caught.value.code == "catalog.bad_side_file"
    assert words in caught.value.detail
    assert len(caught.value.detail) < 200
    assert "\n" not in caught.value.detail


@given(
    st.sampled_from(["x.nfo", "x.json"]),
    st.binary(max_size=200) | st.text(alphabet='<>/&;!movietl{}":[] ').map(str.encode),
)
def test_whatever_the_bytes_they_are_read_or_refused(name: str, content: bytes) -> None:
    with suppress(InvalidRequest):
        assert isinstance(read_side_file(name, content), SideFile)


def test_what_is_not_said_has_a_fallback() -> None:
    assert SideFile(plot="x", year=2001).new_title("My film") == NewTitle("My film", synopsis="x", year=2001)
