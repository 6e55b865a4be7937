"""A region dies in the middle of an evening, stays dead for a while, and comes back."""

from bijou.drills.region.browsers import NO_SCREENS, Chromiums, Screen, Screens, missing_for_browsers
from bijou.drills.region.drill import SEGMENT_S, Outcome, Plan, evacuate
from bijou.drills.region.judging import Times, judged, pathway_at

__all__ = [
    "NO_SCREENS",
    "SEGMENT_S",
    "Chromiums",
    "Outcome",
    "Plan",
    "Screen",
    "Screens",
    "Times",
    "evacuate",
    "judged",
    "missing_for_browsers",
    "pathway_at",
]
