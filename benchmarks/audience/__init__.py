"""Audiences beside DuckDB, Polars and pandas written plainly."""
