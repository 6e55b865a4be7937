"""Operator commands with undo, and the console's JSON; empty for now.

The console's pages talk to the rooms' own routes; what needs several rooms at
once, or an undo, will live here.
"""
