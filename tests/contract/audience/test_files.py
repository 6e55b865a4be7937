import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pq
import pytest

from bijou.audience import Mode, Policy
from bijou.ports import InvalidRequest
from tests.unit.audience.populations import NOW_S, Place, parquet

CSV = """user,country,age,likes,subscriber,hours,watched:noir,updated_at
ada,DE,31,noir|kids,true,1.5,2025-11-21T04:00:00Z,1763690000
bob,,,,,,,
cem,AT,44,sport,0,7,1763690500,2025-11-21T04:00:00Z
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def written(place: Place, content: bytes | str, name: str = "users.csv") -> Path:
    path = place.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def features(place: Place, name: str) -> dict[str, Any]:
    """Return what the store holds of somebody, as plain cells."""
    with place.store.viewing() as view:
        row = place.ordinal(name)
        assert row is not None
        cells = {column: view.column(column, row, row + 1)[0].item() for column in view.columns()}
        words = view.manifest.words
        country = words["country"][cells["country"] - 1] if cells["country"] else None
        likes = {word for bit, word in enumerate(words["likes"]) if cells["likes"] >> bit + 1 & 1}
        moments = [
            int(key) & 0xFFFFFFFF for run in view.moments("watched", "noir", row, row + 1) for key in run
        ]
        at_s = int(view.column("at", row, row + 1)[0])
        return cells | {"country": country, "likes": likes, "watched:noir": moments, "at": at_s}


def as_arrow(name: str) -> Callable[[Place], Path]:
    table = pa.table(
        {
            "user": pa.array(["ada", "bob", "cem"], pa.large_string()),
            "country": pa.array(["DE", None, "AT"]).dictionary_encode(),
            "age": pa.array([31, None, 44], pa.int64()),
            "likes": pa.array([["noir", "kids"], None, ["sport"]]),
            "subscriber": pa.array([True, None, False]),
            "hours": pa.array([1.5, None, 7.0], pa.float64()),
            "watched:noir": pa.array([1_763_697_600_000, None, 1_763_690_500_000], pa.timestamp("ms", "UTC")),
            "updated_at": pa.array([1_763_690_000, None, 1_763_697_600], pa.int32()),
        }
    )

    def write(place: Place) -> Path:
        path = place.folder / name
        if name.endswith("parquet"):
            pq.write_table(table, path)
            return path
        opener = pa_ipc.new_file if name.endswith("arrow") else pa_ipc.new_stream
        with opener(str(path), table.schema) as writer:
            writer.write_table(table)
        return path

    return write


@pytest.mark.parametrize(
    "write",
    [
        lambda place: written(place, CSV),
        lambda place: written(place, "\ufeff" + CSV.replace("\n", "\r\n")),
        lambda place: written(place, gzip.compress(CSV.encode()), "users.csv.gz"),
        lambda place: written(place, pa.compress(CSV.encode(), "zstd", asbytes=True), "users.csv.zst"),
        as_arrow("users.parquet"),
        as_arrow("users.arrow"),
        as_arrow("users.arrows"),
    ],
    ids=["csv", "csv of windows", "csv.gz", "csv.zst", "parquet", "arrow file", "arrow stream"],
)
def test_every_format_brings_the_same_people(place: Place, write: Callable[[Place], Path]) -> None:
    report = place.take(write(place), "b1", mode=Mode.FULL)

    assert (report.rows, report.kept, report.rejected, report.users) == (3, 3, 0, 3)
    ada, bob, cem = (features(place, name) for name in ("ada", "bob", "cem"))
    assert (ada["country"], ada["age"], ada["likes"]) == ("DE", 31, {"noir", "kids"})
    assert (ada["subscriber"], ada["hours"], ada["watched:noir"]) == (2, 1.5, [1_763_697_600])
    assert ada["at"] == 1_763_690_000
    assert (bob["country"], bob["age"], bob["likes"], bob["subscriber"]) == (None, -(1 << 31), set(), 0)
    assert (bob["watched:noir"], bob["at"]) == ([], NOW_S)
    assert (cem["subscriber"], cem["watched:noir"], cem["at"]) == (1, [1_763_690_500], 1_763_697_600)


BAD_CSV = b"""user,country,age,subscriber,hours,watched:noir
ada,DE,31,true,1.5,1763690000
bob,DE,thirty,true,1.5,1763690000
,DE,31,true,1.5,1763690000
cem,DE,31
dan,D\xe9,31,true,1.5,1763690000
eve,DE,131,true,1.5,1763690000
fay,DE,31,maybe,1.5,1763690000
gus,DE,31,true,inf,1763690000
hal,DE,31,true,1.5,soon
ida,DE,31,true,1.5,1763690000
j\xe9,DE,31,true,1.5,1763690000
kim,DE,99999999999,true,1.5,1763690000
"""
BAD_ROWS = {
    2: ("age", "thirty", "an integer"),
    3: ("user", "", "1 to 256 bytes"),
    4: ("", "", "3 cells, where the head names 6"),
    5: ("country", "", "UTF-8"),
    6: ("age", "131", "0..130 years"),
    7: ("subscriber", "maybe", "true or false"),
    8: ("hours", "inf", "a number"),
    9: ("watched:noir", "soon", "RFC 3339"),
    11: ("user", "", "UTF-8"),
    12: ("age", "99999999999", "an integer"),
}


def test_good_rows_are_kept_and_bad_ones_named_by_row_column_value_and_rule(place: Place) -> None:
    report = place.take(written(place, BAD_CSV), "b1", mode=Mode.FULL)

    assert (report.rows, report.kept, report.rejected) == (12, 2, 10)
    lines = (place.store.folder / report.rejects).read_text().splitlines()
    found = {line["row"]: line for line in map(json.loads, lines)}
    assert sorted(found) == sorted(BAD_ROWS)
    for row, (column, value, rule) in BAD_ROWS.items():
        assert (found[row]["column"], found[row]["value"]) == (column, value), row
        assert rule in found[row]["rule"], row
    assert place.ordinal("ada") == 0
    assert place.ordinal("ida") == 1
    assert place.ordinal("bob") is None


def test_all_or_nothing_applies_nothing(place: Place) -> None:
    before = place.store.manifest()

    with pytest.raises(InvalidRequest, match=r"batch b1: 10 of 12 rows are bad.*nothing was applied"):
        place.take(written(place, BAD_CSV), "b1", policy=Policy.REFUSE_ALL)

    after = place.store.manifest()
    assert (after.issued, after.layers, after.base) == (before.issued, before.layers, before.base)
    assert after.batches["b1"].state == "refused"
    assert not list((place.store.folder / "incoming").iterdir())


def test_a_refused_batch_may_come_again_mended(place: Place) -> None:
    with pytest.raises(InvalidRequest):
        place.take(written(place, BAD_CSV), "b1", policy=Policy.REFUSE_ALL)

    report = place.take(written(place, CSV.replace(",hours", ",hours_per_week")), "b1")

    assert (report.state, report.kept) == ("kept", 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("user,agee\nada,3\n", "column 'agee' is no dimension; did you mean age?"),
        ("usr,age\nada,3\n", "no column 'user' holds the users; did you mean usr?"),
        ("user,age,age\nada,3,3\n", "column 'age' is there twice"),
        ("user,watched\nada,3\n", "its column is watched:VALUE"),
        ("user,age:old\nada,3\n", "its column is age"),
        ("", "cannot be read"),
        (b"\xff\xfeu\x00s\x00", "its head is not UTF-8"),
        (b"PAR1" + b"x" * 100, "cannot be read"),
        (b"ARROW1\0\0" + b"x" * 100, "cannot be read"),
        (b"\x1f\x8b" + b"x" * 100, "cannot be read"),
        (gzip.compress(CSV.encode() * 50)[:-40], "cannot be read"),
        ("user,age\n", "none of its 0 rows is good"),
    ],
)
def test_what_is_no_file_is_refused_in_one_sentence(place: Place, content: bytes | str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says.replace("?", r"\?").replace("(", r"\(")) as refused:
        place.take(written(place, content), "b1")

    assert "\n" not in refused.value.detail
    assert place.store.manifest().issued == 0
    assert not list((place.store.folder / "incoming").iterdir())


def test_a_column_of_another_type_is_refused(place: Place, tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", {"ada": {}}, columns=[])
    pq.write_table(pa.table({"user": ["ada"], "country": [1.5]}), path)

    with pytest.raises(InvalidRequest, match=r"column 'country' is double; a category is text"):
        place.take(path, "b1")


def test_a_wrong_type_far_down_is_found_by_its_row(place: Place) -> None:
    rows = "".join(f"user-{n},{'x' if n == 299_998 else n % 90}\n" for n in range(300_000))

    report = place.take(written(place, "user,age\n" + rows), "b1", mode=Mode.FULL)

    assert (report.rows, report.rejected) == (300_000, 1)
    (line,) = (place.store.folder / report.rejects).read_text().splitlines()
    assert json.loads(line)["row"] == 299_999


@pytest.mark.parametrize(
    ("content", "policy", "says"),
    [
        (
            "user,age\nada,3\nbob,forty\ncem,x\n",
            Policy.REFUSE_ALL,
            (
                "batch b1: 2 of 3 rows are bad, the first of them row 2, column age: 'forty', where the rule"
                " is 'an integer, such as 42'; it was to be kept whole or not at all, so nothing was applied;"
                " rejects/b1.jsonl lists them"
            ),
        ),
        (
            "user,age\n,3\n",
            Policy.KEEP_GOOD,
            (
                "batch b1: none of its 1 rows is good, the first of them row 1, column user: where the rule"
                " is 'an identifier: UTF-8 of 1 to 256 bytes'; nothing was applied; rejects/b1.jsonl lists"
                " them"
            ),
        ),
    ],
)
def test_a_refusal_says_place_and_rule_of_the_first_bad_row(
    place: Place, content: str, policy: Policy, says: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        place.take(written(place, content), "b1", policy=policy)

    assert refused.value.detail == says
    assert place.store.manifest().issued == 0
