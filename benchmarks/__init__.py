"""Benchmarks, each beside a named peer; `./run bench NAME` runs one."""
