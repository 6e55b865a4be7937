"""The in-memory file system; empty for now.

A tree of nodes with a lock each, permissions, extents for large files and
snapshots. Pure: it is told the time and handed the place it spills to.
"""
