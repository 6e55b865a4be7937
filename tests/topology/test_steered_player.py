"""The player in a real browser, steered by the real edges, and one of them falls silent."""

import contextlib
import json
import os
import signal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Request, Response

from tests.topology.installation import Installation, Visit, eventually

# Fetches no more than this ahead, so that something is left to be fetched when an edge falls silent.
SHORT_BUFFER = """() => { let held; Object.defineProperty(window, "bijouPlayer", {
  configurable: true,
  get: () => held,
  set: (player) => {
    held = player;
    Object.assign(player.hls.config, { maxBufferLength: 10, maxMaxBufferLength: 10, maxBufferSize: 0 });
  },
}); }"""


class Heard:
    """What a page sent, by where it went."""

    def __init__(self, visit: Visit) -> None:
        self.media: list[str] = []
        self.asked: list[str] = []
        self.reports: list[str] = []
        self.taken: list[int] = []
        visit.page.on("request", self._request)
        visit.page.on("response", self._response)

    def _request(self, request: Request) -> None:
        place = urlsplit(request.url)
        if place.path.endswith(".m4s"):
            self.media.append(request.url)
        elif place.path.startswith("/steer/"):
            self.asked.append(request.url)
        elif place.path == "/cmcd" and request.method == "POST":
            self.reports += (request.post_data or "").splitlines()

    def _response(self, response: Response) -> None:
        if urlsplit(response.url).path == "/cmcd" and response.request.method == "POST":
            self.taken.append(response.status)

    def told(self, text: str) -> bool:
        return any(text in line for line in self.reports)


def watch(visit: Visit, slug: str) -> dict[str, Any]:
    """Open a film and return its session."""
    with visit.page.expect_response("**/playback") as begun:
        visit.page.goto(f"/watch/{slug}")
    session: dict[str, Any] = json.loads(begun.value.body())
    eventually(lambda: visit.player()["currentTime"] > 0.5, 40, "the film has begun")
    return session


def steered_by(visit: Visit, host: str) -> bool:
    state = visit.player()
    return bool(state["steering"]["host"] == host and state["pathwayOrder"][0] == "west")


@pytest.mark.browser
def test_a_player_is_steered_tells_what_it_sees_and_says_so(
    visit: Visit, installation: Installation, watched: dict[str, Any]
) -> None:
    heard = Heard(visit)

    session = watch(visit, watched["slug"])
    eventually(lambda: visit.player()["steering"]["answered_ms"] is not None, 20, "steering has answered")
    visit.page.keyboard.press("n")
    visit.page.get_by_text("Decided by").wait_for()
    visit.picture("player-steering")
    # Asking the page is also what brings the news of its requests.
    eventually(
        lambda: visit.player() and heard.told("msd=") and heard.taken,
        40,
        "an edge was told how long the start took",
    )
    state = visit.player()

    assert (state["pathwayDecider"], state["errors"]) == ("steering", [])
    assert sorted(state["pathwayOrder"]) == ["east", "west"]
    assert set(heard.taken) == {204}
    assert parse_qs(urlsplit(heard.asked[0]).query)["_HLS_pathway"] == ['"east"']
    said = [parse_qs(urlsplit(address).query)["CMCD"][0] for address in heard.media]
    assert said
    assert all(f'sid="{session["id"]}"' in text for text in said)
    assert any("nor=(" in text for text in said)
    assert heard.told("rc=200")
    assert not heard.told("token=")
    assert not visit.complaints


@pytest.mark.browser
def test_a_player_leaves_an_edge_that_fell_silent_and_is_steered_by_the_other(
    visit: Visit, installation: Installation, watched: dict[str, Any]
) -> None:
    visit.page.add_init_script(f"({SHORT_BUFFER})()")
    watch(visit, watched["slug"])
    east = installation.pids("edge-east")
    west = urlsplit(installation.edges["west"]).netloc

    for pid in east:
        os.kill(pid, signal.SIGSTOP)
    try:
        moved_s = eventually(lambda: visit.player()["pathway"] == "west", 40, "the player moved")
        steered_s = eventually(lambda: steered_by(visit, west), 40, "the other edge steers")
        eventually(lambda: visit.player()["currentTime"] > 14, 60, "the film goes on beyond its buffer")
    finally:
        for pid in east:
            with contextlib.suppress(ProcessLookupError):  # its supervisor may have lost patience
                os.kill(pid, signal.SIGCONT)

    state = visit.player()
    print(
        f"moved after {moved_s:.1f} s, steered there after {steered_s:.1f} s more; {state['stalls']} stalls"
    )
    assert not [error for error in state["errors"] if error["fatal"]]
    eventually(installation.healthy, 30, "all healthy")
