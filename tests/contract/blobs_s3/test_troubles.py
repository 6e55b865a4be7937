"""A store that dies, stalls, refuses or lies, and what an operator then reads."""

import asyncio
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bijou.engines import s3_bucket
from bijou.engines.s3 import S3Blobs
from bijou.engines.s3_place import S3Place
from bijou.ports import BijouError, EngineUnavailable, Instant, NotFound, Overloaded, VirtualClock
from tests.contract.blobs_s3.emulator import KEY, Emulator, place_at
from tests.contract.blobs_s3.front import (
    Front,
    Spoil,
    answering,
    cutting,
    dripping,
    front_of,
    losing,
    refusing,
    silent,
)

CONTENT = Random(6).randbytes(300_000)
NOW = Instant.parse("2026-03-01T12:00:00Z")
Scene = Callable[[S3Blobs, Front], Awaitable[Any]]
Play = Callable[..., Any]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "_FIRST_WAIT", timedelta(milliseconds=5))
    monkeypatch.setattr(s3_bucket, "_LONGEST_WAIT", timedelta(milliseconds=20))


@pytest.fixture
def play(store: Emulator, prefix: str) -> Play:
    """Run a scene with blobs behind a front; the first put's trial is over, and `k` holds CONTENT."""

    def run(scene: Scene, *, stall_s: float = 5.0) -> Any:
        async def prepared() -> Any:
            async with front_of(store.port) as front:
                place = store.place(prefix, front.port)
                await S3Blobs(place, VirtualClock(NOW), Random(1), KEY).put("k", CONTENT)
                front.asked.clear()
                blobs = S3Blobs(place, VirtualClock(NOW), Random(1), KEY, stall_s=stall_s)
                blobs._keeps_creation = True
                return await scene(blobs, front)

        return asyncio.run(prepared())

    return run


async def all_of(blobs: S3Blobs, key: str = "k") -> bytes:
    return b"".join([piece async for piece in blobs.read(key)])


async def keys_of(blobs: S3Blobs) -> list[str]:
    return [key async for key in blobs.keys("")]


async def trouble_of(work: Coroutine[Any, Any, object]) -> BijouError:
    with pytest.raises(BijouError) as refused:
        await work
    return refused.value


