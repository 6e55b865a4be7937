"""Which pathway each session uses: regions as viewers find them, and what each is told.

Pure but for the clock that is handed in: no sockets. A session's state is its
address (`state`), how well a pathway is comes from looks at it (`health`), the
order of pathways from both (`choosing`), and `steerer` answers.
"""

from bijou.delivery.steering.choosing import Candidate, Level, order
from bijou.delivery.steering.evidence import Sums
from bijou.delivery.steering.health import Finding, Health, Patience
from bijou.delivery.steering.judging import Tolerance
from bijou.delivery.steering.pathways import Change, Pathway, Pathways, PathwayStatus, PeerHealth
from bijou.delivery.steering.state import REPORT_PATH, STEER_PREFIX, Standing, States
from bijou.delivery.steering.steerer import Steerer, SteeringStatistics, Tempo

__all__ = [
    "REPORT_PATH",
    "STEER_PREFIX",
    "Candidate",
    "Change",
    "Finding",
    "Health",
    "Level",
    "Pathway",
    "PathwayStatus",
    "Pathways",
    "Patience",
    "PeerHealth",
    "Standing",
    "States",
    "Steerer",
    "SteeringStatistics",
    "Sums",
    "Tempo",
    "Tolerance",
    "order",
]
