import xml.etree.ElementTree as ET

from bijou.drills.drawing import Line, Panel, timeline_svg
from bijou.drills.peak import Try, over_time, tier_of
from bijou.drills.watching import Moment, moments_text


def test_a_drawing_is_well_formed_and_names_its_lines_and_marks() -> None:
    panels = [Panel("viewers", [Line("east <a>", [(0, 5), (10, 0)]), Line("west", [(0, 5), (10, 10)])])]

    drawn = timeline_svg("a & b", panels, [(4.0, "east killed"), (99.0, "beyond")])

    words = [element.text for element in ET.fromstring(drawn).iter() if element.text]
    assert {"a & b", "east <a>", "west", "east killed", "viewers"} <= set(words)


def test_nothing_to_draw_is_a_drawing_too() -> None:
    assert timeline_svg("empty", [Panel("none", [])]).startswith("<svg")


def test_a_table_shows_the_moment_of_each_mark() -> None:
    moments = [Moment(at_s / 2, {"east": 3}, 0, 1.0, 0, 0, 0.0) for at_s in range(200)]

    told = moments_text(moments, ["east", "west"], [(20.2, "killed"), (50.0, "back")])

    assert "    20.5       3       0" in told
    assert [line.split()[0] for line in told.splitlines() if line.endswith(("killed", "back"))] == [
        "20.5",
        "50.0",
    ]
    assert len(told.splitlines()) < 32


def test_availability_is_of_tries_and_times_are_of_those_that_went_well() -> None:
    tries = [Try("page", 0.1 * n, 0.01 * n, "503" if n == 9 else "") for n in range(10)]

    tier = tier_of("page", tries)

    assert (tier.tries, tier.availability, tier.troubles) == (10, 0.9, {"503": 1})
    assert tier.took_s == (0.04, 0.08, 0.08)
    assert over_time("page", tries) == [(0.5, 90.0)]
    assert tier_of("session", tries).availability == 1.0
