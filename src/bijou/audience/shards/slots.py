"""Which shard holds whom: a user belongs to a slot for ever, a slot to a shard until it is moved.

A slot is a whole store in a folder of its own, with ordinals, columns, bitmaps
and profiles; so moving one is copying files, and nothing in it changes.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bijou.audience.column_files import replace_file
from bijou.audience.hashing import Hasher, Hashes, Texts
from bijou.ports import EngineUnavailable, InvalidRequest
from bijou.runtime import codec

SLOTS: Final = 16
_SHIFT: Final = 60
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ADDRESS: Final = re.compile(r"https?://[^/?#\s@]+")
_MAP: Final = "shards.json"


def slot_of(hash_: int) -> int:
    """Return a user's slot: the top bits of the hash, so that each file of ordinals lies in one slot."""
    return hash_ >> _SHIFT


def slots_of(hashes: Hashes) -> NDArray[np.uint64]:
    """Return the slot of each user."""
    slots: NDArray[np.uint64] = hashes >> np.uint64(_SHIFT)
    return slots


class Shards(msgspec.Struct, frozen=True):
    """The map: where each shard answers, and who holds each slot."""

    addresses: dict[str, str]
    holders: list[str]


class Move(NamedTuple):
    """One slot on its way."""

    slot: int
    source: str
    target: str


def laid_out(addresses: dict[str, str]) -> Shards:
    """Return a map in which each shard holds as many slots as the others.

    Example:
        >>> laid_out({"a": "http://a:1", "b": "http://b:1"}).holders[:4]
        ['a', 'b', 'a', 'b']
    """
    names = list(addresses)
    return Shards(addresses, [names[slot % len(names)] for slot in range(SLOTS)])


def moves(holders: Sequence[str], names: Sequence[str]) -> list[Move]:
    """Return the fewest moves after which each of some shards holds as many slots as the others.

    Example:
        >>> [move.slot for move in moves(["a", "b"] * 8, ["a", "b", "c"])]
        [12, 14, 11, 13, 15]
    """
    held: dict[str, list[int]] = {name: [] for name in names}
    for slot, holder in enumerate(holders):
        held.setdefault(holder, []).append(slot)
    most_first = sorted(names, key=lambda name: -len(held[name]))
    fair = {name: SLOTS // len(names) + (at < SLOTS % len(names)) for at, name in enumerate(most_first)}
    wanting = [name for name in names for _ in range(fair[name] - len(held[name]))]
    plan = []
    for name, slots in held.items():
        plan += [Move(slot, name, wanting.pop(0)) for slot in slots[fair.get(name, 0) :]]
    return plan


def parse_shards(entries: Iterable[str]) -> dict[str, str]:
    """Read shards as `name=address`.

    Raises:
        InvalidRequest: `audience.bad_shard`.

    Example:
        >>> parse_shards(["one=http://127.0.0.1:8804"])
        {'one': 'http://127.0.0.1:8804'}
    """
    found: dict[str, str] = {}
    for entry in entries:
        name, _, address = entry.partition("=")
        if not _NAME.fullmatch(name) or not _ADDRESS.fullmatch(address) or name in found:
            raise InvalidRequest(
                "audience.bad_shard",
                f"{entry!r} is no shard; one is name=http://host:port, each name once, up to 32 of a-z, 0-9"
                " and -",
            )
        found[name] = address
    return found


class MapFile:
    """The map, as an installation keeps it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _MAP

    def read(self) -> Shards | None:
        """Return the map; None where users are not divided.

        Raises:
            EngineUnavailable: `audience.damaged`.
        """
        try:
            return codec.decode(self._path.read_bytes(), Shards)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise EngineUnavailable(
                "audience.damaged",
                f"{self._path} is no map of shards ({error}); remove it: `bijou audience shards add` with all"
                " of them makes it anew",
            ) from error

    def write(self, shards: Shards) -> None:
        """Keep another map, in one step."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self._path, codec.encode(shards))


class Pseudonyms(Hasher):
    """The hasher of those who never see an identifier: what comes in is the hash, 8 bytes or 16 digits.

    So a shard needs no secret key, and a stolen one tells nobody's name.

    Example:
        >>> Pseudonyms().one("00000000000000ff")
        255
    """

    def __init__(self) -> None:
        """Need nothing."""

    def many(self, texts: Texts) -> Hashes:
        """Return the hashes that stand there, big-endian."""
        hashes: Hashes = texts.data.view(">u8").astype("<u8")
        return hashes

    def one(self, identifier: str | bytes) -> int:
        """Return the hash that 16 digits spell."""
        return int(identifier, 16)
