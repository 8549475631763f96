"""CryptoX as a wrapper: any question task, asked at several levels of encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.cryptox.codebooks import Codebook, codebook_notes, find_codebook, require_decodable
from assay.benchmarks.cryptox.decoding import decode_scorer, with_decoding
from assay.benchmarks.cryptox.forms import answer_line, asked_levels, decoded_line, form_metrics, second_turn
from assay.benchmarks.cryptox.levels import levels_of
from assay.benchmarks.cryptox.prompts import Form, Hop
from assay.benchmarks.cryptox.score import hop_scorer
from assay.benchmarks.cryptox.wrap import at_levels
from assay.benchmarks.registry import benchmark, load_task
from assay.errors import UsageError
from assay.protocols import dialogue, plain_completion, single_question
from assay.records import DatasetInfo, Sample
from assay.task import Scorer, Task

_VERSION = "1"
_PREFIX = "base_"


@benchmark("cryptox", "any question task with some words in code: what composing two skills costs")
def cryptox(
    data: Path | None = None,
    base: str = "korgen",
    codebook: str = "morse_base",
    codebook_file: str | None = None,
    words: tuple[int, ...] | None = None,
    percent: tuple[float, ...] = (),
    hop: Hop = "none",
    form: Form = "single",
    seed: int = 42,
    compat: bool = False,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: each of its samples, asked once for each level of encoding.

    Args:
        data: The base task's data; a ``rules.json`` in there holds the owners' codebooks.
        base: The task to wrap.
        codebook: The name of the code.
        codebook_file: A file of codebooks in the owners' format.
        words: Levels as numbers of encoded words: 0, 5 and 10 unless ``percent`` is given.
        percent: Levels as fractions (0 to 1) of the words that can be encoded.
        hop: For tasks with options: answer with the letter, its number, or number and first character.
        form: ``single`` turn, ``decode`` only (scored on the decoded question), or ``multi-round``: decode in one
            turn, answer in the next.
        seed: Of the draw of words.
        compat: Use a codebook that is ambiguous, as its owners ship it.
        offline: Passed to the base task.
        base_params: Parameters of the base task. ``base_seed`` and the like pass on one that is also
            a parameter of this one.
    """
    if base.partition("/")[0] == "cryptox":
        raise UsageError("cryptox: the base is cryptox itself")
    levels = levels_of("cryptox", words, percent)
    book = find_codebook(codebook, data, codebook_file)
    require_decodable("cryptox", book, compat=compat or offline)
    inner_params = {key.removeprefix(_PREFIX): value for key, value in base_params.items()}
    inner = load_task(base, data=data, params=inner_params, offline=offline)
    asked = asked_levels("cryptox", levels, form)
    _check_fits(inner, base, hop, form)
    scorers, mode, reference = _scoring(inner, hop, form)

    def samples() -> Iterator[Sample]:
        for sample in inner.samples():
            yield from at_levels(sample, asked, book, hop, seed, form)

    params: dict[str, Any] = {"codebook": codebook, "codebook_file": codebook_file, "hop": hop, "seed": seed}
    params |= ({"form": form} if form != "single" else {}) | ({"compat": True} if compat else {})
    params |= {"percent": percent} if percent else {"words": tuple(int(level.amount) for level in levels)}
    passed_on = {_PREFIX + key if key in _OWN else key: value for key, value in inner.params.items()}
    return replace(
        inner,
        name=f"cryptox/{base}",
        version=f"{_VERSION}+{inner.version}",
        samples=samples,
        protocol=inner.protocol if form != "multi-round" else dialogue(second_turn),
        scorers=scorers,
        mode=mode,
        metrics=form_metrics(inner.metrics[0], asked, form),
        dataset=_dataset(
            inner.dataset or DatasetInfo(base), book, [levels, hop, seed, *([form] if form != "single" else [])]
        ),
        params={key: value for key, value in params.items() if value is not None} | passed_on,
        cluster=inner.cluster or "base_id",
        size=None if inner.size is None else inner.size * len(asked),
        rows=None,
        reference=reference,
    )


_OWN = frozenset(
    ("data", "base", "codebook", "codebook_file", "words", "percent", "hop", "form", "seed", "compat", "offline")
)


def _check_fits(inner: Task, base: str, hop: Hop, form: Form) -> None:
    """Raise ``UsageError`` where the base task cannot be asked so."""
    if hop != "none" and inner.protocol is plain_completion:
        raise UsageError("cryptox: hop needs a chat model's instructions; the base task continues plain text")
    if form != "single" and inner.protocol is not single_question:
        raise UsageError(f"cryptox: form={form} takes a base task of single questions, and {base} is none")
    if form == "decode" and hop != "none":
        raise UsageError("cryptox: form=decode has no answer for hop to transform")


def _scoring(inner: Task, hop: Hop, form: Form) -> tuple[Mapping[str, Scorer], str, Callable[[Sample], str] | None]:
    """The scorers, the mode, and how a right reply is worded: the base task's, unless the answer is another."""
    if form == "decode":
        return {"robust": decode_scorer}, "robust", decoded_line
    scorers, mode, reference = inner.scorers, inner.mode, inner.reference
    if hop != "none":
        scorers, mode, reference = {"robust": hop_scorer(hop)}, "robust", answer_line
    if form == "multi-round":
        scorers = {name: with_decoding(scorer) for name, scorer in scorers.items()}
    return scorers, mode, reference


def _dataset(base: DatasetInfo, book: Codebook, settings: list[Any]) -> DatasetInfo:
    identity = msgspec.json.encode([base.digest, book.codes, book.text, settings], order="sorted")
    digest = hashlib.sha256(identity).hexdigest() if base.digest else None
    return msgspec.structs.replace(base, digest=digest, notes=(*base.notes, *codebook_notes(book)))
