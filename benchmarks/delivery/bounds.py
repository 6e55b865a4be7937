"""How much less than LRU any fixed set of objects can let through, were requests independent.

`python -m benchmarks.delivery.bounds` prints it for the viewers of `days` at
their evening's peak, by the exponent of popularity and the share of the
catalogue that the disk holds.

Source: H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems", IEEE JSAC 20(7), 2002, for LRU.
"""

import sys
from typing import Final

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.delivery.days import BLOCK_S, RUNGS_BPS, catalogue_of, popularity_at

Floats = npt.NDArray[np.float64]

EXPONENTS: Final = (0.7, 0.9, 1.1)
SHARES: Final = (0.05, 0.2, 0.5, 0.7, 0.8)
_RUNGS: Final = np.array((1, 2, 3, 4, 3)) / 13


def misses(rates: Floats, sizes: Floats, disk: float) -> tuple[float, float]:
    """Return the bytes that LRU and the best fixed set let through, per unit of time."""
    low, high = 1e-9, 1e12
    for _ in range(120):
        kept_for = (low * high) ** 0.5
        if (sizes * -np.expm1(-rates * kept_for)).sum() > disk:
            high = kept_for
        else:
            low = kept_for
    order = np.argsort(-rates, kind="stable")
    out = np.cumsum(sizes[order]) > disk
    return float((rates * sizes * np.exp(-rates * low)).sum()), float((rates * sizes)[order][out].sum())


def evening(exponent: float, *, titles: int) -> tuple[Floats, Floats]:
    """Return rates and sizes of all objects at eight in the evening of the first day."""
    catalogue = catalogue_of(np.random.default_rng(1), 6, titles, 8)
    popular = popularity_at(catalogue, catalogue.appeal ** (exponent / 0.9), 20 / 24, 20)
    rates, sizes = [], []
    for title, count in enumerate(catalogue.blocks.tolist()):
        at_s = np.arange(count) * BLOCK_S
        goes_on = 0.3 * (at_s < 72) + 0.7 * np.exp(-np.maximum(at_s - 80, 0) / 2800)
        for share, rate_bps in zip(_RUNGS, RUNGS_BPS, strict=True):
            rates.append(popular[title] * goes_on * share)
            sizes.append(np.full(count, rate_bps * BLOCK_S / 8))
    return np.concatenate(rates), np.concatenate(sizes)


def main() -> int:
    table = Table("Zipf's exponent", *(f"disk {share:.0%}" for share in SHARES), title="fixed set beside LRU")
    for exponent in EXPONENTS:
        rates, sizes = evening(exponent, titles=400)
        cells = []
        for share in SHARES:
            recent, fixed = misses(rates, sizes, share * sizes.sum())
            cells.append(f"{fixed / recent - 1:+.0%}")
        table.add_row(str(exponent), *cells)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
