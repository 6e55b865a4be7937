"""Which node keeps which objects: 4096 slots, each with its nodes in order of preference.

A slot is read off the address alone, so that an edge of ours, Varnish and
nginx place every object alike without asking each other.

Source: D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit
rates", IEEE/ACM Transactions on Networking, 1998 (rendezvous hashing).
"""

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Final

from bijou.ports import InvalidRequest

SLOTS: Final = 4096
ASSET_SLOT: Final = r"^/media/[^/]*([0-9a-f]{3})/"
"""Where a slot stands in an address: the asset's id ends in three hexadecimal digits that are random."""

_IN_ADDRESS: Final = re.compile(ASSET_SLOT)


def slot_of(path: str) -> int:
    """Return the slot of an address; 0 where its asset's id does not end in three hexadecimal digits.

    Example:
        >>> slot_of("/media/ast_00000000-03e8-7226-b63c-5ab791b7584a/v360/00001.m4s")
        2122
    """
    found = _IN_ADDRESS.match(path)
    return int(found[1], 16) if found else 0


class SlotTable:
    """For every slot the nodes that may keep its objects, the best first.

    A node that goes moves only its own slots, each to the node that was second
    there; one that comes takes its share from all.

    Cost: O(1) a look-up; 4096 x n log n to make, for n nodes.

    Args:
        weights: Shares by node, > 0.

    Raises:
        InvalidRequest: `delivery.bad_nodes`: no node, or a weight that is not above 0.

    Example:
        >>> table = SlotTable({"a": 1, "b": 1, "c": 2})
        >>> [sum(table.nodes(slot)[0] == node for slot in range(SLOTS)) for node in "abc"]
        [1040, 1101, 1955]
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        if not weights or not all(weight > 0 for weight in weights.values()):
            raise InvalidRequest(
                "delivery.bad_nodes", f"{dict(weights)} are no nodes; at least one, each of a weight above 0"
            )
        self._rows = [
            tuple(sorted(weights, key=lambda node: (-_score(node, slot, weights[node]), node)))
            for slot in range(SLOTS)
        ]

    def nodes(self, slot: int) -> tuple[str, ...]:
        """Return all nodes in the slot's order of preference."""
        return self._rows[slot]


def _score(node: str, slot: int, weight: float) -> float:
    digest = hashlib.blake2b(f"{slot:03x}.{node}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 0.5) / 2**64
    return -weight / math.log(uniform)
