"""Who lives together: components of the graph of devices and people that were seen together."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from bijou.algorithms.graphs import Components
from bijou.audience.column_files import Array, opened, write_columns
from bijou.audience.hashing import Texts
from bijou.audience.manifest import Manifest
from bijou.audience.ordinals import Ordinals
from bijou.audience.store import FeatureStore

LARGEST: Final = 16


class Households:
    """The household of each user, by ordinal; who has none lives alone.

    Args:
        labels: i32 by ordinal: the smallest ordinal of the household, or -1.
    """

    def __init__(self, labels: Array) -> None:
        self._labels = labels

    @classmethod
    def of(cls, store: FeatureStore, manifest: Manifest) -> "Households":
        """Read the households of a version."""
        if not manifest.households:
            return cls(np.empty(0, np.int32))
        with opened(store.data / manifest.households) as file:
            return cls(file.read("label"))

    def __len__(self) -> int:
        """Return how many households of two and more there are."""
        return len(np.unique(self._labels[self._labels >= 0]))

    def of_members(self, members: BitMap) -> BitMap:
        """Return the members and everybody who lives with one of them."""
        inside: Any = np.array(members.to_array(), np.int64)
        inside = inside[inside < len(self._labels)]
        wanted = np.zeros(len(self._labels), bool)
        labels = self._labels[inside]
        wanted[labels[labels >= 0]] = True
        there = np.flatnonzero(self._labels >= 0)
        return members | BitMap(there[wanted[self._labels[there]]].astype(np.uint32))


def group_households(
    store: FeatureStore, pairs: list[tuple[str, str]], *, largest: int = LARGEST
) -> Households:
    """Group users by identifiers that were seen together, such as on one home's network.

    An identifier may be a user's or a device's: what is no user only joins. A
    group of more than `largest` users is a hotel or a school, and no household.

    Cost: about 100 ns an edge; memory for the edges' ends.
    """
    one = store.hasher.many(Texts.of([pair[0] for pair in pairs]))
    other = store.hasher.many(Texts.of([pair[1] for pair in pairs]))
    with store.writing():
        manifest = store.manifest()
        names = np.unique(np.concatenate((one, other)))
        parts = Components(len(names))
        parts.add(np.searchsorted(names, one), np.searchsorted(names, other))
        labels = _labelled(store, manifest, names, parts.labels(), largest)
        file = f"households-{manifest.version + 1:08}.cols"
        write_columns(store.data / file, {"label": labels})
        store.publish(manifest.next(households=file))
    return Households(labels)


def _labelled(
    store: FeatureStore, manifest: Manifest, names: Array, components: Array, largest: int
) -> Array:
    ordinals = store.ordinals(manifest)
    found = [ordinals.one(int(name)) for name in names]
    ordinals.close()
    is_user = np.array([ordinal is not None for ordinal in found], bool)
    users: Ordinals = np.array([ordinal for ordinal in found if ordinal is not None], np.uint32)
    components = np.asarray(components)[is_user]
    order = np.lexsort((users, components))
    users, components = users[order], components[order]
    begins = np.flatnonzero(np.append(True, components[1:] != components[:-1])) if len(users) else order
    sizes = np.diff(np.append(begins, len(users)))
    labels = np.full(manifest.issued, -1, np.int32)
    per_user = np.where((sizes > 1) & (sizes <= largest), users[begins].astype(np.int64), -1)
    labels[users] = np.repeat(per_user, sizes)
    return labels


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read pairs of identifiers from a CSV of two columns without a head."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(",") for line in lines if line]
    return [(one.strip(), other.strip()) for one, _, other in pairs]
