"""What is no tree is refused with its place, and nothing but `MalformedTree` is raised."""

import pickle
import struct
import zlib
from random import Random
from typing import Any

import pytest

from bijou.algorithms.trees import (
    BinaryNode,
    MalformedTree,
    Node,
    dump_tree,
    load_tree,
    load_tree_pieces,
    tree_from_text,
    tree_to_text,
)

MIXED = Node(
    "root é",
    (
        Node(1, (Node(-300), Node(1 << 70), Node(None))),
        Node(2.5, (Node(b"\x00\xff"), Node(""), Node(True), Node(False))),
    ),
)
NUMBERS = BinaryNode(5, BinaryNode(-2, None, BinaryNode(300)), BinaryNode(70_000))
SAMPLES: list[tuple[Any, Any]] = [
    (MIXED, Node),
    (NUMBERS, BinaryNode),
    (None, BinaryNode),
    (Node(True, (Node(False),)), Node),
    (Node("a", (Node("bé"),)), Node),
    (Node(1 << 80), Node),
]


def refusal(data: bytes, kind: Any) -> MalformedTree:
    with pytest.raises(MalformedTree) as caught:
        load_tree(data, kind)
    assert 0 <= caught.value.position <= len(data)
    assert str(caught.value).startswith(f"byte {caught.value.position}: ")
    return caught.value


def sealed(data: bytes) -> bytes:
    """Give each frame the checksum that belongs to it, as a hostile writer would."""
    out, at = data[:6], 6
    checksum = zlib.crc32(out)
    while at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        framed = data[at : at + 8 + size]
        checksum = zlib.crc32(framed, checksum)
        out += framed + struct.pack("<I", checksum)
        at += 8 + size + 4
    return out + data[at:]


@pytest.mark.parametrize(("tree", "kind"), SAMPLES)
def test_a_tree_cut_at_any_byte_is_refused_there(tree: Any, kind: Any) -> None:
    written = dump_tree(tree)
    for end in range(len(written)):
        assert refusal(written[:end], kind).position == end


@pytest.mark.parametrize(("tree", "kind"), SAMPLES)
def test_any_flipped_bit_is_refused(tree: Any, kind: Any) -> None:
    written = dump_tree(tree)
    for bit in range(8 * len(written)):
        spoilt = bytearray(written)
        spoilt[bit // 8] ^= 1 << bit % 8

        refusal(bytes(spoilt), kind)


@pytest.mark.parametrize(("tree", "kind"), SAMPLES)
def test_what_a_hostile_writer_sealed_is_refused_or_a_tree_written_just_so(tree: Any, kind: Any) -> None:
    written = dump_tree(tree)
    for bit in range(8 * 6, 8 * len(written)):
        spoilt = bytearray(written)
        spoilt[bit // 8] ^= 1 << bit % 8
        check_sealed(sealed(bytes(spoilt)), kind)


def test_thousands_of_sealed_mutations_raise_nothing_else() -> None:
    chance = Random(20261121)
    for _ in range(6000):
        tree, kind = chance.choice(SAMPLES)
        data = bytearray(dump_tree(tree))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(6, len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.choice((0, 1, 2, 4, 8, 127, 128, 255))
                case 1:
                    del data[at : at + chance.randrange(1, 5)]
                case 2:
                    data[at:at] = chance.randbytes(chance.randrange(1, 5))
                case _:
                    data[at:at] = data[6 : 6 + chance.randrange(1, 30)]
        check_sealed(sealed(bytes(data)), kind)


def check_sealed(data: bytes, kind: Any) -> None:
    """There is one way to write a tree: whatever is read would be written so again."""
    refused, tree = tried(load_tree, data, kind)

    assert 0 <= refused.position <= len(data) if refused else dump_tree(tree) == data


def tried(read: Any, written: Any, kind: Any) -> tuple[MalformedTree | None, Any]:
    try:
        return None, read(written, kind, max_nodes=10_000)
    except MalformedTree as refused:
        return refused, None


def test_noise_is_refused() -> None:
    chance = Random(4)
    for _ in range(500):
        noise = chance.randbytes(chance.randrange(60))
        refusal(noise, Node)
        refusal(sealed(b"BJTR\x01N" + noise), Node)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"JUNK" + data[4:], "byte 0: begins with b'JUNK'"),
        (
            lambda data: data[:4] + b"\x02" + data[5:],
            "byte 4: written in version 2; this",
        ),
        (lambda data: data[:5] + b"B" + data[6:], "byte 5: holds kind b'B', and b'N'"),
        (lambda data: data[:5] + b"-" + data[6:], "byte 5: kind b'-' is announced for 1 nodes"),
        (lambda data: data + b"\x00", "bytes follow the end of the tree"),
        (lambda data: data[:6] + data[6:-20] * 2 + data[-20:], "a block follows one that is not full"),
        (lambda data: data[:6] + data[-20:], "kind b'N' is announced for 0 nodes"),
        (lambda data: data[:-12] + struct.pack("<Q", 7) + data[-4:], "the end does not count the 1 nodes"),
    ],
)
def test_a_frame_that_lies_is_refused_with_its_reason(change: Any, message: str) -> None:
    assert message in str(refusal(sealed(change(dump_tree(Node(1)))), Node))


