"""All tables of ads, as one list; `METADATA` is what the chain of changes is compared with."""

from sqlalchemy import Table

from bijou.ads.model import fact_tables, history_tables, selling_tables, showing_tables, viewer_tables
from bijou.ads.model.columns import METADATA

GROUPS: dict[str, tuple[Table, ...]] = {
    name: tuple(value for value in vars(module).values() if isinstance(value, Table))
    for name, module in (
        ("What was decided, by whom, and why", history_tables),
        ("What is sold", selling_tables),
        ("What is shown, and where", showing_tables),
        ("Viewers", viewer_tables),
        ("What happened", fact_tables),
    )
}

__all__ = ["GROUPS", "METADATA"]
