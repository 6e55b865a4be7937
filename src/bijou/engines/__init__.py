"""One module an engine: what `ports` asks for, on something that exists.

Embedded engines (`sqlite`, `files`) are the one-machine product, not test
doubles; a contract suite holds each to its Protocol.
"""
