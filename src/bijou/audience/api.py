"""What other rooms ask of audiences, and what engines need to serve this room."""

from bijou.audience.batches import Batch, Cells, Chunk, FeatureSource, Mode, Policy, Reject
from bijou.audience.bitmaps import BitmapWriter, joined
from bijou.audience.building import BLOCK_ROWS, Evaluating, evaluate_block
from bijou.audience.cells import (
    FALSE,
    KNOWN_SET,
    MAX_WORDS,
    NO_INTEGER,
    TRUE,
    dtype_of,
    is_known,
    looked_up,
    unknown,
)
from bijou.audience.column_files import Array, Column, replace_file
from bijou.audience.column_files import opened as opened_columns
from bijou.audience.dimensions import MAX_SET_VALUES, Dimension, Kind, Registry, suggestion
from bijou.audience.hashing import Texts
from bijou.audience.households import read_pairs
from bijou.audience.manifest import Manifest
from bijou.audience.profiles import Layout, Profiles
from bijou.audience.rules.typing import value_problem
from bijou.audience.service import AudienceService
from bijou.audience.shown import Checked, Forgotten, NewAudience
from bijou.audience.snapshots import Definition
from bijou.audience.uploads_kept import keep_out
from bijou.audience.view import View

__all__ = [
    "BLOCK_ROWS",
    "FALSE",
    "KNOWN_SET",
    "MAX_SET_VALUES",
    "MAX_WORDS",
    "NO_INTEGER",
    "TRUE",
    "Array",
    "AudienceService",
    "Batch",
    "BitmapWriter",
    "Cells",
    "Checked",
    "Chunk",
    "Column",
    "Definition",
    "Dimension",
    "Evaluating",
    "FeatureSource",
    "Forgotten",
    "Kind",
    "Layout",
    "Manifest",
    "Mode",
    "NewAudience",
    "Policy",
    "Profiles",
    "Registry",
    "Reject",
    "Texts",
    "View",
    "dtype_of",
    "evaluate_block",
    "is_known",
    "joined",
    "keep_out",
    "looked_up",
    "opened_columns",
    "read_pairs",
    "replace_file",
    "suggestion",
    "unknown",
    "value_problem",
]
