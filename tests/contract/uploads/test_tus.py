"""tus 1.0.0 as its text has it, request by request over a real socket."""

import base64
import hashlib
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import httpx
import pytest

from bijou.encoding.service import EncodingService
from bijou.ingest.http import routes
from bijou.ingest.service import IngestService
from bijou.ports import Credentials, Principal, Role, VirtualClock
from bijou.runtime.http import service_app
from tests.contract.conftest import Doorman, Doorway
from tests.contract.uploads.conftest import film

pytestmark = pytest.mark.anyio

FILM = film(300_000)
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}
SAID = f"filename {base64.b64encode(b'sintel.mp4').decode()},draft"


class Cookied(Doorman):
    """Knows one person by cookie, whose changes must repeat a token."""

    async def principal(self, credentials: Credentials) -> Principal:
        if credentials.session:
            return Principal("usr_1", "ada", frozenset({Role.EDITOR}), csrf="token")
        return await super().principal(credentials)


@pytest.fixture
async def wire(doorway: Doorway, service: IngestService) -> AsyncIterator[httpx.AsyncClient]:
    doorway.app = service_app(routes(service, service.max_bytes), Cookied())
    headers = {"Authorization": "Bearer everybody", **TUS}
    async with httpx.AsyncClient(base_url=doorway.address, headers=headers, trust_env=False) as client:
        yield client


async def create(wire: httpx.AsyncClient, size_bytes: int = len(FILM)) -> str:
    made = await wire.post("/api/tus", headers={"Upload-Length": str(size_bytes), "Upload-Metadata": SAID})
    assert made.status_code == 201, made.text
    return made.headers["Location"]


async def patch(wire: httpx.AsyncClient, place: str, at: int, content: bytes, **more: str) -> httpx.Response:
    headers = {**OCTETS, "Upload-Offset": str(at), **{k.replace("_", "-"): v for k, v in more.items()}}
    return await wire.patch(place, content=content, headers=headers)


async def test_options_tell_what_is_spoken_to_anybody_of_any_version(doorway: Doorway, wire: object) -> None:
    async with httpx.AsyncClient(base_url=doorway.address, trust_env=False) as stranger:
        for place in ("/api/tus", "/api/tus/upl_1"):
            told = await stranger.options(place, headers={"Tus-Resumable": "0.2.2"})

            assert told.status_code == 204
            assert told.headers["Tus-Version"] == "1.0.0"
            assert told.headers["Tus-Max-Size"] == "50000000"
            assert told.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
            extensions = set(told.headers["Tus-Extension"].split(","))
            assert extensions == {
                "creation",
                "creation-with-upload",
                "checksum",
                "expiration",
                "termination",
            }


async def test_a_film_is_created_sent_in_two_and_asked_for(
    wire: httpx.AsyncClient, clock: VirtualClock, encoding: EncodingService
) -> None:
    place = await create(wire)
    first = await patch(wire, place, 0, FILM[:1000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    expires = parsedate_to_datetime(first.headers["Upload-Expires"])
    assert expires.timestamp() == clock.now() // 1_000_000 + 3600

    asked = await wire.head(place)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "1000")
    assert asked.headers["Upload-Length"] == str(len(FILM))
    assert asked.headers["Upload-Metadata"] == SAID
    assert asked.headers["Cache-Control"] == "no-store"
    last = await patch(wire, place, 1000, FILM[1000:])

    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(FILM)))
    assert (await wire.head(place)).headers["Upload-Offset"] == str(len(FILM))
    assert [job.filename for job in await encoding.jobs()] == ["sintel.mp4"]


async def test_every_answer_says_the_version_and_another_is_not_served(wire: httpx.AsyncClient) -> None:
    place = await create(wire)
    for method, where in (
        ("HEAD", place),
        ("PATCH", place),
        ("DELETE", place),
        ("POST", "/api/tus"),
        ("POST", place),
    ):
        refused = await wire.request(method, where, headers={"Tus-Resumable": "0.2.2"})

        assert (refused.status_code, refused.headers["Tus-Version"]) == (412, "1.0.0"), method
        assert refused.headers["Tus-Resumable"] == "1.0.0"
    unknown = await wire.request("HEAD", place, headers={"Authorization": ""})
    assert (unknown.status_code, unknown.headers["Tus-Resumable"]) == (401, "1.0.0")
    assert (await wire.head(place)).headers["Upload-Offset"] == "0", "nothing was processed"


