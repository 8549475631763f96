"""IFEval as a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.benchmarks.ifeval.data import Prompt, read
from assay.benchmarks.ifeval.score import scorer
from assay.benchmarks.maths.data import local_copy, not_found, pick_file
from assay.benchmarks.registry import benchmark
from assay.protocols import single_question
from assay.records import DatasetInfo, Metric, Sample
from assay.task import Task


@benchmark("ifeval", summary="IFEval: 25 kinds of instructions whose following is checked by rules")
def ifeval(data: Path | None = None, file: str | None = None, offline: bool = False) -> Task:
    """IFEval (arXiv 2311.07911).

    Args:
        data: The owners' ``input_data.jsonl``, the same rows as Parquet, or the folder of either.
        file: The file's name, where the folder holds several.
        offline: Give a task without samples where there is no copy.
    """
    place = local_copy("ifeval", data)
    if place is None and not offline:
        raise not_found(
            "ifeval", "input_data.jsonl (google-research, instruction_following_eval/data; or google/IFEval)"
        )
    source = pick_file("ifeval", place, file, "input_data") if place else None
    prompts = [(len(prompt.instructions), prompt.groups) for prompt in read(source)] if source else []
    total = sum(count for count, _ in prompts)
    groups = sorted({group for _, of_prompt in prompts for group in of_prompt})

    def samples() -> Iterator[Sample]:
        for prompt in read(source) if source else ():
            yield _sample(prompt, total / len(prompts))

    return Task(
        name="ifeval",
        version="1",
        samples=samples,
        protocol=single_question,
        scorers={"robust": scorer},
        mode="robust",
        metrics=(
            Metric("prompt-level strict"),
            Metric("prompt-level loose", value="loose"),
            Metric("instruction-level strict", value="instructions_strict"),
            Metric("instruction-level loose", value="instructions_loose"),
            *(Metric(f"{group}, strict", value=group, where={f"asks {group}": "yes"}) for group in groups),
        ),
        dataset=DatasetInfo(str(source.path), source.digest, "Apache-2.0") if source else None,
        size=len(prompts) if source else None,
    )


def _sample(prompt: Prompt, mean: float) -> Sample:
    about = {
        "question": prompt.text,
        "instructions": [list(pair) for pair in prompt.instructions],
        "mean_instructions": mean,
        **{f"asks {group}": "yes" for group in prompt.groups},
    }
    return Sample(prompt.key, prompt.text, metadata=about)
