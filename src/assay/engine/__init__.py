"""The engine: plans runs, puts samples to models, journals, scores, resumes and seals."""
