"""Checkpoints of training runs: curves, their noise, and the decisions that they allow."""
