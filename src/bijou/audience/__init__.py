"""User features in, audiences out; empty for now.

It will own the rule language, the registry of dimensions, and the bitmaps that
say who is in which audience.
"""
