"""Pure structures and algorithms: no clock, no chance, no I/O.

Each can be taken alone: `from bijou.algorithms import SlidingWindowLog`. Time
comes in as an argument, chance as a seeded generator.
"""

from bijou.algorithms.backoff import full_jitter

__all__ = ["full_jitter"]
