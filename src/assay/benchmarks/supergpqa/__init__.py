"""SuperGPQA: graduate knowledge over 285 subfields. Read ``card.md`` first."""
