"""Fault injection and region evacuation; empty for now.

Kill drills of the supervisor stand in `tests/topology` until this room opens.
"""
