"""Which line items may serve at an opportunity, exactly, best first, and why not.

Rules are normalised to an OR of ANDs and indexed as rows of bits over all
conjunctions in the order of rank. One pass ANDs the rows that an opportunity
names, 4,096 conjunctions at a time, and stops when enough were found.
Nothing is ever evaluated as code, and of the unknown nothing holds.
"""

from bijou.ads.matching.asking import (
    ALWAYS,
    NEVER,
    After,
    Dayparts,
    Fact,
    Line,
    Matches,
    Opportunity,
    Standing,
    daypart,
)
from bijou.ads.matching.explaining import Explanation, Verdict
from bijou.ads.matching.layout import Layout
from bijou.ads.matching.matcher import Loaded, Matcher, Walk
from bijou.ads.matching.normal_form import MAX_CONJUNCTIONS, NormalForm, normalise

__all__ = [
    "ALWAYS",
    "MAX_CONJUNCTIONS",
    "NEVER",
    "After",
    "Dayparts",
    "Explanation",
    "Fact",
    "Layout",
    "Line",
    "Loaded",
    "Matcher",
    "Matches",
    "NormalForm",
    "Opportunity",
    "Standing",
    "Verdict",
    "Walk",
    "daypart",
    "normalise",
]
