"""From a reply to how many of its prompt's instructions it follows, strictly and loosely.

Strictly, the reply counts as it stands. Loosely, an instruction is followed if it is in one of eight forms of the
reply: with or without its first line, its last line, and its asterisks.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.benchmarks.ifeval.instructions import follows
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking


def scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """1 where all instructions are followed strictly; the other measures are in ``values``.

    ``instructions_strict`` and ``instructions_loose`` are the numbers of instructions followed, over the mean number
    of instructions of a prompt: their means over all prompts are shares of all instructions.
    """
    reply = split_thinking(trajectory.text)[1]
    if not reply.strip():
        return Score(outcome_without_answer(trajectory.response), explanation="an empty reply")
    asked = [(str(name), dict(arguments)) for name, arguments in sample.metadata["instructions"]]
    strict = [follows(reply, name, arguments) for name, arguments in asked]
    forms = list(loose_forms(reply))
    loose = [any(follows(form, name, arguments) for form in forms) for name, arguments in asked]
    mean = float(sample.metadata["mean_instructions"])
    values = {
        "loose": float(all(loose)),
        "instructions_strict": sum(strict) / mean,
        "instructions_loose": sum(loose) / mean,
    }
    of_group: dict[str, list[bool]] = {}
    for (name, _), followed in zip(asked, strict, strict=True):
        of_group.setdefault(name.partition(":")[0], []).append(followed)
    values |= {group: sum(verdicts) / len(verdicts) for group, verdicts in of_group.items()}
    missed = [name for (name, _), followed in zip(asked, strict, strict=True) if not followed]
    explanation = f"{sum(strict)} of {len(strict)} followed" + (f"; not {', '.join(missed)}" if missed else "")
    trace = {"instructions": [name for name, _ in asked], "strict": strict, "loose": loose}
    return Score(Outcome.SCORED, float(all(strict)), None, explanation, trace, values)


def loose_forms(reply: str) -> Iterator[str]:
    """The eight forms of a reply in which an instruction may loosely be followed."""
    lines = reply.split("\n")
    for part in (lines, lines[1:], lines[:-1], lines[1:-1]):
        form = "\n".join(part)
        form = form if part is lines else form.strip()
        yield form
        yield form.replace("*", "")
