"""The user's own multiple-choice questions."""
