"""Rules of our own making, each with questions that only the rule can answer."""
