"""The compact set of ids tells what a ``set`` tells, through all its growing."""

from __future__ import annotations

import random

from assay.benchmarks.mcq.seen import Seen


def test_seen_agrees_with_a_set_while_it_grows() -> None:
    draw, seen, truth = random.Random(3), Seen(), set[str]()
    for _ in range(20_000):
        text = f"q{draw.randrange(12_000)}"
        assert seen.add(text) is (text not in truth)
        truth.add(text)
    assert len(truth) > 8_000, "the table has grown four times"
