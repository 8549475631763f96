"""Question tasks put to base models: log-likelihoods of options and of gold answers."""
