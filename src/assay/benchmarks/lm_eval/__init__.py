"""Tasks of lm-evaluation-harness, asked by our engine: prompts, filters and metrics are the harness's own."""
