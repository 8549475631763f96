"""A run through batches in a process of its own: ``python -m tests.models.batched_run URL FOLDER [KILL_AFTER]``.

It has 25 samples, each asked four times over with one and the same request. With ``KILL_AFTER`` it dies
like any killed process while it scores that attempt, and so after its reply was journalled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from assay.engine.endpoint import Endpoint, RetryPolicy
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.run import Report, execute
from assay.models.registry import open_model
from assay.records import Sample, Score, Trajectory
from assay.task import Task
from tests.engine.support import says_yes, task

SAMPLES, EPOCHS = 25, 4
PATIENT = RetryPolicy(patience=60.0, base=0.01, cap=0.05)


async def carry_out(url: str, folder: Path, chosen: Task, *, epochs: int = EPOCHS, batched: bool = True) -> Report:
    """Carry out the plan as the command line would; the model's state lies beside the run."""
    quick = {"batch": "true", "batch_wait": 0.05, "batch_poll": 0.01, "batch_state": str(folder.parent / "batches")}
    model: Any = open_model("openai/m", {"base_url": url, **(quick if batched else {})})
    gate = Gate(getattr(model, "concurrency", 8), adaptive=getattr(model, "adaptive", True))
    try:
        job = Job(Plan(chosen, "openai/m", folder, epochs=epochs))
        return await execute([(job, Endpoint(model, gate, PATIENT))])
    finally:
        await model.close()


def deadly(after: int) -> Task:
    """The task, whose scorer kills the process."""
    left = [after]

    def scorer(sample: Sample, trajectory: Trajectory) -> Score:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return says_yes(sample, trajectory)

    return task(SAMPLES, scorers={"plain": scorer})


if __name__ == "__main__":
    asyncio.run(carry_out(sys.argv[1], Path(sys.argv[2]), deadly(int(sys.argv[3]) if sys.argv[3:] else 0)))
