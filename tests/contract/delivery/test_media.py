"""What every server of media promises: origin, cold edge, warm edge, on either loop."""

import asyncio
import json
from random import Random

import pytest

from bijou.delivery.http import ENDPOINTS
from tests.contract.delivery.conftest import BIG, BODY, MEDIA, Stage
from tests.contract.delivery.scene import Client, ask, connected

SEGMENT = "/media/ast_1/v360/00001.m4s"
GET = f"GET {SEGMENT} HTTP/1.1\r\nHost: t\r\n\r\n".encode()


def test_media_come_whole_with_their_type_and_may_be_kept_for_ever(stage: Stage) -> None:
    async def act(client: Client) -> None:
        for path, kind in {
            "master.m3u8": "application/vnd.apple.mpegurl",
            "manifest.mpd": "application/dash+xml",
            "v360/init.mp4": "video/mp4",
            "v360/00001.m4s": "video/iso.segment",
            "v360/00002.m4s": "video/iso.segment",
            "poster.jpg": "image/jpeg",
            "sprite.vtt": "text/vtt",
            "empty.m4s": "video/iso.segment",
        }.items():
            reply = await client.ask(f"/media/ast_1/{path}?token=ignored")

            assert (reply.status, reply.body) == (200, MEDIA[f"media/ast_1/{path}"])
            assert reply.fields["content-type"] == kind
            assert reply.fields["cache-control"] == "public, max-age=31536000, immutable"
            assert reply.fields["last-modified"] == "Sun, 01 Mar 2026 12:00:00 GMT"
            assert reply.fields["accept-ranges"] == "bytes"

    stage.play(act)


def test_a_playlist_that_still_grows_may_be_kept_for_a_second(stage: Stage) -> None:
    async def act(client: Client) -> None:
        playlist = MEDIA["media/ast_1/live/v360.m3u8"]
        for fields, status, body in (
            ({}, 200, playlist),
            ({"Range": "bytes=8-"}, 206, playlist[8:]),
            ({"Range": "bytes=999-"}, 416, b""),
            ({"If_None_Match": "*"}, 304, b""),
        ):
            reply = await client.ask("/media/ast_1/live/v360.m3u8", **fields)

            assert (reply.status, reply.body) == (status, body)
            assert reply.fields["cache-control"] == "public, max-age=1, stale-if-error=30"
        head = await client.ask("/media/ast_1/live/v360.m3u8", "HEAD")
        assert (head.status, head.fields["content-length"]) == (200, str(len(playlist)))

    stage.play(act)


def test_every_page_may_read_answers_and_errors_alike(stage: Stage) -> None:
    async def act(client: Client) -> None:
        for path in (SEGMENT, "/media/none.m4s", "/nowhere", "/healthz"):
            fields = (await client.ask(path)).fields

            assert fields["access-control-allow-origin"] == "*"
            assert {"X-Cache", "Content-Range"} <= set(fields["access-control-expose-headers"].split(", "))
            assert fields["timing-allow-origin"] == "*"
            assert fields["x-content-type-options"] == "nosniff"

    stage.play(act)


