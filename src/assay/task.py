"""The contracts between benchmarks, models and the engine.

A benchmark gives a ``Task``; the engine puts its samples to a ``Model`` by way of the task's
``Protocol`` and hands the resulting trajectory to the task's ``Scorer``. How a sample is put to a
model is one small async function over a conversation: a single question, a dialogue, a tool loop or
log-likelihoods differ in its body only. Whatever it asks through its ``Conversant`` is journalled
and, on resume, replayed; a protocol must therefore be a function of the sample and the replies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from typing import Protocol as Interface

from assay.records import DatasetInfo, Message, Metric, Request, Response, Sample, Sampling, Score, ToolSpec, Trajectory


class Model(Interface):
    """A model behind a provider: stateless, safe for many calls at once."""

    name: str

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass."""
        ...

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation`` after the prompt. Raises ``CallFailed``."""
        ...

    async def close(self) -> None:
        """Release connections and processes."""
        ...


class Conversant(Interface):
    """The model as a protocol sees it: every call is recorded for the sample at hand."""

    async def generate(
        self,
        messages: Sequence[Message] = (),
        *,
        prompt: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **sampling: Any,
    ) -> Response:
        """Ask for a reply; keywords override fields of the run's ``Sampling``."""
        ...

    async def loglikelihood(
        self, continuation: str, messages: Sequence[Message] = (), *, prompt: str | None = None
    ) -> Response:
        """Ask how probable a continuation is."""
        ...

    def trajectory(self, messages: Sequence[Message]) -> Trajectory:
        """What was asked so far, with the conversation as it ended."""
        ...


Protocol = Callable[[Sample, Conversant], Awaitable[Trajectory]]
Scorer = Callable[[Sample, Trajectory], Score | Awaitable[Score]]


@dataclass(frozen=True)
class RowMap:
    """How rows of stored responses name a task's samples: for import and conformance.

    Given a row (column -> value) of the owners' result files.
    """

    sample_id: Callable[[Mapping[str, Any]], str]
    """The id of the sample that this row answers."""
    target: Callable[[Mapping[str, Any]], str | None] = lambda row: None
    """The gold answer as it stood when the row was judged, if the row has it."""
    params: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda row: {}
    """Task parameters (such as the setting) that this row was produced with."""
    sample: Callable[[Mapping[str, Any]], Sample | None] = lambda row: None
    """A sample good enough to score the row by, where the dataset itself is absent."""


@dataclass(frozen=True)
class Task:
    """Samples, prompting protocol, scorers and metrics: one benchmark in one configuration."""

    name: str
    version: str
    """Changes whenever a prompt, a sample or a scorer changes meaning."""
    samples: Callable[[], Iterable[Sample]]
    """Streams the samples afresh at each call, always in the same order."""
    protocol: Protocol
    scorers: Mapping[str, Scorer]
    """Mode -> scorer."""
    mode: str
    """The mode used unless another is asked for."""
    metrics: tuple[Metric, ...] = (Metric("accuracy"),)
    sampling: Sampling = field(default_factory=Sampling)
    """The benchmark's own settings; the user's come on top."""
    dataset: DatasetInfo | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    cluster: str | None = None
    """Metadata key of samples that share a source (rule, document, template)."""
    size: int | None = None
    """Number of samples, where it is known without streaming them."""
    rows: RowMap | None = None
    reference: Callable[[Sample], str] | None = None
    """A reply that gives the sample's gold answer, for ``assay preflight``; by default the usual wordings are tried."""
    epochs: int = 1
    """Repeats that the benchmark's protocol asks for; ``--epochs`` overrides."""
