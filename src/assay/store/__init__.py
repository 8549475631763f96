"""The store: run folders, their journal, their tables, and nothing about what the numbers mean."""
