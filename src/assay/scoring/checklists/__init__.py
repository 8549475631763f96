"""The published schemes as settings of one checklist model: a thin constructor for each benchmark.

Here is only what a scheme's arithmetic needs: weights, gates, caps, and the way that many lists are averaged.
Prompts, judges and data are elsewhere.
"""