def test_a_preflight_is_allowed_for_a_day(stage: Stage) -> None:
    async def act(client: Client) -> None:
        reply = await client.ask(SEGMENT, "OPTIONS", Access_Control_Request_Method="GET")

        assert (reply.status, reply.body) == (204, b"")
        assert reply.fields["access-control-max-age"] == "86400"
        assert {"Range", "CMCD-Session"} <= set(reply.fields["access-control-allow-headers"].split(", "))

    stage.play(act)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("2-5", 2, 6),
        ("100-", 100, None),
        ("-4", -4, None),
        ("10240-99999", 10240, None),
        ("-99999", 0, None),
    ],
)
def test_a_range_is_that_part_of_the_whole(stage: Stage, asked: str, start: int, stop: int | None) -> None:
    async def act(client: Client) -> None:
        reply = await client.ask(SEGMENT, Range=f"bytes={asked}")

        part = BODY[start:stop]
        first = BODY.index(part) if asked != "-99999" else 0
        assert (reply.status, reply.body) == (206, part)
        assert reply.fields["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(BODY)}"

    stage.play(act)


@pytest.mark.parametrize(
    "asked", ["items=0-1", "bytes=1-0", "bytes=0-1,4-5", "bytes=-", "bytes=a-b", "bytes=1 -2"]
)
def test_what_is_no_single_range_gets_the_whole(stage: Stage, asked: str) -> None:
    async def act(client: Client) -> None:
        assert (await client.ask(SEGMENT, Range=asked)).body == BODY

    stage.play(act)


def test_a_range_beyond_the_end_is_416_with_the_size(stage: Stage) -> None:
    async def act(client: Client) -> None:
        for asked in (f"bytes={len(BODY)}-", "bytes=-0", "bytes=18446744073709551615-"):
            reply = await client.ask(SEGMENT, Range=asked)

            assert (reply.status, reply.fields["content-range"]) == (416, f"bytes */{len(BODY)}")

    stage.play(act)


def test_if_range_gives_the_part_only_of_the_same_representation(stage: Stage) -> None:
    async def act(client: Client) -> None:
        known = (await client.ask(SEGMENT)).fields
        for condition, status in (
            (known["etag"], 206),
            (known["last-modified"], 206),
            (f"W/{known['etag']}", 200),
            ('"other"', 200),
            ("Sun, 01 Mar 2026 11:59:59 GMT", 200),
        ):
            assert (await client.ask(SEGMENT, Range="bytes=0-9", If_Range=condition)).status == status

    stage.play(act)


def test_what_the_client_has_already_is_304_and_has_no_body(stage: Stage) -> None:
    async def act(client: Client) -> None:
        etag = (await client.ask(SEGMENT, "HEAD")).fields["etag"]
        for fields, status in (
            ({"If_None_Match": etag}, 304),
            ({"If_None_Match": f'"x", W/{etag}'}, 304),
            ({"If_None_Match": "*"}, 304),
            ({"If_None_Match": '"x"', "If_Modified_Since": "Sun, 01 Mar 2026 12:00:00 GMT"}, 200),
            ({"If_Modified_Since": "Sun, 01 Mar 2026 12:00:00 GMT"}, 304),
            ({"If_Modified_Since": "Sun, 01 Mar 2026 11:59:59 GMT"}, 200),
            ({"If_Modified_Since": "last week"}, 200),
        ):
            reply = await client.ask(SEGMENT, **fields)

            assert (reply.status, len(reply.body)) == (status, 0 if status == 304 else len(BODY))
            assert reply.fields["etag"] == etag

    stage.play(act)


def test_head_says_what_get_would_and_sends_no_body(stage: Stage) -> None:
    async def act(client: Client) -> None:
        head = await client.ask(SEGMENT, "HEAD", Range="bytes=0-1")
        get = await client.ask(SEGMENT)

        for name in ("content-length", "content-type", "etag", "last-modified", "cache-control"):
            assert head.fields[name] == get.fields[name]
        assert head.status == 200

    stage.play(act)


def test_only_what_lies_under_media_is_public(stage: Stage) -> None:
    async def act(client: Client) -> None:
        for path in (
            "/uploads/upl_1",
            "/media",
            "/media/",
            "/media/ast_1",
            "/media//ast_1/x",
            "/media/.hidden",
            "/",
        ):
            reply = await client.ask(path)

            assert reply.status == 404
            assert reply.fields["content-type"] == "application/problem+json"
            assert reply.problem.code in {"delivery.no_media", "delivery.no_address"}

    stage.play(act)


AMBIGUOUS = [
    b"GET /media/../uploads/upl_1 HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/%2e%2e/uploads/upl_1 HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/..%2fuploads%2fupl_1 HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/ast_1/%00 HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/%zz HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/\xff HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost : t\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost: t\r\n folded\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost: t\nX: y\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"GET /media/a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /media/a HTTP/1.1\r\nHost: t\r\nContent-Length: +0\r\n\r\n",
    b"GET  /media/a HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /media/a\r\nHost: t\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
]


def test_what_two_parties_could_read_differently_is_400_and_the_end(stage: Stage) -> None:
    async def act(port: int) -> None:
        for request in AMBIGUOUS:
            async with connected(port) as client:
                await client.say(request + GET)
                reply = await client.reply()

                assert (reply.status, reply.problem.status) == (400, 400), request
                assert reply.fields["connection"] == "close"
                assert await client.rest() == b"", request

    stage.play_at(act)


def test_a_head_over_its_limits_is_431_and_the_end(stage: Stage) -> None:
    async def act(port: int) -> None:
        for filler in (b"X: " + b"y" * 20_000 + b"\r\n", b"X: y\r\n" * 101):
            async with connected(port) as client:
                await client.say(b"GET / HTTP/1.1\r\nHost: t\r\n" + filler + b"\r\n")

                assert (await client.reply()).status == 431
                assert await client.rest() == b""

    stage.play_at(act)


def test_the_table_of_routes_is_what_the_protocol_answers_and_every_other_method_is_refused(
    stage: Stage,
) -> None:
    async def act(port: int) -> None:
        table = {(row.method, row.path) for row in ENDPOINTS}
        for path, template in ((SEGMENT, "/media/{key:path}"), ("/healthz", "/healthz")):
            for method in (
                "GET",
                "HEAD",
                "OPTIONS",
                "POST",
                "PUT",
                "PATCH",
                "DELETE",
                "TRACE",
                "CONNECT",
                "BREW",
                "get",
            ):
                reply = await ask(port, path, method)

                assert (reply.status in {200, 204}) == ((method, template) in table), method
                if (method, template) not in table:
                    assert (reply.status, reply.fields["allow"]) == (405, "GET, HEAD, OPTIONS")

    stage.play_at(act)


def test_versions_other_than_http_1_are_505(stage: Stage) -> None:
    async def act(client: Client) -> None:
        await client.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

        assert (await client.reply()).status == 505
        assert await client.rest() == b""

    stage.play(act)


def test_pipelined_requests_are_answered_in_their_order(stage: Stage) -> None:
    async def act(client: Client) -> None:
        big = GET.replace(b"00001", b"00002")
        nothing = GET.replace(b"00001", b"00003")
        await client.say(GET + big + nothing + big + GET)
        replies = [await client.reply() for _ in range(5)]

        assert [reply.status for reply in replies] == [200, 200, 404, 200, 200]
        assert [replies[at].body for at in (0, 1, 3, 4)] == [BODY, BIG, BIG, BODY]

    stage.play(act)


def test_a_request_that_comes_byte_by_byte_is_the_same_request(stage: Stage) -> None:
    async def act(client: Client) -> None:
        for byte in GET:
            await client.say(bytes([byte]))

        assert (await client.reply()).body == BODY

    stage.play(act)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("HTTP/1.1", True),
        ("HTTP/1.1\r\nConnection: close", False),
        ("HTTP/1.0", False),
        ("HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_the_connection_is_kept_exactly_when_both_sides_say_so(stage: Stage, line: str, kept: bool) -> None:  # noqa: FBT001
    async def act(client: Client) -> None:
        await client.say(f"GET {SEGMENT} {line}\r\nHost: t\r\n\r\n".encode())
        reply = await client.reply()

        assert (reply.status, reply.body) == (200, BODY)
        assert reply.fields.get("connection", "keep-alive") == ("keep-alive" if kept else "close")
        if kept:
            assert (await client.ask(SEGMENT)).status == 200
        else:
            assert await client.rest() == b""

    stage.play(act)


def test_an_absolute_target_and_an_empty_line_before_it_are_understood(stage: Stage) -> None:
    async def act(client: Client) -> None:
        await client.say(f"\r\nGET http://t:80{SEGMENT}?q HTTP/1.1\r\nHost: t\r\n\r\n".encode())

        assert (await client.reply()).body == BODY
        assert (await client.ask("*", "OPTIONS")).status == 204

    stage.play(act)


def test_garbage_kills_nobody(stage: Stage) -> None:
    async def act(port: int) -> None:
        chance = Random(7)
        pieces = [GET, b"\r\n\r\n", b"GET ", b"HTTP/1.1", b": ", b"\x00", b"%", b"/", b"Range: bytes=", b"\n"]
        async with connected(port) as bystander:
            for _ in range(60):
                async with connected(port) as client:
                    noise = b"".join(
                        chance.choice([*pieces, chance.randbytes(9)]) for _ in range(chance.randrange(30))
                    )
                    client.writer.write(noise)
                    client.writer.write_eof()
                    await client.rest()
            assert (await bystander.ask(SEGMENT)).body == BODY

    stage.play_at(act)


def test_many_clients_at_once_get_what_each_asked_for(stage: Stage) -> None:
    async def act(port: int) -> None:
        replies = await asyncio.gather(
            *(ask(port, f"/media/ast_1/v360/0000{1 + n % 2}.m4s", Range=f"bytes={n}-") for n in range(40))
        )

        assert [reply.body for reply in replies] == [(BODY, BIG)[n % 2][n:] for n in range(40)]

    stage.play_at(act)


def test_health_tells_name_version_and_counts(stage: Stage) -> None:
    async def act(client: Client) -> None:
        await client.ask(SEGMENT)
        reply = await client.ask("/healthz")

        assert (reply.status, reply.fields["cache-control"]) == (200, "no-store")
        health = json.loads(reply.body)
        assert health["service"] == stage.kind.partition("-")[0]
        assert health["healthy"] is True
        assert health["statistics"]["requests"] >= 1
        assert health["statistics"]["connections"] == 1

    stage.play(act)
