"""Viewers in numbers: real requests, pretended screens.

Each viewer fetches playlists and segments over a connection of its own, keeps a
buffer, chooses rungs by our policy, says so in CMCD, jumps about and leaves.
What it receives it counts and throws away; its last mile is a rate that makes
it wait, so that one core plays a crowd. It decodes nothing.
"""

from bijou.drills.swarm.crowd import Crowd, gather
from bijou.drills.swarm.playhead import Playhead
from bijou.drills.swarm.playlists import Media, Multivariant, media_of, multivariant_of
from bijou.drills.swarm.report import Report

__all__ = [
    "Crowd",
    "Media",
    "Multivariant",
    "Playhead",
    "Report",
    "gather",
    "media_of",
    "multivariant_of",
]
