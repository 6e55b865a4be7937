"""Rules: their nodes, their little language, and what can be said without data."""
