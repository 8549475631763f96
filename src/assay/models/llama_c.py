"""Log-probabilities from llama.cpp's C interface, all of a continuation's tokens in one pass.

``python -m assay.models.llama_c SETTINGS`` is a child process like ``local_server``: it writes a line to
standard output when the model is loaded, then answers each line of standard input (``Ask``) with one
(``Answer``), and ends when standard input does. A process of its own, because a mistake in a foreign
interface ends the process that makes it.

The interface is that of the library inside xllamacpp, which promises no layout of its structures. So as
little as can be is taken for granted: parameters are passed back as the library itself filled them in,
in a block larger than any of them, with two fields changed that the library is asked about afterwards;
only one structure, the batch, is spelt out. One version was tried, others are refused, and a model
is used only after a text read at once and read token by token has had the same probabilities.
"""

from __future__ import annotations

import ctypes as c
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

VERSION = "2026.10.11549"
"""Of xllamacpp: the one whose batch is known to be as below (its library does not tell its own build)."""

READY = b"ready\n"

_STEP = 256
"""Most tokens whose logits are held at a time: with a vocabulary of 150,000 that is 150 MB."""

_SELF_CHECK = 0.05
"""Nats by which a token's log-probability may depend on how the text was read; rounding stays below 0.01."""


class Settings(Struct, frozen=True):
    """What to load."""

    model: str
    """Path of the GGUF file."""
    n_ctx: int
    """Most tokens of prompt and continuation together."""


class Ask(Struct, frozen=True):
    """A line to the child."""

    prompt: str
    continuation: str


class Scored(Struct, frozen=True):
    """A token of the continuation, and the likeliest at its place."""

    token: str
    logprob: float
    best: str
    best_logprob: float
    greedy: bool


class Answer(Struct, frozen=True, omit_defaults=True):
    """A line from the child."""

    tokens: tuple[Scored, ...] = ()
    length: int = 0
    """Tokens of prompt and continuation."""
    rejected: str | None = None
    """Why this request will never do."""


class _Block(c.Structure):
    """Parameters that are passed by value: more room than the library fills or reads."""

    _fields_ = (("words", c.c_uint32 * 1024),)


class _Batch(c.Structure):
    """``llama_batch``."""

    _fields_ = (
        ("n_tokens", c.c_int32),
        ("token", c.POINTER(c.c_int32)),
        ("embd", c.c_void_p),
        ("pos", c.POINTER(c.c_int32)),
        ("n_seq_id", c.POINTER(c.c_int32)),
        ("seq_id", c.POINTER(c.POINTER(c.c_int32))),
        ("logits", c.POINTER(c.c_int8)),
    )


_LOGGER = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)


class Unusable(Exception):
    """The library or the model will not do."""


