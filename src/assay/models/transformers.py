"""Models of Hugging Face transformers in this process: a folder, a name on the hub, or a GGUF file.

``hf/PATH`` or ``hf/OWNER/NAME``. One worker thread owns the model, because the library computes on
the calling thread and must never hold the event loop; while it computes, requests queue up, and those
that are alike go through the model together as its next batch. The model is loaded by the first call.

Log-likelihoods score the same tokens as ``likelihood`` does: those of ``prompt + continuation`` that
hold any of the continuation's text. Batches are padded at the right, where causal attention never
looks, so that a sequence's numbers do not depend on its neighbours beyond rounding. Code that comes
with a model is never executed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from time import perf_counter, time
from typing import Any, NamedTuple

from msgspec.structs import replace

from assay.errors import (
    BadRequest,
    CallFailed,
    EndpointUnusable,
    MissingDependency,
    ModelNotFound,
    NotSupported,
    ServerFailed,
)
from assay.models import options as option
from assay.records import Image, Request, Response, Sampling, Timing, TokenLogprob, Usage

OPTIONS = {
    "device": "where to compute, such as cpu, cuda or cuda:1 (cuda where there is one, else cpu)",
    "dtype": "float32, float16, bfloat16, or auto for the checkpoint's own (auto; float32 on the cpu)",
    "revision": "branch, tag or commit on the hub (main)",
    "batch_size": "most requests that go through the model together (16)",
    "threads": "of the cpu; 0 leaves it to torch (0)",
}

_MAX_TOKENS = 512
"""Of a reply, where neither the user nor the model sets a limit."""

_INSTALL = "pip install 'assay[hf]'"


@dataclass(frozen=True)
class Settings:
    """What to load, and where."""

    source: str
    """A folder or a name on the hub."""
    gguf_file: str | None = None
    """The file in it, where it is one of llama.cpp's."""
    device: str = ""
    dtype: str = "auto"
    revision: str = "main"
    batch_size: int = 16
    threads: int = 0


def create(name: str, options: Mapping[str, Any]) -> TransformersModel:
    """The model ``hf/PATH`` or ``hf/OWNER/NAME``. Raises ``MissingDependency`` or ``ModelNotFound``."""
    given = name.partition("/")[2]
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingDependency(f"{name} needs {package}: {_INSTALL}")
    path, gguf_file = Path(given), None
    if given.endswith(".gguf"):
        if not path.is_file():
            raise ModelNotFound(f"no model file {path}")
        path, gguf_file = path.parent, path.name
    elif given.startswith((".", "/", "~")) and not path.expanduser().is_dir():
        raise ModelNotFound(f"no folder {path} (a name on the hub is hf/OWNER/NAME)")
    settings = Settings(
        source=os.fspath(path.expanduser()) if gguf_file or path.expanduser().is_dir() else given,
        gguf_file=gguf_file,
        device=option.text(options, "device", ""),
        dtype=option.choice(options, "dtype", ("auto", "float32", "float16", "bfloat16"), "auto"),
        revision=option.text(options, "revision", "main"),
        batch_size=option.integer(options, "batch_size", 16, least=1),
        threads=option.integer(options, "threads", 0),
    )
    return TransformersModel(name, settings)


class _Waiting(NamedTuple):
    request: Request
    scored: bool
    """Whether a log-likelihood is asked."""
    reply: asyncio.Future[Response]

    def alike(self, other: _Waiting) -> bool:
        """Whether the two may share a batch: drawn replies with a seed stand alone, for the seed is the batch's."""
        if self.scored or other.scored:
            return self.scored and other.scored
        return self.request.sampling == other.request.sampling and self.request.sampling.seed is None


