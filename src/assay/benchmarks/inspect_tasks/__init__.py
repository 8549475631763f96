"""Tasks of Inspect AI, run inside our run folder: their solvers and scorers are Inspect's own."""
