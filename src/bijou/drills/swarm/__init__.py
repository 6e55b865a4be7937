"""Viewers in numbers: real requests, pretended screens.

Each viewer fetches playlists and segments over a connection of its own, keeps a
buffer, chooses rungs by our policy, says so in CMCD, jumps about and leaves.
What it receives it counts and throws away; its last mile is a rate that makes
it wait, so that one core plays a crowd. It decodes nothing. Where it has
several pathways it goes by whichever does, follows steering, and reports.
"""

from bijou.drills.swarm.crowd import Crowd, Swarm, gather
from bijou.drills.swarm.line import Got, Line, NoAnswer, connect
from bijou.drills.swarm.opening import Opening, Ticket, opening_of, ticket_of
from bijou.drills.swarm.pathways import FAILED, STEERED, Clone, Move, Pathways, base_of
from bijou.drills.swarm.playhead import Playhead
from bijou.drills.swarm.playlists import Media, Multivariant, media_of, multivariant_of
from bijou.drills.swarm.report import Report, Seen, percentiles
from bijou.drills.swarm.steered import Steered, question, read_manifest
from bijou.drills.swarm.viewer import Habits, Viewer

__all__ = [
    "FAILED",
    "STEERED",
    "Clone",
    "Crowd",
    "Got",
    "Habits",
    "Line",
    "Media",
    "Move",
    "Multivariant",
    "NoAnswer",
    "Opening",
    "Pathways",
    "Playhead",
    "Report",
    "Seen",
    "Steered",
    "Swarm",
    "Ticket",
    "Viewer",
    "base_of",
    "connect",
    "gather",
    "media_of",
    "multivariant_of",
    "opening_of",
    "percentiles",
    "question",
    "read_manifest",
    "ticket_of",
]
