"""Everyone presses play at once: how each tier bears it."""

from bijou.drills.peak.admitting import Name, admit
from bijou.drills.peak.drill import Outcome, Plan, everyone
from bijou.drills.peak.tiers import TIERS, Tier, Try, over_time, tier_of

__all__ = ["TIERS", "Name", "Outcome", "Plan", "Tier", "Try", "admit", "everyone", "over_time", "tier_of"]
