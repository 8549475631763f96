"""Where a run's models are opened: in this process, at a server started for the run, or on a Ray cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.engine.endpoint import Endpoint, Pace
    from assay.task import Model


@dataclass(frozen=True)
class Place:
    """The options of ``assay run`` that say where models are."""

    executor: str = "local"
    ray_address: str | None = None
    workers: int = 2
    serve: str | None = None
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.executor not in ("local", "ray"):
            raise UsageError(f"--executor takes local or ray, not {self.executor!r}")

    def connect(self) -> Callable[[], None]:
        """Join the cluster, where there is one; returns what leaves it again."""
        if self.executor == "local":
            return lambda: None
        from assay.engine.ray_executor import connect

        return connect(self.ray_address)

    async def endpoint(self, name: str, options: Mapping[str, Any], pace: Pace) -> Endpoint:
        """The model with its pace; on a cluster ``Pace.concurrency`` is each worker's, and theirs add up."""
        model = await self._open(name, options, pace)
        return (pace if self.executor == "local" else replace(pace, concurrency=None)).endpoint(model)

    async def _open(self, name: str, options: Mapping[str, Any], pace: Pace) -> Model:
        if self.executor == "ray":
            from assay.engine.ray_executor import Fleet, open_ray_model

            fleet = Fleet(self.workers, self.serve, pace.concurrency, pace.policy, gpus=self.gpus)
            return await open_ray_model(name, options, fleet, lambda line: print(f"assay: {line}", file=sys.stderr))
        if self.serve is not None:
            from assay.engine.served import ServedModel

            return ServedModel(name, options, self.serve)
        from assay.models.registry import open_model

        return open_model(name, options)
