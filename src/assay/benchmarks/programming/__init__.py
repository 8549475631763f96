"""Programs that a model writes, judged by their tests: HumanEval, LiveCodeBench, Codeforces problems."""
