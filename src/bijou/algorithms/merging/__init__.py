"""K sorted runs into one: lazily, and of arrays.

`merge` does what `heapq.merge` does, faster: a few items by a heap, then by
rounds that sort all that lies before a horizon. `merge_arrays` merges bare
numbers, `merge_order` says where each came from.
"""

from bijou.algorithms.merging.arrays import merge_arrays, merge_order
from bijou.algorithms.merging.lazily import merge

__all__ = ["merge", "merge_arrays", "merge_order"]
