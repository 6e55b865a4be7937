"""Fault injection and region evacuation: what must not hurt viewers, done on purpose.

Viewers in numbers (`swarm`), an installation of which one region can be killed
(`house`), faults between viewers and an edge (`grey`), a region that dies and
comes back (`region`), and everybody at once (`peak`). Each drill measures,
judges, and tells both apart. Kill drills of the supervisor stand in
`tests/topology`.
"""

from bijou.drills.house import House

__all__ = ["House"]
