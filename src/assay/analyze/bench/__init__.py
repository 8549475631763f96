"""Whether diagnosis finds what is there and nothing else: results are simulated or known, then diagnosed.

One part a file (``recovery``, ``nulls``, ``behaviours``, ``known``, ``stability``, ``guessing``), each from
``Sizes`` to ``Cell``s; ``plan`` puts them together. The invariant: the truth is drawn or computed apart from the
code that is tried, and everything that is drawn follows from the seed.
"""