class TransformersModel:
    """A model on a thread of its own, loaded by the first call."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.concurrency = 2 * settings.batch_size
        """A batch in the model and one that waits."""
        self._settings = settings
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="transformers")
        self._waiting: list[_Waiting] = []
        self._pump: asyncio.Task[None] | None = None
        self._loaded: _Loaded | None = None
        self._failure: str | None = None
        """Why the model could not be loaded; it is not tried again."""

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass."""
        if request.tools:
            raise NotSupported(f"{self.name} is not offered tools: how a model writes its calls is the model's own")
        return await self._ask(request, scored=False)

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation`` after the prompt. Raises ``CallFailed``."""
        if not request.continuation:
            raise BadRequest("a log-likelihood needs a continuation of at least one character")
        return await self._ask(request, scored=True)

    async def close(self) -> None:
        """Wait for the batch under way and let the model go."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await asyncio.to_thread(self._worker.shutdown)
        self._loaded = None

    async def _ask(self, request: Request, *, scored: bool) -> Response:
        if any(isinstance(part, Image) for m in request.messages if type(m.content) is tuple for part in m.content):
            raise NotSupported(f"{self.name} is not shown images")
        reply: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, scored, reply))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work_off())
        return await reply

    async def _work_off(self) -> None:
        """Put what waits through the model, batch after batch, until nothing does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(0)  # calls that are made in the same breath belong together
            batch = self._next_batch()
            if not batch:
                continue
            started, clock = time(), perf_counter()
            try:
                answers = await loop.run_in_executor(self._worker, self._compute, batch)
            except BaseException:  # the model is being closed: nobody may wait for ever
                for waiting in (*batch, *self._waiting):
                    waiting.reply.cancel()
                raise
            timing = Timing(started, perf_counter() - clock)
            for waiting, answer in zip(batch, answers, strict=True):
                if waiting.reply.done():  # its caller has gone
                    continue
                if isinstance(answer, CallFailed):
                    waiting.reply.set_exception(answer)
                else:
                    waiting.reply.set_result(replace(answer, timing=timing))

    def _next_batch(self) -> list[_Waiting]:
        """The longest waiting request and those like it, taken off the queue."""
        self._waiting = [waiting for waiting in self._waiting if not waiting.reply.done()]
        if not self._waiting:
            return []
        first, *others = self._waiting
        batch = [first, *(other for other in others if other.alike(first))][: self._settings.batch_size]
        taken = {id(waiting) for waiting in batch}
        self._waiting = [waiting for waiting in self._waiting if id(waiting) not in taken]
        return batch

    def _compute(self, batch: Sequence[_Waiting]) -> list[Response | CallFailed]:
        """On the worker thread: an answer or an error for each request of a batch."""
        try:
            model = self._model()
        except EndpointUnusable as failure:
            return [failure for _ in batch]
        answers: dict[int, Response | CallFailed] = {}
        prepared: dict[int, _Tokens] = {}
        for place, waiting in enumerate(batch):
            try:
                prepared[place] = model.tokens(waiting.request, scored=waiting.scored)
            except CallFailed as failure:
                answers[place] = failure
        found = _in_parts(model, list(prepared.values()), None if batch[0].scored else batch[0].request.sampling)
        answers.update(zip(prepared, found, strict=True))
        return [answers[place] for place in range(len(batch))]

    def _model(self) -> _Loaded:
        if self._failure is not None:
            raise EndpointUnusable(self._failure)
        if self._loaded is None:
            try:
                self._loaded = _Loaded(self.name, self._settings)
            except Exception as error:  # whatever a foreign checkpoint makes of loading it
                self._failure = f"{self.name} could not be loaded: {type(error).__name__}: {_first_line(error)}"
                raise EndpointUnusable(self._failure) from error
        return self._loaded


class _Tokens(NamedTuple):
    """A request as the model reads it."""

    ids: list[int]
    start: int
    """Where the tokens to be scored begin."""


def _in_parts(
    model: _Loaded, sequences: Sequence[_Tokens], sampling: Sampling | None
) -> Sequence[Response | CallFailed]:
    """Score (without ``sampling``) or continue, in halves where the memory is too small; a failure is everyone's."""
    if not sequences:
        return []
    try:
        return model.score(sequences) if sampling is None else model.extend(sequences, sampling)
    except model.torch.OutOfMemoryError as error:
        if len(sequences) > 1:
            half = len(sequences) // 2
            return [*_in_parts(model, sequences[:half], sampling), *_in_parts(model, sequences[half:], sampling)]
        return [BadRequest(f"{len(sequences[0].ids)} tokens do not fit the device's memory: {_first_line(error)}")]
    except (TypeError, ValueError) as error:
        return [BadRequest(f"transformers rejects this request: {_first_line(error)}") for _ in sequences]
    except Exception as error:  # a foreign library's, and a call must never go without an answer
        return [ServerFailed(f"transformers failed: {type(error).__name__}: {_first_line(error)}") for _ in sequences]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


