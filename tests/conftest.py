"""What holds for every test: the same examples each time, and no stopwatch.

`HYPOTHESIS_PROFILE=wide` draws others, and more of them, for whoever looks for trouble.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

_SLOW_MACHINE: Final = [HealthCheck.too_slow]

settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=_SLOW_MACHINE)
settings.register_profile("wide", deadline=None, max_examples=1000, suppress_health_check=_SLOW_MACHINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
