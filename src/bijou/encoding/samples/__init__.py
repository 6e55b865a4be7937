"""Eight short films for a first evening, made by ffmpeg's own generators.

Nothing is shipped and nothing is downloaded: a film here is a filter graph.
"""

from bijou.encoding.samples.aurora import AURORA
from bijou.encoding.samples.coast import COAST
from bijou.encoding.samples.ink import INK
from bijou.encoding.samples.kilim import KILIM
from bijou.encoding.samples.planet import PLANET
from bijou.encoding.samples.rain import RAIN
from bijou.encoding.samples.sample import Sample, command, make
from bijou.encoding.samples.sea import SEA
from bijou.encoding.samples.train import TRAIN

# The first is the home page's hero.
SAMPLES: tuple[Sample, ...] = (AURORA, TRAIN, PLANET, SEA, RAIN, INK, KILIM, COAST)

__all__ = ["SAMPLES", "Sample", "command", "make"]
