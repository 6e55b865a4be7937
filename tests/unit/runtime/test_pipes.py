import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bijou.runtime.pipes import LINE_BYTES, Lines


def heard(chunks: list[bytes]) -> list[str]:
    async def scene() -> list[str]:
        lines: list[str] = []
        reader = Lines(lines.append, asyncio.get_running_loop().create_future())
        for chunk in chunks:
            reader.data_received(chunk)
        reader.connection_lost(None)
        return lines

    return asyncio.run(scene())


@given(st.lists(st.text("ab\n", max_size=9)))
def test_lines_are_the_same_however_the_bytes_arrive(chunks: list[str]) -> None:
    whole = "".join(chunks)
    expected = whole.removesuffix("\n").split("\n") if whole else []

    assert heard([chunk.encode() for chunk in chunks]) == expected


def test_a_line_longer_than_the_bound_keeps_its_beginning() -> None:
    assert heard([b"ab" * LINE_BYTES, b"c\nnext\n"]) == ["ab" * (LINE_BYTES // 2), "next"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert heard([b"a\xff\n"]) == ["a�"]