async def test_bytes_sent_at_creation_are_kept(wire: httpx.AsyncClient, encoding: EncodingService) -> None:
    headers = {"Upload-Length": str(len(FILM)), "Upload-Metadata": SAID, **OCTETS}
    part = await wire.post("/api/tus", content=FILM[:5000], headers=headers)
    everything = await wire.post("/api/tus", content=FILM, headers=headers)

    assert (part.status_code, part.headers["Upload-Offset"]) == (201, "5000")
    assert "Upload-Expires" in part.headers
    assert (everything.status_code, everything.headers["Upload-Offset"]) == (201, str(len(FILM)))
    assert len(await encoding.jobs()) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": "0"}, 422),
        ({"Upload-Length": "50000001"}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "filename YQ==,filename YQ=="}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "filename no base64"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "filename YQ=="}, 201),
    ],
)
async def test_what_can_be_created(wire: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await wire.post("/api/tus", headers=headers)).status_code == status


async def test_what_can_be_sent(wire: httpx.AsyncClient) -> None:
    place = await create(wire)
    sums = {name: base64.b64encode(hashlib.new(name, FILM).digest()).decode() for name in ("sha1", "sha256")}

    async def status(content: bytes, at: int = 0, **more: str) -> int:
        return (await patch(wire, place, at, content, **more)).status_code

    assert await status(FILM[:5], 5) == 409
    assert await status(FILM, Content_Type="application/octet-stream") == 415
    assert await status(FILM + b"x") == 413
    assert await status(FILM, Upload_Offset="first") == 400
    assert await status(FILM, Upload_Checksum=f"md5 {sums['sha1']}") == 400
    assert await status(FILM, Upload_Checksum="sha1 !") == 400
    assert await status(FILM[:-1], Upload_Checksum=f"sha1 {sums['sha1']}") == 460
    assert await status(FILM[:-1], Upload_Checksum=f"sha256 {sums['sha256']}") == 460
    assert (await wire.head(place)).headers["Upload-Offset"] == "0"
    assert (await patch(wire, "/api/tus/upl_0", 0, FILM)).status_code == 404
    assert await status(FILM, Upload_Checksum=f"sha256 {sums['sha256']}") == 204


async def test_what_was_terminated_is_not_there(wire: httpx.AsyncClient) -> None:
    place = await create(wire)
    await patch(wire, place, 0, FILM[:1000])

    assert (await wire.delete(place)).status_code == 204

    gone = await wire.head(place)
    assert (gone.status_code, "Upload-Offset" in gone.headers) == (404, False)
    assert (await wire.delete(place)).status_code == 404


async def test_another_method_may_be_meant_where_it_cannot_walk_around_a_check(
    wire: httpx.AsyncClient,
) -> None:
    place = await create(wire)
    meant = {**OCTETS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await wire.post(place, content=FILM[:9], headers=meant)).headers["Upload-Offset"] == "9"
    asked = await wire.post(place, headers={"X-HTTP-Method-Override": "HEAD"})
    assert asked.headers["Upload-Offset"] == "9"
    for safe in ("HEAD", "OPTIONS"):
        refused = await wire.request(safe, place, headers={"X-HTTP-Method-Override": "DELETE"})
        assert refused.status_code == 400
    assert (await wire.post(place)).status_code == 400

    assert (await wire.post(place, headers={"X-HTTP-Method-Override": "delete"})).status_code == 204
    assert (await wire.head(place)).status_code == 404


async def test_a_cookie_alone_changes_nothing(doorway: Doorway, wire: httpx.AsyncClient) -> None:
    place = await create(wire)
    cookie = {"Cookie": "bijou_session=ada", **TUS}
    async with httpx.AsyncClient(base_url=doorway.address, headers=cookie, trust_env=False) as browser:
        for method, where in (("PATCH", place), ("DELETE", place), ("POST", place), ("POST", "/api/tus")):
            refused = await browser.request(method, where, headers={"Upload-Length": "5"})
            assert (refused.status_code, refused.json()["code"]) == (403, "http.csrf")

        taken = await patch(browser, place, 0, FILM[:9], X_CSRF_Token="token")

    assert taken.status_code == 204


async def test_what_was_announced_as_json_goes_on_by_tus(wire: httpx.AsyncClient) -> None:
    announced = await wire.post("/api/uploads", json={"filename": "sintel.mp4", "size_bytes": len(FILM)})
    place = f"/api/tus/{announced.json()['id']}"

    assert (await patch(wire, place, 0, FILM)).status_code == 204
    assert "Upload-Metadata" not in (await wire.head(place)).headers
