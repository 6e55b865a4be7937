"""What other rooms ask of audiences, and what engines need to serve this room."""

from bijou.audience.batches import Batch, Cells, Chunk, FeatureSource, Mode, Policy, Reject
from bijou.audience.cells import FALSE, KNOWN_SET, MAX_WORDS, NO_INTEGER, TRUE, dtype_of, is_known, unknown
from bijou.audience.column_files import replace_file
from bijou.audience.dimensions import MAX_SET_VALUES, Dimension, Kind, Registry, suggestion
from bijou.audience.hashing import Texts
from bijou.audience.households import read_pairs
from bijou.audience.profiles import Layout, Profiles
from bijou.audience.rules.typing import value_problem
from bijou.audience.service import AudienceService
from bijou.audience.shown import Checked, NewAudience

__all__ = [
    "FALSE",
    "KNOWN_SET",
    "MAX_SET_VALUES",
    "MAX_WORDS",
    "NO_INTEGER",
    "TRUE",
    "AudienceService",
    "Batch",
    "Cells",
    "Checked",
    "Chunk",
    "Dimension",
    "FeatureSource",
    "Kind",
    "Layout",
    "Mode",
    "NewAudience",
    "Policy",
    "Profiles",
    "Registry",
    "Reject",
    "Texts",
    "dtype_of",
    "is_known",
    "read_pairs",
    "replace_file",
    "suggestion",
    "unknown",
    "value_problem",
]
