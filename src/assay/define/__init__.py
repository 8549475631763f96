"""What is worth measuring: suites of tasks with weights, and the figures that others have published."""
