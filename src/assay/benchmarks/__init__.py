"""Benchmarks: one folder each, with everything about it inside.

``registry`` finds them; nothing outside a benchmark's folder knows its quirks.
"""
