"""Other people's players, in a real browser, with a title of ours through an edge."""

from typing import Any

import pytest

from tests.topology.installation import Installation, Visit, eventually

EACH_S = 4
PATIENCE_S = 120
PLAYERS = ("bijou", "hls", "hls-steered", "shaka-dash", "shaka-hls", "dash")
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
