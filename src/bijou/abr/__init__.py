"""Adaptive-bitrate policies and their simulator; empty for now.

A policy is one function of buffer, throughput and ladder that runs the same in
the simulator and in the browser. Pure.
"""
