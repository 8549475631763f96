"""IFEval: instructions whose following can be checked without a judge."""
