"""What every edge promises, whoever makes it: ours, Varnish and nginx as we configure them."""

import asyncio
import contextlib
import threading
from itertools import count

import pytest

from tests.contract.conformance.conftest import Edge
from tests.contract.conformance.engines import ASSET, BASE, BODY, House
from tests.contract.delivery.scene import Client, Reply, ask, connected, patiently

SEGMENT = f"{BASE}/v360/00001.m4s"
FRESH = count(1)


def fresh(house: House, content: bytes = BODY, name: str = "m4s") -> str:
    """Publish something that no edge has seen yet; return its path."""
    return house.publish(f"media/{ASSET}/v720/{next(FRESH):05}.{name}", content)


def signed(edge: Edge, path: str, token: str | None = None) -> str:
    return f"{path}?token={edge.house.token() if token is None else token}"


def test_media_come_whole_with_type_and_may_be_kept_for_ever(edge: Edge) -> None:
    async def act(client: Client) -> None:
        for _ in range(2):
            reply = await client.ask(signed(edge, SEGMENT))

            assert (reply.status, reply.body) == (200, BODY)
            assert reply.fields["content-type"] == "video/iso.segment"
            assert reply.fields["cache-control"] == "public, max-age=31536000, immutable"
            assert reply.fields["etag"]

    edge.play(act)


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("0-0", 0, 1), ("2-5", 2, 6), ("100-", 100, None), ("-4", -4, None)]
)
def test_a_range_is_that_part_of_the_whole(edge: Edge, asked: str, start: int, stop: int | None) -> None:
    async def act(client: Client) -> None:
        for path in (SEGMENT, fresh(edge.house)):
            reply = await client.ask(signed(edge, path), Range=f"bytes={asked}")

            part = BODY[start:stop]
            assert (reply.status, reply.body) == (206, part)
            assert reply.fields["content-range"].endswith(f"/{len(BODY)}")

    edge.play(act)


def test_a_range_beyond_the_end_is_416(edge: Edge) -> None:
    async def act(client: Client) -> None:
        await client.ask(signed(edge, SEGMENT))
        reply = await client.ask(signed(edge, SEGMENT), Range=f"bytes={len(BODY)}-")

        assert (reply.status, reply.fields["content-range"]) == (416, f"bytes */{len(BODY)}")

    edge.play(act)


@pytest.mark.parametrize("asked", ["items=0-1", "bytes=0-1,4-5"])
def test_what_is_no_single_range_gets_the_whole(edge: Edge, asked: str) -> None:
    async def act(client: Client) -> None:
        await client.ask(signed(edge, SEGMENT))

        reply = await client.ask(signed(edge, SEGMENT), Range=asked)

        assert (reply.status, reply.body) == (200, BODY)

    edge.play(act)


def test_head_says_what_get_would_and_sends_no_body(edge: Edge) -> None:
    async def act(client: Client) -> None:
        for path in (SEGMENT, fresh(edge.house)):
            head = await client.ask(signed(edge, path), "HEAD")
            get = await client.ask(signed(edge, path))

            assert (head.status, head.body) == (200, b"")
            for name in ("content-length", "content-type", "etag", "cache-control"):
                assert head.fields[name] == get.fields[name]

    edge.play(act)


def test_what_the_client_has_already_is_304(edge: Edge) -> None:
    async def act(client: Client) -> None:
        etag = (await client.ask(signed(edge, SEGMENT))).fields["etag"]

        same = await client.ask(signed(edge, SEGMENT), If_None_Match=etag)
        other = await client.ask(signed(edge, SEGMENT), If_None_Match='"other"')

        assert (same.status, same.body, other.status) == (304, b"", 200)

    edge.play(act)


def test_every_page_may_read_answers_and_refusals_alike(edge: Edge) -> None:
    async def scene() -> None:
        for path in (signed(edge, SEGMENT), signed(edge, f"{BASE}/none.m4s"), SEGMENT, "/nowhere"):
            reply = await ask(edge.port, path)

            assert reply.fields["access-control-allow-origin"] == "*", path

    asyncio.run(patiently(scene()))


def test_a_preflight_is_allowed(edge: Edge) -> None:
    async def act(client: Client) -> None:
        reply = await client.ask(signed(edge, SEGMENT), "OPTIONS", Access_Control_Request_Method="GET")

        assert (reply.status, reply.body) == (204, b"")
        assert reply.fields["access-control-max-age"] == "86400"
        assert "Range" in reply.fields["access-control-allow-headers"]

    edge.play(act)