class Scorer:
    """A model in this process. Raises ``Unusable``."""

    def __init__(self, settings: Settings) -> None:
        self._library = library = _library()
        self._log = _LOGGER(lambda level, text, _: sys.stderr.buffer.write(text) and None)
        _function(library, "llama_log_set", None, _LOGGER, c.c_void_p)(self._log, None)
        _function(library, "llama_backend_init", None)()
        params = _function(library, "llama_model_default_params", _Block)()
        path = settings.model.encode()
        self._model = _function(library, "llama_model_load_from_file", c.c_void_p, c.c_char_p, _Block)(path, params)
        if not self._model:
            raise Unusable(f"llama.cpp cannot load {settings.model}")
        self._n_ctx = settings.n_ctx
        self._context = self._open()
        pointer, whole = c.c_void_p, c.c_int32
        self._vocab = _function(library, "llama_model_get_vocab", pointer, pointer)(self._model)
        self._size: int = _function(library, "llama_vocab_n_tokens", whole, pointer)(self._vocab)
        self._memory = _function(library, "llama_get_memory", pointer, pointer)(self._context)
        self._decode = _function(library, "llama_decode", whole, pointer, _Batch)
        self._logits = _function(library, "llama_get_logits_ith", c.POINTER(c.c_float), pointer, whole)
        self._forget = _function(library, "llama_memory_seq_rm", c.c_bool, pointer, whole, whole, whole)
        self._clear = _function(library, "llama_memory_clear", None, pointer, c.c_bool)
        self._batch = _function(library, "llama_batch_init", _Batch, whole, whole, whole)(_STEP, 0, 1)
        self._held: list[int] = []
        """The tokens that the context has read."""
        self._check()

    def _open(self) -> Any:
        pointer = c.c_void_p
        params = _function(self._library, "llama_context_default_params", _Block)()
        params.words[0] = self._n_ctx
        params.words[1] = _STEP
        context = _function(self._library, "llama_init_from_model", pointer, pointer, _Block)(self._model, params)
        if not context:
            raise Unusable(f"llama.cpp cannot make a context of {self._n_ctx} tokens")
        held: int = _function(self._library, "llama_n_ctx", c.c_uint32, pointer)(context)
        step: int = _function(self._library, "llama_n_batch", c.c_uint32, pointer)(context)
        if held < self._n_ctx or step != _STEP:
            raise Unusable("this llama.cpp keeps its parameters otherwise than was known")
        # More threads than one make llama.cpp collapse as soon as anything else uses the cores.
        _function(self._library, "llama_set_n_threads", None, pointer, c.c_int32, c.c_int32)(context, 1, 1)
        return context

    def _check(self) -> None:
        """Read a text at once and token by token: both give the same, or the interface is misunderstood."""
        tokens = self.tokens("One two three, four five six.")
        at_once = [found.logprob for found in self.read(tokens, 1)]
        self._start_afresh()
        one_by_one = [next(self.read(tokens[: end + 1], end)).logprob for end in range(1, len(tokens))]
        if len(tokens) < 3 or max(abs(a - b) for a, b in zip(at_once, one_by_one, strict=True)) > _SELF_CHECK:
            raise Unusable("this llama.cpp does not give the same probabilities for the same text twice")
        self._start_afresh()

    def answer(self, ask: Ask) -> Answer:
        """The continuation's tokens: those of the whole text from where it differs from the prompt's own."""
        before, whole = self.tokens(ask.prompt), self.tokens(ask.prompt + ask.continuation)
        start = min(_shared(before, whole), len(whole) - 1)
        if start <= 0:
            return Answer(rejected="needs at least one token before the continuation")
        if len(whole) > self._n_ctx:
            return Answer(rejected=f"{len(whole)} tokens: exceeds the available context size ({self._n_ctx} tokens)")
        return Answer(tuple(self.read(whole, start)), len(whole))

    def tokens(self, text: str) -> list[int]:
        """The text's tokens, with what the model wants before a text."""
        tokenize = _function(
            self._library,
            "llama_tokenize",
            c.c_int32,
            *(c.c_void_p, c.c_char_p, c.c_int32, c.POINTER(c.c_int32), c.c_int32, c.c_bool, c.c_bool),
        )
        data = text.encode()
        room = (c.c_int32 * (len(data) + 8))()
        count = tokenize(self._vocab, data, len(data), room, len(room), True, True)
        if count < 0:
            raise Unusable("llama.cpp cannot tokenise a text")
        return room[:count]

    def read(self, tokens: list[int], start: int) -> Iterator[Scored]:
        """Score the tokens from ``start`` (at least 1) on; what the context has read already is not read again."""
        known = min(_shared(self._held, tokens), start - 1)
        if not self._forget(self._memory, 0, known, -1):
            self._start_afresh()
            known = 0
        self._held = self._held[:known]
        for begin in range(known, len(tokens), _STEP):
            part = tokens[begin : begin + _STEP]
            self._step(part, begin, start)
            self._held += part
            # The logits at a place are about the token after it.
            for at in range(max(begin, start - 1), min(begin + len(part), len(tokens) - 1)):
                yield self._scored(at - begin, tokens[at + 1])

    def _step(self, part: list[int], begin: int, start: int) -> None:
        batch = self._batch
        batch.n_tokens = len(part)
        for at, token in enumerate(part):
            batch.token[at], batch.pos[at], batch.n_seq_id[at] = token, begin + at, 1
            batch.seq_id[at][0] = 0
            batch.logits[at] = begin + at >= start - 1
        code = self._decode(self._context, batch)
        if code:
            raise Unusable(f"llama.cpp cannot decode (code {code})")

    def _scored(self, row: int, token: int) -> Scored:
        import numpy as np

        logits = np.ctypeslib.as_array(self._logits(self._context, row), (self._size,)).astype(np.float64)
        best = int(logits.argmax())
        logits -= logits[best]
        scale = float(np.log(np.exp(logits).sum()))
        return Scored(self._piece(token), float(logits[token]) - scale, self._piece(best), -scale, best == token)

    def _piece(self, token: int) -> str:
        to_piece = _function(
            self._library,
            "llama_token_to_piece",
            c.c_int32,
            *(c.c_void_p, c.c_int32, c.c_char_p, c.c_int32, c.c_int32, c.c_bool),
        )
        room = c.create_string_buffer(1024)
        length = to_piece(self._vocab, token, room, len(room), 0, True)
        return room.raw[: max(0, length)].decode("utf-8", "replace")

    def _start_afresh(self) -> None:
        self._clear(self._memory, True)
        self._held = []


def _library() -> c.CDLL:
    import xllamacpp

    if xllamacpp.__version__ != VERSION:
        raise Unusable(
            f"this is xllamacpp {xllamacpp.__version__}, and loglikelihood=decode was tried with {VERSION} only: "
            "use loglikelihood=force"
        )
    (path,) = Path(xllamacpp.__path__[0]).glob("xllamacpp*.so")
    return c.CDLL(str(path))


def _function(library: c.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = library[name]
    function.restype, function.argtypes = result, arguments
    return function


def _shared(first: list[int], second: list[int]) -> int:
    """How many tokens two lists have in common at their beginnings."""
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def main() -> None:
    """Answer until standard input ends."""
    output = sys.stdout.buffer
    try:
        scorer = Scorer(msgspec.json.decode(sys.argv[1], type=Settings))
        output.write(READY)
        output.flush()
        for line in sys.stdin.buffer:
            output.write(msgspec.json.encode(scorer.answer(msgspec.json.decode(line, type=Ask))) + b"\n")
            output.flush()
    except Unusable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
