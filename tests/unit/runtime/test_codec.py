import msgspec
import pytest

from bijou.ports import Instant
from bijou.runtime import codec


class Note(msgspec.Struct):
    at: Instant


def test_an_instant_travels_as_rfc_3339_and_comes_back() -> None:
    note = Note(Instant.parse("2026-01-02T03:04:05.000006Z"))

    assert codec.decode(codec.encode(note), Note) == note


@pytest.mark.parametrize("content", [b'{"at": 7}', b'{"at": null}', b'{"at": "now"}', b'{"at": [1]}'])
def test_what_is_no_instant_is_a_matter_of_the_sender(content: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        codec.decode(content, Note)
