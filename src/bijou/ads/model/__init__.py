"""The nouns of ad operations, their rules, and the tables that keep them.

Nothing in here does anything by itself: `bijou.ads.store` writes and reads, the
growth plan (partitions, archives, shards, changes of tables under load) is a
set of functions on a connection, and the service calls both.
"""
