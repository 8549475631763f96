"""General run modes around any question task: composed, hinted, stepwise, self-correct. Read ``card.md`` first."""