class _Loaded:
    """A model with its tokenizer; used on the worker thread only."""

    def __init__(self, name: str, settings: Settings) -> None:
        # Imported by name: both are optional, and neither needs to be there for type checking.
        self.torch: Any = import_module("torch")
        library: Any = import_module("transformers")
        library.utils.logging.disable_progress_bar()
        if settings.threads:
            self.torch.set_num_threads(settings.threads)
        device = settings.device or ("cuda" if self.torch.cuda.is_available() else "cpu")
        dtype: Any = settings.dtype
        if dtype == "auto" and device.startswith("cpu"):
            dtype = "float32"  # half precision is slow there, and coarse
        if dtype != "auto":
            dtype = getattr(self.torch, dtype)
        where: dict[str, Any] = {"revision": settings.revision, "trust_remote_code": False}
        if settings.gguf_file is not None:
            where["gguf_file"] = settings.gguf_file
        self.tokenizer: Any = library.AutoTokenizer.from_pretrained(settings.source, **where)
        self.model: Any = library.AutoModelForCausalLM.from_pretrained(settings.source, dtype=dtype, **where)
        self.model.to(device).eval()
        self.device = device
        self.name = name
        self.commit: str | None = getattr(self.model.config, "_commit_hash", None)
        self.keeps = "logits_to_keep" in signature(self.model.forward).parameters
        self.limit: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        ends = self.model.generation_config.eos_token_id
        self.ends = frozenset([ends] if isinstance(ends, int) else ends or [])
        pad = self.tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else min(self.ends, default=0)

    @property
    def served_by(self) -> str:
        """The model's name, with the commit that was loaded where the hub names one."""
        return f"{self.name}@{self.commit}" if self.commit else self.name

    def tokens(self, request: Request, *, scored: bool) -> _Tokens:
        """The request's tokens. Raises ``BadRequest`` or ``NotSupported``."""
        prompt = request.prompt if request.prompt is not None else self._templated(request)
        # A template writes the begin-of-text token itself.
        special = request.prompt is not None
        before: list[int] = self.tokenizer(prompt, add_special_tokens=special).input_ids
        if not scored:
            self._check(len(before) + 1)
            if not before:
                raise BadRequest("needs at least one token to continue")
            return _Tokens(before, len(before))
        whole: list[int] = self.tokenizer(prompt + (request.continuation or ""), add_special_tokens=special).input_ids
        shared = next((at for at, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b), None)
        start = min(min(len(before), len(whole)) if shared is None else shared, len(whole) - 1)
        if start <= 0:
            raise BadRequest("needs at least one token before the continuation")
        self._check(len(whole))
        return _Tokens(whole, start)

    def _check(self, length: int) -> None:
        if self.limit is not None and length > self.limit:
            raise BadRequest(f"{length} tokens exceed the available context size ({self.limit} tokens)")

    def _templated(self, request: Request) -> str:
        if not getattr(self.tokenizer, "chat_template", None):
            raise NotSupported(f"{self.name} has no chat template: use a task for base models")
        extra = request.sampling.extra.get("chat_template_kwargs", {})
        turns = [{"role": message.role, "content": message.text} for message in request.messages]
        try:
            text: str = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **extra)
        except Exception as error:  # a template is the checkpoint's own program
            raise BadRequest(f"the chat template rejects this conversation: {_first_line(error)}") from None
        return text

    def score(self, sequences: Sequence[_Tokens]) -> list[Response]:
        """Log-probabilities of each sequence's tokens from its start, in one pass over all."""
        torch = self.torch
        longest = max(len(sequence.ids) for sequence in sequences)
        rows = [sequence.ids + [self.pad] * (longest - len(sequence.ids)) for sequence in sequences]
        first = min(sequence.start for sequence in sequences) - 1
        with torch.inference_mode():
            logits = self._logits(torch.tensor(rows, device=self.device), first)
            return [self._scored(sequence, logits[row], first) for row, sequence in enumerate(sequences)]

    def _logits(self, rows: Any, first: int) -> Any:
        """Logits at the positions from ``first``; where the architecture allows, no others are made."""
        places = self.torch.arange(first, rows.shape[1], device=self.device)
        mask = self.torch.ones_like(rows)
        if self.keeps:
            return self.model(rows, attention_mask=mask, logits_to_keep=places, use_cache=False).logits
        return self.model(rows, attention_mask=mask, use_cache=False).logits[:, first:]

    def _scored(self, sequence: _Tokens, logits: Any, first: int) -> Response:
        torch = self.torch
        wanted = sequence.ids[sequence.start :]
        begin = sequence.start - 1 - first  # the logits at a place are about the token after it
        spread = torch.log_softmax(logits[begin : begin + len(wanted)].float(), -1)
        found = spread[torch.arange(len(wanted)), torch.tensor(wanted)].tolist()
        best = spread.max(-1)
        tops = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        tokens = [
            TokenLogprob(self._piece(token), value, {self._piece(top): highest})
            for token, value, (top, highest) in zip(wanted, found, tops, strict=True)
        ]
        greedy = best.indices.tolist() == wanted
        usage = Usage(input_tokens=len(sequence.ids))
        return Response(logprobs=tuple(tokens), greedy=greedy, usage=usage, served_by=self.served_by)

    def extend(self, sequences: Sequence[_Tokens], sampling: Sampling) -> list[Response]:
        """Continue each sequence. Raises ``ValueError`` for parameters that transformers does not know."""
        torch = self.torch
        longest = max(len(sequence.ids) for sequence in sequences)
        rows = [[self.pad] * (longest - len(sequence.ids)) + sequence.ids for sequence in sequences]
        mask = [[0] * (longest - len(sequence.ids)) + [1] * len(sequence.ids) for sequence in sequences]
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        room = None if self.limit is None else self.limit - longest
        length = min((n for n in (sampling.max_tokens, room) if n is not None), default=_MAX_TOKENS)
        with torch.inference_mode():
            made = self.model.generate(
                torch.tensor(rows, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=length,
                pad_token_id=self.pad,
                return_dict_in_generate=True,
                output_logits=sampling.logprobs is not None,
                **self._drawing(sampling),
            )
        new = made.sequences[:, longest:].tolist()
        return [
            self._continued(sequence, new[row], made.logits, row, sampling) for row, sequence in enumerate(sequences)
        ]

    def _drawing(self, sampling: Sampling) -> dict[str, Any]:
        """The sampling as ``generate`` takes it."""
        chosen: dict[str, Any] = {k: v for k, v in sampling.extra.items() if k != "chat_template_kwargs"}
        if sampling.temperature == 0:
            chosen |= {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        elif sampling.temperature is not None or sampling.top_p is not None:
            chosen |= {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p}
        if sampling.stop:
            chosen |= {"stop_strings": list(sampling.stop), "tokenizer": self.tokenizer}
        return chosen

    def _continued(
        self, sequence: _Tokens, new: list[int], logits: Sequence[Any] | None, row: int, sampling: Sampling
    ) -> Response:
        end = next((at for at, token in enumerate(new) if token in self.ends), None)
        kept = new if end is None else new[:end]
        text: str = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        stops = [at for stop in sampling.stop if (at := text.find(stop)) >= 0]
        finished = end is not None or bool(stops)
        logprobs = None
        if sampling.logprobs is not None and logits is not None:
            logprobs = tuple(self._drawn(token, logits[at][row], sampling.logprobs) for at, token in enumerate(kept))
        return Response(
            text[: min(stops)] if stops else text,
            finish_reason="stop" if finished else "length",
            usage=Usage(len(sequence.ids), len(kept) if end is None else end + 1),
            logprobs=logprobs,
            served_by=self.served_by,
        )

    def _drawn(self, token: int, logits: Any, alternatives: int) -> TokenLogprob:
        spread = self.torch.log_softmax(logits.float(), -1)
        top = spread.topk(alternatives)
        others = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return TokenLogprob(self._piece(token), spread[token].item(), {self._piece(i): value for i, value in others})

    def _piece(self, token: int) -> str:
        """A token's text or, where it is part of a character, the tokenizer's own name for it."""
        piece: str = self.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        if "\ufffd" in piece:
            piece = self.tokenizer.convert_ids_to_tokens(token)
        return piece
