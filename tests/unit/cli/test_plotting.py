"""Drawings of a plan, read back."""

import xml.etree.ElementTree as ET

from bijou.catalog import MediaInfo
from bijou.cli.plotting import hull_letters, hull_page, hull_svg
from bijou.encoding import Curve, FilmPlan, Tried
from bijou.encoding.explaining import ChunkPlan, RungPlan
from bijou.encoding.ladder import Rung

SVG = "{http://www.w3.org/2000/svg}"
GOOD, CHEAP = Tried(20, 2_000_000, 94.0), Tried(28, 500_000, 86.0)
CURVE = Curve(0.0, 4.0, (GOOD, CHEAP), (CHEAP, GOOD), GOOD)
RUNGS = [
    RungPlan(name, 92.0, (20.0,), 94.0, 2_000_000, reached=True, because="a < b", curves=(CURVE,))
    for name in ("v480", "v240")
]
PLAN = FilmPlan(
    "h264_aac",
    "0",
    MediaInfo("mov", 4.0, 1),
    (Rung("v480", 854, 480, 23, 1), Rung("v240", 426, 240, 23, 1)),
    (ChunkPlan(0, 0.0, 4.0, 96, 1, (0.0,), "film", 0, tuple(RUNGS)),),
)


def test_the_drawing_has_a_panel_a_rung_a_line_a_shot_and_a_dot_where_it_was_taken() -> None:
    root = ET.fromstring(hull_svg(PLAN))

    panels = root.findall(f"{SVG}g")
    assert len(panels) == 2
    for panel in panels:
        [line] = panel.findall(f"{SVG}polyline")
        left, right = (tuple(map(float, point.split(","))) for point in (line.get("points") or "").split())
        [chosen] = [dot for dot in panel.iter(f"{SVG}circle") if dot.get("class") == "chosen"]
        assert left[0] < right[0]
        assert left[1] > right[1], "better is higher"
        assert (float(chosen.get("cx") or 0), float(chosen.get("cy") or 0)) == right
        assert "crf 20, VMAF 94.0, 2.0Mb/s" in "".join(chosen.itertext())


def test_the_page_says_every_choice_and_escapes_what_people_wrote() -> None:
    page = hull_page(PLAN, "<film>.mp4")

    assert "&lt;film&gt;.mp4" in page
    assert "<film>" not in page
    assert page.count("a &lt; b") == 2


def test_letters_show_the_choice_above_its_target() -> None:
    lines = hull_letters(PLAN).splitlines()

    rows = [number for number, line in enumerate(lines[:15]) if "o" in line]
    target = next(number for number, line in enumerate(lines) if "---" in line)
    assert rows[-1] < target
    assert max(map(len, lines)) < 110
