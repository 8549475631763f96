"""The user's own short-answer questions."""
