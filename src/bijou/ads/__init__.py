"""Campaigns, decisions, pacing, insertion, ledger and reports; empty for now.

It will fill ad breaks and book every impression exactly once.
"""
