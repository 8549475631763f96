"""Small made-up results to report on."""

from __future__ import annotations

from typing import Any

from assay.measure.paired import Comparison
from assay.records import DatasetInfo, Estimate, Metric, ModelInfo, RunManifest, Sampling, TaskInfo


def estimate(metric: str = "accuracy", group: str | None = None, **changes: Any) -> Estimate:
    """Half of 200 attempts right, unless told otherwise."""
    facts: dict[str, Any] = {
        "value": 0.5,
        "n": 200,
        "samples": 200,
        "clusters": None,
        "se": 0.035,
        "lower": 0.4314,
        "upper": 0.5686,
        "level": 0.95,
        "method": "wilson",
        "denominator": {"scored": 190, "unparsed": 10},
        "excluded": {"infra_failed": 7},
    }
    return Estimate(metric, group, **{**facts, **changes})


def comparison(**changes: Any) -> Comparison:
    """A clear difference on 150 samples."""
    facts: dict[str, Any] = {
        "metric": "accuracy",
        "samples": 150,
        "a": estimate(n=150, value=0.6, lower=0.52, upper=0.675),
        "b": estimate(n=150, value=0.5, lower=0.42, upper=0.58),
        "difference": 0.1,
        "se": 0.03,
        "lower": 0.0412,
        "upper": 0.1588,
        "level": 0.95,
        "method": "t over samples",
        "p": 0.0012,
        "test": "exact McNemar",
        "both_right": 70,
        "only_a": 20,
        "only_b": 5,
        "neither": 55,
        "mcnemar_p": 0.0041,
        "mcnemar_mid_p": 0.0022,
        "left_out_a": {"infra_failed": 3},
        "left_out_b": {"not in the other run": 8},
    }
    return Comparison(**{**facts, **changes})


def manifest(model: str = "some/model", **changes: Any) -> RunManifest:
    """A complete run."""
    task = TaskInfo(
        "arithmetic",
        "3",
        {"digits": 4},
        DatasetInfo("generator:arithmetic", "0123456789abcdef", "Apache-2.0", ("a note on the data",)),
        (Metric("accuracy"),),
        "template",
    )
    facts: dict[str, Any] = {
        "run_id": "arithmetic-model-1a2b3c4d",
        "mode": "robust",
        "created": "2026-01-05T12:00:00Z",
        "assay_version": "0.1.0",
        "sampling": Sampling(max_tokens=64, temperature=0.0),
        "planned": 207,
        "status": "complete",
        "sealed": True,
        "seconds": 12.5,
    }
    return RunManifest(schema_version=1, task=task, model=ModelInfo(model, {"port": 8000}), **{**facts, **changes})