def test_two_trees_are_not_one() -> None:
    written = bytearray(dump_tree(Node(1, (Node(2),))))
    assert written[14] == 0b00_01, "the first has children, the second nothing"
    written[14] = 0b00_10  # the first has a sibling, and that one nothing

    assert "byte 14: the root has a sibling" in str(refusal(sealed(bytes(written)), Node))


@pytest.mark.parametrize("count", [2, 65_536, 65_537, 2**32 - 1])
def test_a_count_that_is_wrong_is_refused_before_it_costs_anything(count: int) -> None:
    written = dump_tree(Node(1))
    refusal(sealed(written[:6] + struct.pack("<I", count) + written[10:]), Node)
    long = written[:10] + struct.pack("<I", count) + written[14:]

    assert "short of its payload" in str(refusal(long, Node)) or count == 2


def test_more_nodes_than_allowed_are_refused() -> None:
    written = dump_tree(Node(1, (Node(2), Node(3))))

    with pytest.raises(MalformedTree, match="more than max_nodes = 2 nodes"):
        load_tree(written, Node, max_nodes=2)
    with pytest.raises(MalformedTree, match="more than max_nodes = 2 nodes"):
        tree_from_text("1 (2 3)", Node, max_nodes=2)


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(MalformedTree, match="byte 0: ends 6 bytes short of its header"):
        load_tree_pieces([], Node)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", BinaryNode, "line 1, column 1: the text ends with 1 places open"),
        ("", Node, "line 1, column 1: the text ends before a tree began"),
        ("1 #", BinaryNode, "line 1, column 4: the text ends with 1 places open"),
        ("1 # # 2", BinaryNode, "line 1, column 7: "),
        ("1\n  (2", Node, "line 2, column 5: the text ends with 1 brackets open"),
        ("(1)", Node, "line 1, column 1: '(' without a value before it"),
        ("1 ()", Node, "line 1, column 4: ')' where a value must stand"),
        ("1 2", Node, "line 1, column 3: '2' follows a tree that is complete"),
        ("1 (#)", Node, "line 1, column 4: '#' in an n-ary tree"),
        ("1 (2) (3)", Node, "line 1, column 7: '(' without a value"),
        ("1 )", Node, "line 1, column 3: ')' where a value must stand"),
        ('"open', Node, "line 1, column 1: a quote opens here and is never closed"),
        ('1 (x"00', Node, "line 1, column 4: a quote opens here and is never closed"),
        ('x"0g"', Node, "is no value; a value is a number"),
        ('"\\q"', Node, "Invalid \\escape"),
        ('"\n"', Node, "Invalid control character"),
        ('"\\ud83d"', Node, "surrogates not allowed"),
        ("1e999", Node, "is too large for a float; say inf"),
        ("one", Node, "line 1, column 1: 'one' is no value"),
        ("9" * 5000, Node, "Exceeds the limit"),
        ("\u0661", Node, "is no value"),
    ],
)
def test_text_that_is_no_tree_is_refused_with_line_and_column(text: str, kind: Any, message: str) -> None:
    with pytest.raises(MalformedTree) as caught:
        tree_from_text(text, kind)

    assert message in str(caught.value)


def test_thousands_of_mutated_texts_raise_nothing_else() -> None:
    chance = Random(20261122)
    alphabet = '#()" x\\\n0129.e-+ntrufalsi\u0661\ud83d'
    samples = [(tree_to_text(tree), kind) for tree, kind in SAMPLES]
    for _ in range(8000):
        text, kind = chance.choice(samples)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(text) + 1)
            new = "".join(chance.choice(alphabet) for _ in range(chance.randrange(3)))
            text = text[:at] + new + text[at + chance.randrange(4) :]
        refused, tree = tried(tree_from_text, text, kind)

        if refused:
            assert 0 <= refused.position <= len(text)
        else:
            assert tree_to_text(tree_from_text(tree_to_text(tree), kind)) == tree_to_text(tree)


def test_a_megabyte_of_one_string_costs_no_more_than_its_length() -> None:
    text = '"' + "a\\n" * 400_000

    with pytest.raises(MalformedTree, match="never closed"):
        tree_from_text(text, Node)
    assert tree_from_text(f'{text}"', Node) == Node("a\n" * 400_000)


def test_a_refusal_travels_between_processes() -> None:
    refused = refusal(b"JUNK..", Node)
    again = pickle.loads(pickle.dumps(refused))

    assert (str(again), again.position, again.problem) == (str(refused), 0, refused.problem)
