"""One viewer's session with one title: where to fetch it from.

It tells addresses and serves no media; the player chooses among the pathways.
"""

from bijou.playback.api import Pathway, Playback, Session

__all__ = ["Pathway", "Playback", "Session"]
