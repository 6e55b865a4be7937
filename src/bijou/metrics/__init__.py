"""Time series: windows, queries and alert rules; empty for now.

It will hold what services measure about themselves and decide when a person
must be woken. Until then each service answers `/healthz` with its statistics.
"""
