"""The nouns of Assay: plain immutable data, no input or output.

Everything that is stored or passed between rooms is one of these records. Two invariants hold them
together. First, what was not observed is ``None``, never 0 or an empty string: a value that was not
computed cannot be averaged by accident. Second, a record says nothing about where it is kept: the
store alone decides how it lies on disk.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct


class Outcome(StrEnum):
    """What became of one attempt at one sample; exactly one of these, counted apart."""

    SCORED = "scored"
    """An answer was found and judged, right or wrong."""
    UNPARSED = "unparsed"
    """The model answered, but no answer could be extracted."""
    REFUSED = "refused"
    """The model or its provider declined to answer."""
    TRUNCATED = "truncated"
    """No answer was found and the reply had hit its token limit."""
    MODEL_FAILED = "model_failed"
    """The endpoint rejected this request for good (such as 400: the prompt exceeds the context)."""
    INFRA_FAILED = "infra_failed"
    """The request never got a usable reply (outage, time-out, missing sandbox); asked again on resume."""
    JUDGE_FAILED = "judge_failed"
    """The scorer itself failed or timed out; says nothing about the model."""


ANSWERED = (Outcome.SCORED, Outcome.UNPARSED, Outcome.REFUSED, Outcome.TRUNCATED)
"""Outcomes in which the model had its say: the usual denominator."""


class Text(Struct, frozen=True, tag="text"):
    """A piece of text inside a message."""

    text: str


class Image(Struct, frozen=True, tag="image", omit_defaults=True):
    """An image inside a message, by address or by value."""

    url: str | None = None
    data: str | None = None
    """The file's bytes in base64."""
    media_type: str = "image/png"


class ToolCall(Struct, frozen=True):
    """A call that the model asks for."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, valid or not."""


