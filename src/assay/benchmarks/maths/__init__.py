"""Mathematical problems with a short answer: MATH, GSM8K, AIME, BeyondAIME."""