def test_a_reader_goes_on_where_the_connection_broke(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("GET", cutting(100_000), cutting(50_000))

        assert await all_of(blobs) == CONTENT

        assert front.methods() == ["GET"] * 3
        assert front.asked[1].header("range").startswith("bytes=")

    play(scene)


def test_a_reader_whose_blob_was_replaced_when_the_connection_broke_is_not_given_a_mixture(
    play: Play,
) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("GET", cutting(100_000, then=lambda: blobs.replace("k", CONTENT[::-1])))

        trouble = await trouble_of(all_of(blobs))

        assert trouble.code == "blobs.unavailable"
        assert await all_of(blobs) == CONTENT[::-1]

    play(scene)


def test_a_store_that_dies_while_it_is_read_is_unavailable(play: Play, tmp_path: Path) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        for work in (all_of(blobs), blobs.fetch("k", tmp_path / "copy")):
            front.spoil("GET", cutting(100_000), *[cutting(0)] * 9)

            trouble = await trouble_of(work)

            assert isinstance(trouble, EngineUnavailable)
            assert trouble.code == "blobs.unavailable"
            front._script.clear()
        assert not (tmp_path / "copy").exists()

    play(scene)


def test_a_few_500s_pass_unnoticed(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("PUT", refusing(500, "InternalError"), refusing(503))
        await blobs.put("other", b"bytes")
        front.spoil("GET", refusing(500, "InternalError"), refusing(503))

        assert await all_of(blobs, "other") == b"bytes"

    play(scene)


def test_a_put_whose_answer_was_lost_has_been_done(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("PUT", losing)

        put = await blobs.put("other", b"bytes")

        assert put == await blobs.info("other")

    play(scene)


def test_a_store_that_says_nothing_is_given_up(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("PUT", silent)
        assert (await trouble_of(blobs.put("other", b"bytes"))).code == "blobs.unavailable"
        front.spoil("HEAD", *[silent] * 4)
        assert (await trouble_of(blobs.info("k"))).code == "blobs.unavailable"

    play(scene, stall_s=0.1)


def test_a_slow_store_that_goes_on_is_waited_for(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("GET", dripping(CONTENT, pause_s=0.2, pieces=7))

        assert await all_of(blobs) == CONTENT
        assert front.methods() == ["GET"]

    play(scene, stall_s=1.0)


REFUSALS = [
    (refusing(500, "InternalError"), EngineUnavailable, "blobs.unavailable", "500 InternalError"),
    (refusing(503, "SlowDown"), Overloaded, "blobs.throttled", "no more at this rate"),
    (refusing(429, "TooManyRequests"), Overloaded, "blobs.throttled", "429"),
    (refusing(507, "XMinioStorageFull"), EngineUnavailable, "blobs.full", "free some space"),
    (refusing(403, "QuotaExceeded"), EngineUnavailable, "blobs.full", "free some space"),
    (refusing(403, "AccessDenied"), EngineUnavailable, "blobs.denied", "may not do this"),
    (refusing(401), EngineUnavailable, "blobs.denied", "the key is wrong"),
    (refusing(403, "RequestTimeTooSkewed"), EngineUnavailable, "blobs.clock_skewed", "clock"),
    (refusing(404, "NoSuchBucket"), EngineUnavailable, "blobs.no_bucket", "no bucket films; make it"),
]


@pytest.mark.parametrize(("spoil", "kind", "code", "words"), REFUSALS)
def test_a_refusal_says_who_must_act_and_stores_nothing(
    play: Play, spoil: Spoil, kind: type[BijouError], code: str, words: str
) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("PUT", *[spoil] * 4)

        trouble = await trouble_of(blobs.put("other", b"bytes"))

        assert isinstance(trouble, kind)
        assert (trouble.code, words in trouble.detail) == (code, True), trouble.detail
        assert (trouble.retry_after_s is not None) == (kind is Overloaded)
        assert await keys_of(blobs) == ["k"]

    play(scene)


def test_a_wrong_key_is_named_without_showing_it(play: Play) -> None:
    told = f"<AWSAccessKeyId>{KEY.access_key_id}</AWSAccessKeyId><StringToSign>AWS4 x</StringToSign>"
    wrong = refusing(403, "SignatureDoesNotMatch", told)

    async def scene(blobs: S3Blobs, front: Front) -> None:
        for method, work in (
            ("PUT", blobs.put("other", b"bytes")),
            ("GET", all_of(blobs)),
            ("GET", keys_of(blobs)),
            ("HEAD", blobs.info("k")),
            ("DELETE", blobs.delete("k")),
        ):
            front._script.clear()
            front.spoil(method, wrong)

            trouble = await trouble_of(work)

            shown = "".join(traceback.format_exception(trouble))
            assert trouble.code == "blobs.denied"
            assert "clock" in trouble.detail  # a HEAD does not say which
            for secret in (KEY.access_key_id, KEY.secret_access_key, "StringToSign"):
                assert secret not in shown

    play(scene)


def test_a_store_that_forgets_the_condition_is_found_out_by_the_first_put(
    store: Emulator, prefix: str
) -> None:
    async def scene() -> None:
        async with front_of(store.port) as front:
            front.strips = b"if-none-match"
            blobs = S3Blobs(store.place(prefix, front.port), VirtualClock(), Random(1), KEY)
            for work in (blobs.put("k", b"bytes"), blobs._try_copying()):
                trouble = await trouble_of(work)

                assert trouble.code == "blobs.no_condition"

    asyncio.run(scene())

    assert store.names(prefix) == []


def test_the_trial_of_the_condition_is_made_once(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        blobs._keeps_creation = False
        await blobs.put("one", b"bytes")
        assert front.methods() == ["PUT", "PUT", "DELETE", "PUT", "HEAD"]
        front.asked.clear()

        await blobs.put("other", b"bytes")

        assert front.methods() == ["PUT", "HEAD"]

    play(scene)


def test_a_store_that_lists_out_of_order_is_found_out(play: Play, prefix: str) -> None:
    def entry(key: str) -> str:
        stamp = "<LastModified>2026-03-01T12:00:00.000Z</LastModified><Size>1</Size>"
        return f"<Contents><Key>{prefix}/{key}</Key>{stamp}</Contents>"

    listing = f"<ListBucketResult>{entry('b')}{entry('a')}</ListBucketResult>".encode()

    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("GET", answering(listing))

        assert (await trouble_of(keys_of(blobs))).code == "blobs.unordered"

    play(scene)


def test_a_listing_of_many_pages_is_one(play: Play, store: Emulator, prefix: str) -> None:
    def page(keys: str, more: str) -> Spoil:
        stamp = "<LastModified>2026-03-01T12:00:00.000Z</LastModified><Size>1</Size>"
        entries = "".join(f"<Contents><Key>{prefix}/{key}</Key>{stamp}</Contents>" for key in keys)
        return answering(f"<ListBucketResult>{entries}{more}</ListBucketResult>".encode())

    async def scene(blobs: S3Blobs, front: Front) -> None:
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
        front.spoil("GET", page("ab", more), page("cd", ""))

        assert await keys_of(blobs) == ["a", "b", "c", "d"]
        assert "continuation-token=next" in front.asked[1].target

    play(scene)


def test_a_missing_bucket_is_not_a_missing_blob(store: Emulator, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{store.port}"
    place = S3Place(bucket="no-such-bucket", endpoint=endpoint, region="us-east-1")
    (tmp_path / "made").write_bytes(b"bytes")

    async def scene() -> None:
        blobs = S3Blobs(place, VirtualClock(), Random(1), KEY)
        for work in (
            blobs.put("k", b"bytes"), blobs.put("k", tmp_path / "made"), blobs.replace("k", b"bytes"),
            blobs.info("k"), all_of(blobs), blobs.fetch("k", tmp_path / "copy"), keys_of(blobs),
        ):  # fmt: skip
            trouble = await trouble_of(work)

            assert trouble.code == "blobs.no_bucket"
            assert "no-such-bucket" in trouble.detail
        assert (tmp_path / "made").exists()

    asyncio.run(scene())


def test_a_missing_blob_costs_one_request_once_the_bucket_was_seen(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        for _ in range(3):
            with pytest.raises(NotFound):
                await blobs.info("none")

        assert front.methods() == ["HEAD", "GET", "HEAD", "HEAD"]

    play(scene)


def test_where_nobody_listens_the_place_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    blobs = S3Blobs(place_at(port, "house"), VirtualClock(), Random(1), KEY)

    trouble = asyncio.run(trouble_of(blobs.info("k")))

    assert trouble.code == "blobs.unavailable"
    assert f"s3://films/house at http://127.0.0.1:{port} does not answer" in trouble.detail


def test_a_blob_that_is_deleted_as_soon_as_it_is_put_is_described_all_the_same(play: Play) -> None:
    async def scene(blobs: S3Blobs, front: Front) -> None:
        front.spoil("HEAD", refusing(404))

        put = await blobs.put("other", b"bytes")

        assert (put.size_bytes, put.modified_at) == (5, NOW)

    play(scene)


def test_what_others_keep_in_the_bucket_is_not_listed(play: Play, store: Emulator, prefix: str) -> None:
    for path in ("k2", "~staging/x", "folder/.hidden"):
        store.raw("PUT", f"/{prefix}/{path}")
    store.raw("PUT", f"/{prefix}-beside/k")

    async def scene(blobs: S3Blobs, _: Front) -> list[str]:
        return await keys_of(blobs)

    assert play(scene) == ["k", "k2"]


def test_without_the_driver_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bijou.engines.s3_bucket", raising=False)
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(EngineUnavailable, match=r"need obstore; pip install bijou\[s3\]") as refused:
        S3Blobs(place_at(9), VirtualClock(), Random(1), KEY)

    assert refused.value.code == "blobs.no_driver"
