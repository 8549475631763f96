"""Measurement: stored scores in, numbers with their uncertainty out; nothing here prints or asks a model."""
