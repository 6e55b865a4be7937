"""User features in, audiences out; the rule language and the registry of dimensions."""

from bijou.audience.batches import Batch, Cells, Chunk, FeatureSource, Mode, Policy, Reject
from bijou.audience.dimensions import (
    SHIPPED,
    Cardinality,
    Dimension,
    Kind,
    Privacy,
    Registry,
    Source,
    suggestion,
)
from bijou.audience.hashing import Hasher, Texts
from bijou.audience.manifest import BatchReport
from bijou.audience.orders import BatchState, NewBatch, Phase
from bijou.audience.rules.contradictions import Literal, Warned, disjunctive, warnings_of
from bijou.audience.rules.nodes import (
    EVERYBODY,
    NOBODY,
    And,
    Const,
    In,
    InAudience,
    Leaf,
    Not,
    Occasion,
    Or,
    Range,
    Recency,
    Rule,
    Scalar,
    Sequence,
    audiences_of,
    depends_on_time,
    dimensions_of,
    either,
    every,
    leaves,
)
from bijou.audience.rules.printing import print_rule
from bijou.audience.rules.reading import read_rule
from bijou.audience.rules.trees import dump_rule, from_tree, load_rule, to_tree
from bijou.audience.rules.typing import check as check_rule
from bijou.audience.rules.typing import value_problem
from bijou.audience.rules.words import BadRule

__all__ = [
    "EVERYBODY",
    "NOBODY",
    "SHIPPED",
    "And",
    "BadRule",
    "Batch",
    "BatchReport",
    "BatchState",
    "Cardinality",
    "Cells",
    "Chunk",
    "Const",
    "Dimension",
    "FeatureSource",
    "Hasher",
    "In",
    "InAudience",
    "Kind",
    "Leaf",
    "Literal",
    "Mode",
    "NewBatch",
    "Not",
    "Occasion",
    "Or",
    "Phase",
    "Policy",
    "Privacy",
    "Range",
    "Recency",
    "Registry",
    "Reject",
    "Rule",
    "Scalar",
    "Sequence",
    "Source",
    "Texts",
    "Warned",
    "audiences_of",
    "check_rule",
    "depends_on_time",
    "dimensions_of",
    "disjunctive",
    "dump_rule",
    "either",
    "every",
    "from_tree",
    "leaves",
    "load_rule",
    "print_rule",
    "read_rule",
    "suggestion",
    "to_tree",
    "value_problem",
    "warnings_of",
]
