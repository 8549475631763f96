"""A control around any question task: what must be read is exchanged, the gold answer kept. Read ``card.md``."""
