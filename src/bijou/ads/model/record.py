"""A noun with its place in history."""

import msgspec

from bijou.ads.model.nouns import Noun
from bijou.ports import Instant


class Record(msgspec.Struct, frozen=True):
    """One version of one record: what it says, who said so, when and why.

    Args:
        number: Names the record in facts.
        version: 1, 2, 3 … of this record.
        revision: The change of the whole configuration that made this version.
    """

    id: str
    number: int
    kind: str
    version: int
    revision: int
    at: Instant
    author: str
    reason: str
    noun: Noun


class Change(msgspec.Struct, frozen=True):
    """One revision of the configuration, and which records it touched."""

    revision: int
    at: Instant
    author: str
    reason: str
    records: list[str]
