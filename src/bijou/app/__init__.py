"""The composition root: which services, in which process, on which engines.

The only room that may look behind every door.
"""
