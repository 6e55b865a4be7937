"""Failures that are not death: slow, lossy, narrow, flapping, and answers that get lost."""

from bijou.drills.grey.drill import Figures, Outcome, Plan, Scene, endure, figures_of, judged
from bijou.drills.grey.faults import Fault, Pace, calm, faults
from bijou.drills.grey.proxy import Proxy

__all__ = [
    "Fault",
    "Figures",
    "Outcome",
    "Pace",
    "Plan",
    "Proxy",
    "Scene",
    "calm",
    "endure",
    "faults",
    "figures_of",
    "judged",
]
