"""Claims and commits a second, beside Procrastinate and DBOS."""
