"""The response cache answers what it was given, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.engine.endpoint import Endpoint
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.run import execute
from assay.errors import StorageFailed
from assay.records import CallError, Outcome, Request, Response, Sampling
from assay.store.cache import ResponseCache, cache_key
from tests.engine.support import QUICK, Counting, task


async def asked(tmp_path: Path, name: str, policy: str, **plan: object) -> tuple[int, int]:
    """(asked, cached) of one run in a folder of its own."""
    cache = ResponseCache(tmp_path / "cache.sqlite", policy=policy)  # type: ignore[arg-type]
    model = Counting()
    job = Job(Plan(task(5), "test/counting", tmp_path / name, **plan), cache)  # type: ignore[arg-type]
    await execute([(job, Endpoint(model, Gate(4), QUICK))])
    cache.close()
    assert job.asked == model.asked.total()
    return job.asked, job.cached


async def test_runs_share_deterministic_responses_but_not_sampled_ones(tmp_path: Path) -> None:
    cold = Sampling(temperature=0.0)
    assert await asked(tmp_path, "a", "deterministic", sampling=cold) == (5, 0)
    assert await asked(tmp_path, "b", "deterministic", sampling=cold) == (0, 5)
    assert await asked(tmp_path, "c", "deterministic") == (5, 0)
    assert await asked(tmp_path, "d", "deterministic") == (5, 0)
    assert await asked(tmp_path, "e", "all") == (5, 0)
    assert await asked(tmp_path, "f", "all") == (0, 5)


async def test_epochs_are_never_served_from_one_answer(tmp_path: Path) -> None:
    cold = Sampling(temperature=0.0)
    assert await asked(tmp_path, "a", "deterministic", sampling=cold, epochs=3) == (15, 0)
    assert await asked(tmp_path, "b", "deterministic", sampling=cold, epochs=4) == (5, 15)


async def test_another_address_is_another_model(tmp_path: Path) -> None:
    cold = Sampling(temperature=0.0)
    await asked(tmp_path, "a", "deterministic", sampling=cold, options={"base_url": "http://one"})
    assert await asked(tmp_path, "b", "deterministic", sampling=cold, options={"base_url": "http://two"}) == (5, 0)


def test_errors_are_not_kept_and_the_least_used_go_first(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "cache.sqlite")
    keys = [cache_key("d", b"", 1, number) for number in range(10)]
    cache.put(keys[0], "m", Response(error=CallError("ServerFailed", "x", Outcome.INFRA_FAILED)))
    assert cache.get(keys[0]) is None
    for key in keys:
        cache.put(key, "m", Response("\ud800" + "x" * 1000))
    assert cache.get(keys[0]) == Response("\ud800" + "x" * 1000)
    (size,) = cache.sizes()
    assert size.responses == 10
    dropped = cache.prune(max_bytes=size.bytes // 2)
    assert dropped == 5
    assert cache.get(keys[0]) is not None, "used last"
    assert cache.get(keys[1]) is None


def test_a_cache_that_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="cannot use the response cache"):
        ResponseCache(tmp_path / "file" / "cache.sqlite")


def test_only_certain_requests_are_taken() -> None:
    cache = ResponseCache.__new__(ResponseCache)
    cache.policy = "deterministic"
    assert cache.takes(Request("m", sampling=Sampling(temperature=0.0)))
    assert cache.takes(Request("m", prompt="a", continuation="b"))
    assert not cache.takes(Request("m"))
    assert not cache.takes(Request("m", sampling=Sampling(temperature=0.7)))
