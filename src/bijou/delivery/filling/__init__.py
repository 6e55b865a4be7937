"""Filling edges before they are asked: what, where and when, decided in the quiet hours.

Pure: counts of what was asked for (`history`) become expected requests for
every object (`forecast`), those become a set for each edge's disk
(`placement`), the demand curve names the quiet stretches (`windows`), and all
of it a plan of fetches at a bounded rate (`planning`). Nothing here fetches,
and nobody's name is needed: a start is a request for a first segment.
"""

from bijou.delivery.filling.forecast import Expected, Forecast
from bijou.delivery.filling.history import HOUR_S, History, Rendition, TitleMedia
from bijou.delivery.filling.placement import EdgeDisk, Placed, Shelf, place
from bijou.delivery.filling.planning import FillPlan, Step, plan_fill
from bijou.delivery.filling.windows import busy_weights, quiet_windows

__all__ = [
    "HOUR_S",
    "EdgeDisk",
    "Expected",
    "FillPlan",
    "Forecast",
    "History",
    "Placed",
    "Rendition",
    "Shelf",
    "Step",
    "TitleMedia",
    "busy_weights",
    "place",
    "plan_fill",
    "quiet_windows",
]
