"""The one chain of changes to all tables, in Alembic's form."""
