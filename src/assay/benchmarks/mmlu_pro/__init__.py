"""MMLU-Pro: ten options a question, fourteen categories. Read ``card.md`` first."""
