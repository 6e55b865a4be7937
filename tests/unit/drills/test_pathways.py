import msgspec
import pytest

from bijou.drills.swarm import Clone, Pathways, question, read_manifest

BASES = {"east": "http://127.0.0.4:8810", "west": "http://127.0.0.5:8810"}


def test_an_error_moves_to_the_next_pathway_and_bars_the_one_left() -> None:
    ways = Pathways(BASES, penalty_s=10)

    assert ways.failed(now_s=100.0)
    assert ways.current == "west"
    assert not ways.settle(now_s=109.9)
    assert ways.settle(now_s=110.0)
    assert [(move.left, move.taken, move.why) for move in ways.moves] == [
        ("east", "west", "failed"),
        ("west", "east", "steered"),
    ]


def test_where_all_have_failed_the_one_that_failed_first_is_tried_again() -> None:
    ways = Pathways(BASES, penalty_s=10)
    ways.failed(now_s=0.0)

    assert not ways.failed(now_s=1.0)
    assert ways.current == "east"


def test_one_pathway_has_nowhere_to_go() -> None:
    ways = Pathways({"": "http://h:1"})

    assert not ways.failed(now_s=0.0)
    assert ways.through("http://h:1/a?b=c") == "http://h:1/a?b=c"


def test_steering_moves_nothing_before_the_next_segment_and_passes_over_strange_names() -> None:
    ways = Pathways(BASES)

    ways.steered(["north", "west", "east"])

    assert ways.current == "east"
    assert ways.settle(now_s=1.0)
    assert ways.current == "west"


def test_an_answer_of_strange_names_only_changes_nothing() -> None:
    ways = Pathways(BASES)

    ways.steered(["north"])

    assert not ways.settle(now_s=1.0)


def test_a_clone_has_its_own_host_the_ports_of_the_other_and_its_own_parameters() -> None:
    ways = Pathways(BASES)

    ways.steered(["new"], [Clone("new", "east", "127.0.0.9", {"token": "t2"}), Clone("bad", "nobody", "h")])
    ways.settle(now_s=0.0)

    assert ways.current == "new"
    assert ways.through("http://127.0.0.4:8810/m/a.m3u8?token=t1&x=") == (
        "http://127.0.0.9:8810/m/a.m3u8?token=t2&x="
    )


def test_a_foreign_address_is_left_as_it_is() -> None:
    ways = Pathways(BASES)

    assert ways.through("http://elsewhere/x") == "http://elsewhere/x"
    assert ways.everywhere("http://127.0.0.4:8810/steer/s") == [
        "http://127.0.0.4:8810/steer/s",
        "http://127.0.0.5:8810/steer/s",
    ]


def test_a_manifest_is_read_with_its_address_made_absolute_and_its_patience_bounded() -> None:
    body = msgspec.json.encode(
        {
            "VERSION": 1,
            "TTL": 0,
            "RELOAD-URI": "next?s=1",
            "PATHWAY-PRIORITY": ["west", "east"],
            "PATHWAY-CLONES": [
                {
                    "BASE-ID": "east",
                    "ID": "north",
                    "URI-REPLACEMENT": {"HOST": "127.0.0.9", "PARAMS": {"t": "2"}},
                }
            ],
        }
    )

    said = read_manifest(body, "http://h:1/steer/a")

    assert (said.ttl_s, said.reload, said.priority) == (0.5, "http://h:1/steer/next?s=1", ["west", "east"])
    assert said.clones == [Clone("north", "east", "127.0.0.9", {"t": "2"})]
    assert question(said.reload, "east", 0.0) == "http://h:1/steer/next?s=1&_HLS_pathway=%22east%22"


@pytest.mark.parametrize(
    ("body", "words"), [(b"<html>", "no steering manifest"), (b'{"VERSION": 2}', "version 2")]
)
def test_what_is_no_manifest_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_manifest(body, "http://h/")
