"""Interactions in, rows out; empty for now.

It will train offline and rank online; until then the catalogue's own rows are
what a viewer sees.
"""
