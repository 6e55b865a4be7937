"""Capacity and cost; empty for now.

It will turn measured costs a request into machines and money a year.
"""
