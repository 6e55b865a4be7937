"""The structures beside the libraries that people would pick instead."""