def test_other_methods_are_refused(edge: Edge) -> None:
    async def scene() -> None:
        for method in ("POST", "DELETE", "PURGE", "CONNECT"):
            async with connected(edge.port) as client:
                await client.say(f"{method} {SEGMENT} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                status, _ = await client.head()

                assert status in {400, 405}, method

    asyncio.run(patiently(scene()))


def test_what_is_not_published_is_not_here_and_the_origin_is_asked_once(edge: Edge) -> None:
    async def scene() -> None:
        absent = f"{BASE}/v720/absent{next(FRESH)}.m4s"
        replies = [await ask(edge.port, signed(edge, absent)) for _ in range(2)]
        private = await ask(edge.port, "/uploads/upl_1")

        assert [reply.status for reply in (*replies, private)] == [404, 404, 404]
        assert edge.house.origin.fetches(absent) == 1

    asyncio.run(patiently(scene()))


def test_tokens_let_in_by_query_and_by_path_and_nothing_else_does(edge: Edge) -> None:
    async def scene() -> None:
        house, good = edge.house, edge.house.token()
        for path, status in (
            (f"{SEGMENT}?token={good}", 200),
            (f"{SEGMENT}?CMCD=sid%3D%22ses_1%22&token={good}", 200),
            (f"/t/{good}{SEGMENT}", 200),
            (SEGMENT, 403),
            (f"{SEGMENT}?token=", 403),
            (f"{SEGMENT}?token={good[:-1]}{'A' if good[-1] != 'A' else 'B'}", 403),
            (f"{SEGMENT}?token={house.token(for_s=-1)}", 403),
            (f"{SEGMENT}?token={house.token('ast_other')}", 403),
            (f"/t/{good}x{SEGMENT}", 403),
            (f"/t/{good}/healthz", 403 if edge.engine.startswith("ours") else 404),
            (f"{BASE}/stills/poster.jpg", 200),
            (f"{BASE}/cap-en/00001.vtt", 403),
        ):
            reply = await ask(edge.port, path)

            assert reply.status == status, path
            assert reply.body == BODY or status != 200 or "poster" in path

    asyncio.run(patiently(scene()))


def test_a_forged_token_is_no_key_to_what_is_in_the_cache(edge: Edge) -> None:
    async def scene() -> None:
        path = fresh(edge.house)
        assert (await ask(edge.port, signed(edge, path))).status == 200

        for token in ("", "forged", edge.house.token("ast_other")):
            assert (await ask(edge.port, signed(edge, path, token))).status == 403

    asyncio.run(patiently(scene()))


def test_all_sessions_share_one_copy(edge: Edge) -> None:
    async def scene() -> None:
        path = fresh(edge.house)
        for number in range(4):
            token = edge.house.token(session=f"ses_{number}")
            query = await ask(edge.port, f"{path}?token={token}&x={number}")
            in_path = await ask(edge.port, f"/t/{token}{path}")

            assert (query.body, in_path.body) == (BODY, BODY)
        assert edge.house.origin.fetches(path) == 1

    asyncio.run(patiently(scene()))


def test_fields_of_a_client_neither_reach_the_origin_nor_change_what_others_get(edge: Edge) -> None:
    poison = {
        "X_Forwarded_Host": "evil.example", "X_Forwarded_For": "1.2.3.4", "X_Original_URL": "/uploads/upl_1",
        "X_Rewrite_URL": "/uploads/upl_1", "X_HTTP_Method_Override": "DELETE",
        "Forwarded": "host=evil.example", "Cookie": "a=b",
    }  # fmt: skip

    async def scene() -> None:
        path = fresh(edge.house)
        async with connected(edge.port) as client:
            first = await client.ask(signed(edge, path), **poison)
        async with connected(edge.port) as client:
            await client.say(f"GET {signed(edge, path)} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
            second = await client.reply()

        asked = [request for request in edge.house.origin.asked if request.path == path]
        assert (first.body, second.body, len(asked)) == (BODY, BODY, 1)
        names = {name.lower().replace("_", "-").encode() for name in poison}
        assert not names & set(asked[0].fields)
        assert b"evil.example" not in b"".join(asked[0].fields.values())

    asyncio.run(patiently(scene()))


@pytest.mark.parametrize(
    "target",
    [
        "/media/../uploads/upl_1",
        "/media/%2e%2e/uploads/upl_1",
        "/media/%252e%252e/uploads/upl_1",
        "/media/..%2fuploads%2fupl_1",
        "/media/x/..\\..\\uploads\\upl_1",
        f"/media/{ASSET}/./v360/00001.m4s",
        f"/media/{ASSET}%2fv360%2f00001.m4s",
        f"/media//{ASSET}/v360/00001.m4s",
        f"/media/{ASSET}/v360/00001.m4s%00.jpg",
        "/media/%c0%ae%c0%ae/uploads/upl_1",
    ],
)
def test_targets_with_two_readings_are_refused(edge: Edge, target: str) -> None:
    async def scene() -> None:
        async with connected(edge.port) as client:
            await client.say(
                f"GET {target}?token={edge.house.token('')} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
            )
            status, _ = await client.head()

            assert status in {400, 403, 404}

    asyncio.run(patiently(scene()))


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 36\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: 36\r\nContent-Length: 0\r\n",
        b"Content-Length: +36\r\n",
        b"Content-Length: 0x24\r\n",
        b"X: 1\r\n Transfer-Encoding: chunked\r\n",
        b"X: 1\nTransfer-Encoding: chunked\r\n",
    ],
    ids=lambda fields: fields.decode().strip().replace("\r\n", "|").replace("\n", "!"),
)
def test_no_second_request_is_smuggled_behind_a_first(edge: Edge, fields: bytes) -> None:
    async def scene() -> None:
        async with connected(edge.port) as client:
            with contextlib.suppress(ConnectionError):
                head = f"GET {signed(edge, SEGMENT)} HTTP/1.1\r\nHost: t\r\n".encode()
                await client.say(head + fields + b"\r\n" + SMUGGLED)
                client.writer.write_eof()
            answers = await client.rest()

        assert answers.count(b"HTTP/1.1 ") <= 1
        assert b"healthy" not in answers

    asyncio.run(patiently(scene()))


