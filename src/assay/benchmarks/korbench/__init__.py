"""KOR-Bench: reasoning by rules that no training corpus holds. Read ``card.md`` first."""
