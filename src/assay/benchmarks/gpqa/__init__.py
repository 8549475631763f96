"""GPQA: graduate-level questions that a web search does not answer. Read ``card.md`` first."""
