"""Judges: a model's reply read as a verdict, with everything kept that led to it.

``asking`` puts a prompt to a judge and repairs what cannot be read; ``verdicts`` reads replies; ``fences``
keeps what is judged apart from what the judge is told; ``panels`` joins several judges; ``pairwise`` asks in
both orders; ``shotjudge`` grades against a rubric with one expert-graded example. A judge is a name and a plain
async function from messages to text, so that nothing in here knows of providers, and stored text replays.
"""
