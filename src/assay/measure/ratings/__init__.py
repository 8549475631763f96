"""Ratings from battles: who is better than whom, from comparisons of two models at a time."""