class ToolSpec(Struct, frozen=True, omit_defaults=True):
    """A tool offered to the model."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    """JSON Schema of the arguments."""


Role = Literal["system", "user", "assistant", "tool"]


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation."""

    role: Role
    content: str | tuple[Text | Image, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    """On a ``tool`` message: the call that it answers."""

    @property
    def text(self) -> str:
        """The message's text, images left out."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))


class Sample(Struct, frozen=True, omit_defaults=True):
    """One test case (in psychometrics, an item)."""

    id: str
    """Unique within its task, stable between versions of the data."""
    input: str | tuple[Message, ...]
    """The question, or a whole conversation to continue."""
    target: str | tuple[str, ...] = ""
    """The gold answer, or several that are equally right."""
    choices: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    """Tags for filters, groups and clusters, and whatever the scorer needs; JSON values only."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The input as a conversation."""
        return (Message("user", self.input),) if isinstance(self.input, str) else self.input


class Sampling(Struct, frozen=True, omit_defaults=True):
    """How a reply is drawn. ``None`` leaves a choice to the server."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    """Epoch k of a sample is asked with ``seed + k - 1``, so that repeats are not copies."""
    logprobs: int | None = None
    """Return the log-probability of each generated token, and of this many alternatives to it."""
    extra: dict[str, Any] = {}
    """Sent in the request body as they stand (``top_k``, ``chat_template_kwargs`` ...)."""


class Request(Struct, frozen=True, omit_defaults=True):
    """One call to a model: either a conversation or a plain prompt.

    The digest of this record, with the sample and the epoch, is the key under which its response is
    kept; everything that can change the answer is therefore in here.
    """

    model: str
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    """Plain text to continue, in place of ``messages``."""
    continuation: str | None = None
    """For a log-likelihood: the text whose probability after the prompt is asked."""
    tools: tuple[ToolSpec, ...] = ()
    sampling: Sampling = Sampling()


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens, as the provider counts them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Part of ``output_tokens``."""
    cached_tokens: int | None = None
    """Part of ``input_tokens``."""


class Timing(Struct, frozen=True, omit_defaults=True):
    """When and how long, in seconds."""

    started: float
    """Unix time at which the first attempt was sent."""
    seconds: float
    """From sending the attempt that succeeded (or failed last) to its last byte."""
    first_token: float | None = None
    """To the first streamed token."""
    attempts: int = 1
    waited: float = 0.0
    """Spent in back-off and in earlier attempts."""


class TokenLogprob(Struct, frozen=True, omit_defaults=True):
    """One token with its natural log-probability (``None`` where the server gave no number)."""

    token: str
    logprob: float | None
    top: dict[str, float | None] = {}
    """The most probable alternatives."""


class CallError(Struct, frozen=True, omit_defaults=True):
    """Why a call brought no reply."""

    kind: str
    """The class of error, such as ``RateLimited`` or ``BadRequest``."""
    message: str
    outcome: Outcome
    """``model_failed`` (asking again is pointless), ``infra_failed`` (it is not) or ``refused``."""
    status: int | None = None


class Response(Struct, frozen=True, omit_defaults=True):
    """What one model call returned."""

    text: str = ""
    reasoning: str | None = None
    """Thinking text that the provider returned in a field of its own."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    """``stop``, ``length``, ``tool_calls``, ``content_filter``, or the provider's own word."""
    usage: Usage | None = None
    timing: Timing | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    """Of the generated tokens; for a log-likelihood, of the continuation's tokens."""
    greedy: bool | None = None
    """For a log-likelihood: whether the continuation is what greedy decoding would give."""
    served_by: str | None = None
    """The model's name as the server reports it."""
    error: CallError | None = None


class Call(Struct, frozen=True, omit_defaults=True):
    """One model call of a trajectory."""

    digest: str
    """Of the request, in hexadecimal."""
    request: Request
    response: Response
    replayed: bool = False
    """Taken from the journal or a cache instead of being asked anew."""


class Trajectory(Struct, frozen=True, omit_defaults=True):
    """What happened when a sample was put to a model: all that a scorer may look at."""

    sample_id: str
    epoch: int
    messages: tuple[Message, ...]
    """The conversation as it ended, the model's replies included."""
    calls: tuple[Call, ...]

    @property
    def response(self) -> Response:
        """The last call's response."""
        return self.calls[-1].response

    @property
    def text(self) -> str:
        """The last response's text."""
        return self.calls[-1].response.text


class Score(Struct, frozen=True, omit_defaults=True):
    """A scorer's judgement of one trajectory."""

    outcome: Outcome
    value: float | None = None
    """In [0, 1] for most tasks; ``None`` unless the outcome is ``scored``."""
    answer: str | None = None
    """What the model was taken to answer."""
    explanation: str | None = None
    """One line for a person: which rule decided."""
    trace: dict[str, Any] = {}
    """What the extraction saw: pattern, span, competitors, fallbacks."""
    values: dict[str, float] = {}
    """Further named judgements of the same answer."""


MetricKind = Literal["mean", "macro", "auc"]
"""A mean over samples; a mean over groups of the groups' means; an area under a curve of means."""


class Metric(Struct, frozen=True, omit_defaults=True):
    """A number to report over the scores of a run. Declared by tasks, computed by ``measure``."""

    name: str
    value: str = "value"
    """``value``, or a key of ``Score.values``."""
    where: dict[str, str] = {}
    """Only samples whose metadata has these values."""
    by: str | None = None
    """One row for each value of this metadata key."""
    denominator: tuple[Outcome, ...] = ANSWERED
    """Outcomes that count; those among them without a value count as ``absent``."""
    absent: float = 0.0
    """1 for a rate of failures, which leave no score that could hold a value."""
    kind: MetricKind = "mean"
    over: str | None = None
    """For ``macro``: the metadata key whose groups weigh the same, however many samples they have."""
    along: str | None = None
    """For ``auc``: the numeric metadata key to integrate over, trapezoidally."""
    normalised: bool = False
    """For ``auc``: divide by the range of ``along``."""
    better: Literal["higher", "lower"] = "higher"
    scale: Literal["share", "number"] = "share"
    """``number``: values have no upper end (bits a byte, seconds), even where those at hand lie in [0, 1]."""


class Estimate(Struct, frozen=True, omit_defaults=True):
    """A number with its uncertainty and its denominator; what every table and figure shows."""

    metric: str
    group: str | None
    """The value of ``Metric.by`` that this row is about, or ``None`` for all."""
    value: float | None
    """``None`` where nothing entered the denominator."""
    n: int
    """Attempts in the denominator."""
    samples: int
    """Distinct samples in the denominator (fewer than ``n`` with several epochs)."""
    clusters: int | None
    """Distinct clusters, where the standard error is clustered."""
    se: float | None
    lower: float | None
    upper: float | None
    level: float
    """Confidence of the interval, such as 0.95."""
    method: str
    """How the interval was made, such as ``wilson`` or ``t, clustered by rule``."""
    denominator: dict[str, int] = {}
    """Attempts that count, by outcome."""
    excluded: dict[str, int] = {}
    """Attempts left out of the denominator, by outcome."""
    better: Literal["higher", "lower"] = "higher"
    kind: MetricKind = "mean"
    """Only a mean of shares, plain or macro, is a share itself, to be written in percent."""
    scale: Literal["share", "number"] = "share"
    """As the metric declares it."""


class DatasetInfo(Struct, frozen=True, omit_defaults=True):
    """Where a task's samples come from."""

    source: str
    """A path, an address, or the name of a generator."""
    digest: str | None = None
    """SHA-256 over the files used, or over a generator's parameters and version."""
    licence: str | None = None
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know, such as gold answers taken from elsewhere."""


class TaskInfo(Struct, frozen=True, omit_defaults=True):
    """A task as a manifest remembers it."""

    name: str
    version: str
    params: dict[str, Any] = {}
    dataset: DatasetInfo | None = None
    metrics: tuple[Metric, ...] = ()
    cluster: str | None = None
    """The metadata key whose samples share a source and are not independent."""


class ModelInfo(Struct, frozen=True, omit_defaults=True):
    """A model as a manifest remembers it; never a key."""

    name: str
    options: dict[str, Any] = {}
    """Provider options such as ``base_url``; secrets are refused here."""


class Price(Struct, frozen=True, omit_defaults=True):
    """US dollars per million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """Of input that the provider had cached; ``None``: as any other input."""
    as_of: str | None = None


class RunManifest(Struct, frozen=True, omit_defaults=True):
    """Everything needed to know what a run's numbers mean, and to run it again."""

    schema_version: int
    run_id: str
    task: TaskInfo
    model: ModelInfo
    mode: str
    """The scorer's mode, such as ``official`` or ``robust``."""
    created: str
    """ISO 8601, UTC."""
    assay_version: str
    sampling: Sampling = Sampling()
    epochs: int = 1
    limit: int | None = None
    shard: tuple[int, int] | None = None
    """(number from 1, of how many): this run holds every so-manieth sample only."""
    status: Literal["running", "interrupted", "complete"] = "running"
    """``interrupted``: sealed with samples missing; the same command goes on."""
    sealed: bool = False
    origin: Literal["run", "import", "merge"] = "run"
    outcomes: dict[str, int] = {}
    """Attempts by outcome, at sealing."""
    planned: int | None = None
    """Attempts in the whole plan (samples x epochs)."""
    seconds: float | None = None
    """Wall time spent, over all sessions."""
    price: Price | None = None
    """What tokens cost when the run was made; ``None`` where no price is known."""
    rescored: dict[str, str] = {}
    """Further scorings of the same responses: mode -> file."""