def test_a_head_without_end_is_refused(edge: Edge) -> None:
    async def scene() -> None:
        async with connected(edge.port) as client:
            with contextlib.suppress(ConnectionError):
                await client.say(b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 200_000)
            answer = await client.rest()

        assert not answer or int(answer.split(b" ")[1]) in {400, 414, 431}

    asyncio.run(patiently(scene()))


def test_a_crowd_at_a_cold_object_costs_the_origin_one_fetch(edge: Edge) -> None:
    async def scene() -> list[Reply]:
        path = fresh(edge.house)
        edge.house.origin.gate_open.clear()
        asking = [asyncio.ensure_future(ask(edge.port, signed(edge, path))) for _ in range(40)]
        while not edge.house.origin.fetches(path):
            await asyncio.wait(asking, timeout=0.01)
        edge.house.origin.gate_open.set()
        replies = await asyncio.gather(*asking)
        assert edge.house.origin.fetches(path) == 1
        return replies

    try:
        replies = asyncio.run(patiently(scene()))
    finally:
        edge.house.origin.gate_open.set()

    assert {reply.body for reply in replies} == {BODY}


def test_what_waits_reads_an_object_before_it_is_whole(edge: Edge) -> None:
    """Asked of a second house, whose origin stops in the middle until it is told to go on."""
    go_on = threading.Event()
    half = len(BODY) // 2
    path = fresh(edge.house)
    blobs = edge.house.blobs
    read = blobs.read

    async def halting(key: str, start: int = 0, stop: int | None = None):  # type: ignore[no-untyped-def]
        async for piece in read(key, start, half):
            yield piece
        while not go_on.is_set():
            await edge.house.clock.sleep(0.002)
        async for piece in read(key, half, stop):
            yield piece

    async def scene() -> None:
        async with connected(edge.port) as first, connected(edge.port) as second:
            heads = []
            for client in (first, second):
                await client.say(f"GET {signed(edge, path)} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                heads.append(await client.head())
                assert await client.reader.readexactly(half) == BODY[:half]
            go_on.set()
            for client in (first, second):
                assert await client.reader.readexactly(len(BODY) - half) == BODY[half:]

    blobs.read = halting  # type: ignore[method-assign]
    try:
        asyncio.run(asyncio.wait_for(scene(), 5))
    finally:
        go_on.set()
        blobs.read = read  # type: ignore[method-assign]
