"""Pages of the reference that are made from rooms' tables."""

from bijou.ads.model.schema_page import columns_without_because, schema_page

__all__ = ["columns_without_because", "schema_page"]
