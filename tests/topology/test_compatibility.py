"""Other people's players, in a real browser, with a title of ours through an edge."""

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.topology.installation import Installation, Visit, eventually

EACH_S = 4
NAMES = {
    "shaka-dash-steered": ("Shaka, steered", "DASH"),
    "shaka-hls-steered": ("Shaka, steered", "HLS"),
    "dash-steered": ("dash.js, steered", "DASH"),
}
PATIENCE_S = 120
STEERED = ("shaka-dash-steered", "shaka-hls-steered", "dash-steered")
PLAYERS = ("bijou", "hls", "hls-steered", "shaka-dash", "shaka-hls", "dash", *STEERED)
FIGURES = "() => window.bijouCompatibility?.() ?? {}"


def enter(visit: Visit, installation: Installation, page: str) -> None:
    """Open a page of the console as the operator."""
    password = (installation.folder / "keys" / "operator.password").read_text().strip()
    visit.page.goto("/sign-in?next=/upload")
    visit.page.get_by_label("Name").fill("operator")
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(f"{installation.site}/upload")
    visit.page.goto(page)


@pytest.mark.browser
def test_hls_js_shaka_and_dash_js_play_the_same_title_through_the_edge(
    visit: Visit, installation: Installation, watched: dict[str, Any]
) -> None:
    fetched: list[str] = []
    visit.page.on("response", lambda answer: fetched.append(f"{answer.status} {answer.url}"))
    enter(visit, installation, f"/console/compatibility?title={watched['slug']}&region=west&each={EACH_S}")
    seen: dict[str, Any] = {}

    def tried() -> bool:
        through = bool(button.is_visible())
        seen.update(visit.page.evaluate(FIGURES))
        return through and len(seen) == len(PLAYERS)

    button = visit.page.get_by_role("button", name="Try each")
    button.click()
    took_s = eventually(tried, PATIENCE_S, f"every player has been tried; so far {seen}")
    visit.picture("compatibility")

    print(f"{took_s:.0f} s; first frames", {name: seen[name]["first_frame_ms"] for name in PLAYERS})
    assert not {name: figures for name, figures in seen.items() if figures["errors"]}
    assert not {name: figures for name, figures in seen.items() if figures["played_s"] < EACH_S}
    assert not {name: figures for name, figures in seen.items() if figures["frames"] < 12 * EACH_S}
    media = [line for line in fetched if ".m4s" in line]
    assert media
    assert all(line.startswith(f"200 {installation.edges['west']}/") for line in media), media
    assert any("/steer/" in line and line.startswith("200 ") for line in fetched), "hls.js was steered"
    assert not visit.complaints


class Unwell:
    """Viewers to whom a region fails whatever they ask of it, and who say so once a second."""

    def __init__(self, installation: Installation, slug: str, region: str, viewers: int = 6) -> None:
        self._edges, self._region = installation.edges, region
        self._queries: list[str] = []
        for _ in range(viewers):
            begun = urllib.request.Request(f"{installation.site}/api/titles/{slug}/playback", method="POST")
            with urllib.request.urlopen(begun, timeout=5) as answer:
                self._queries.append(urlsplit(json.load(answer)["reports"]).query)

    def say_so(self) -> None:
        failed = f'e=rr,rc=503,url="{self._edges[self._region]}/media/x.m4s",v=2\n'.encode()
        for edge in self._edges.values():
            for query in self._queries:
                kind = {"Content-Type": "application/cmcd"}
                with urllib.request.urlopen(
                    urllib.request.Request(f"{edge}/cmcd?{query}", failed, kind), timeout=5
                ):
                    pass

    def is_left(self) -> bool:
        """Say so, and tell whether all edges have turned from it."""
        self.say_so()
        for edge in self._edges.values():
            with urllib.request.urlopen(f"{edge}/healthz", timeout=5) as answer:
                ways = {way["region"]: way["level"] for way in json.load(answer)["pathways"]}
            if ways[self._region] == "up":
                return False
        return True


@pytest.mark.browser
def test_shaka_and_dash_js_follow_steering_from_a_region_that_is_unwell_and_the_picture_goes_on(
    visit: Visit, installation: Installation, watched: dict[str, Any]
) -> None:
    west = installation.edges["west"]
    unwell = Unwell(installation, watched["slug"], "east")
    enter(visit, installation, f"/console/compatibility?title={watched['slug']}&region=east&each=60")
    fetched: list[str] = []
    visit.page.on("response", lambda answer: fetched.append(f"{answer.status} {answer.url}"))
    eventually(unwell.is_left, 60, "steering turns from the region in the east")

    for name in STEERED:
        fetched.clear()
        button = visit.page.locator("li", has_text=NAMES[name][0]).filter(has_text=NAMES[name][1])
        button.get_by_role("button").click()

        def moved(way: str = name) -> bool:
            unwell.say_so()
            figures = visit.page.evaluate(FIGURES).get(way, {})
            media = [line for line in fetched if ".m4s" in line]
            return bool(figures.get("played_s", 0) > 7 and media and media[-1].startswith(f"200 {west}/"))

        took_s = eventually(moved, 60, f"{name} plays on from the west; {fetched[-5:]}")
        figures = visit.page.evaluate(FIGURES)[name]
        asked = [line for line in fetched if "/steer/" in line]
        print(f"{name}: {took_s:.0f} s, {figures['stalls']} stalls, {len(asked)} answers of steering")
        assert figures["errors"] == []
        assert any(line.startswith("200 ") for line in asked)
        assert any(".m4s" in line and line.startswith(f"200 {west}/") for line in fetched)
