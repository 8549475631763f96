"""Reports: stored results as figures and documents. Everything here formats; nothing here computes a statistic."""
