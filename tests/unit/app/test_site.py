import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from bijou.app.site import Site, routes
from bijou.runtime.http import service_app


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for name, content in {
        "index.html": "<title>site</title>" + "x" * 2000,
        "console/index.html": "<title>console</title><script>let theme;</script>",
        "assets/app-1a2b.js": "export {};" * 500,
        "favicon.svg": "<svg/>",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def get(folder: Path, path: str, **headers: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport: Any = httpx.ASGITransport(service_app(routes(Site(folder, ["http://127.0.0.2:8810"]))))
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(one())


@pytest.mark.parametrize("path", ["/", "/t/any-title", "/watch/any-title", "/upload", "/sign-in"])
def test_a_page_of_the_site_is_its_entry(built: Path, path: str) -> None:
    answer = get(built, path)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert "<title>site" in answer.text


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/titles"])
def test_a_page_of_the_console_is_its_own_entry(built: Path, path: str) -> None:
    assert "<title>console" in get(built, path).text


def test_a_page_may_reach_its_own_service_and_the_edges_and_nobody_else(built: Path) -> None:
    policy = get(built, "/").headers["content-security-policy"]

    assert "connect-src 'self' blob: http://127.0.0.2:8810;" in policy
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy


def test_a_small_script_of_our_own_page_may_run_and_no_other(built: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(b"let theme;").digest()).decode()

    policy = get(built, "/console/").headers["content-security-policy"]

    assert f"script-src 'self' 'sha256-{digest}';" in policy


def test_an_asset_is_cached_for_ever_and_shrunk_for_those_who_can(built: Path) -> None:
    plain, shrunk = (
        get(built, "/assets/app-1a2b.js", **{"Accept-Encoding": c}) for c in ("identity", "gzip")
    )

    assert "immutable" in plain.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    assert shrunk.headers["content-encoding"] == "gzip"
    assert shrunk.text == plain.text


def test_an_address_that_is_no_page_gets_the_page_that_says_so(built: Path) -> None:
    answer = get(built, "/nowhere/at/all")

    assert answer.status_code == 404
    assert "<title>site" in answer.text


@pytest.mark.parametrize(
    "path", ["/assets/../index.html", "/assets/none.js", "/api/none", "/assets/%2e%2e/index.html"]
)
def test_nothing_but_built_files_is_an_asset(built: Path, path: str) -> None:
    assert get(built, path).status_code == 404


def test_a_site_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    assert "./run site" in get(tmp_path, "/").text
