"""Encodes under kill -9, frozen workers and database restarts."""
