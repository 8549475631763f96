"""CryptoBench as a task: seven base sets at several levels of encoding, together or one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import msgspec

from assay.benchmarks.cryptobench import needles, prompts
from assay.benchmarks.cryptobench.data import HOPS, ROWS, Dataset, Places, locate
from assay.benchmarks.cryptobench.samples import Hay, Maker, samples
from assay.benchmarks.cryptobench.score import WITHOUT_JUDGE, scorers_for
from assay.benchmarks.cryptox.codebooks import Codebook, codebook_notes, codebooks, require_decodable
from assay.benchmarks.cryptox.decoding import decode_scorer, with_decoding
from assay.benchmarks.cryptox.forms import asked_levels, decoded_line, form_metrics, second_turn
from assay.benchmarks.cryptox.levels import Level, evenly_spaced, levels_of
from assay.benchmarks.cryptox.prompts import Form
from assay.benchmarks.files import digest_files
from assay.benchmarks.registry import benchmark
from assay.errors import UsageError
from assay.protocols import dialogue, single_question
from assay.records import DatasetInfo, Metric, Sample
from assay.task import Scorer, Task

_VERSION = "1"
_SETS: dict[Form, tuple[Dataset, ...]] = {
    "single": get_args(Dataset),
    "decode": ("math", "bbh", "mbpp", "mmlu"),
    "multi-round": tuple(HOPS),
}
"""The sets that have each form."""
_SHOTS: dict[Form, dict[Dataset, int]] = {
    "single": {"bbh": 3},
    "decode": dict.fromkeys(_SETS["decode"], 5),
    "multi-round": {},
}
"""Worked examples unless the user says otherwise, as many as the owners give."""


@benchmark("cryptobench", "CryptoBench: MATH, BBH, MBPP, MMLU and needles with words in code")
def cryptobench(
    data: Path | None = None,
    datasets: tuple[Dataset, ...] = (),
    subset: Dataset | None = None,
    form: Form = "single",
    words: tuple[int, ...] | None = None,
    percentages: str | None = None,
    codebook: str = "morse_base",
    codebook_file: str | None = None,
    compat: bool = False,
    shots: int | None = None,
    lengths: tuple[int, ...] = needles.LENGTHS,
    depths: tuple[int, ...] = needles.DEPTHS,
    tokens: str = "characters/4",
    offline: bool = False,
) -> Task:
    """Build the task.

    Args:
        data: The owners' files.
        datasets: Which base sets to ask; all that have the form unless given.
        subset: A single one of them.
        form: ``single`` turn, ``decode`` only, or ``multi-round``: decode in one turn, answer in the next.
        words: Levels as numbers of encoded words: 0, 5 and 10 unless given.
        percentages: Levels as fractions in the owners' notation ``start count end``, such as ``0 3 1``.
        codebook: The name of the code; MATH uses NAME_math where there is one.
        codebook_file: A file of codebooks in the owners' format, in place of their ``rules.json``.
        compat: Use a codebook that is ambiguous, as its owners ship it.
        shots: Worked examples; the owners' numbers (3 for BBH, 5 to decode) unless given.
        lengths: Context lengths of the needle set, in tokens.
        depths: Depths of the first needle, in percent.
        tokens: How tokens are counted: ``characters/N`` or ``tiktoken/ENCODING``.
        offline: Give a task without samples where there is no data.
    """
    sets = _sets(datasets, subset, form)
    fractions = evenly_spaced("cryptobench", percentages) if percentages is not None else ()
    levels = asked_levels("cryptobench", levels_of("cryptobench", words, fractions), form)
    places = locate(data, sets, offline=offline)
    books = _books(codebook, codebook_file, places.rules, sets)
    for book in books.values():
        require_decodable("cryptobench", book, compat=compat or offline)
    if shots is not None and (shots < 0 or form == "multi-round" or sets == ("needle",)):
        raise UsageError(f"cryptobench: shots={shots} will not do: form={form} with {', '.join(sets)} has none")
    examples = {name: _SHOTS[form].get(name, 0) if shots is None else shots for name in sets}
    maker = Maker(form, levels, books, examples)
    hay = Hay(lengths, depths, tokens, places.essays) if "needle" in sets else None
    if hay is not None and not offline:
        needles.token_counter(tokens)  # what is wrong with it is said now, not behind six other sets
    params = {
        **({"datasets": list(sets)} if subset is None else {}),
        "form": form,
        **({"percentages": percentages} if percentages is not None else {"words": [int(k.amount) for k in levels]}),
        **{"codebook": codebook, "codebook_file": codebook_file, "compat": compat, "shots": shots},
        **({"lengths": list(lengths), "depths": list(depths), "tokens": tokens} if hay else {}),
    }
    scorers, reference = _scoring(sets, form)
    present = _present(places, sets)
    return Task(
        name="cryptobench" if subset is None else f"cryptobench/{subset}",
        version=_VERSION,
        samples=partial(samples, places, present, maker, hay),
        protocol=dialogue(second_turn) if form == "multi-round" else single_question,
        scorers=scorers,
        mode=next(iter(scorers)),
        metrics=_metrics(sets, levels, form),
        dataset=_info(data, places, present, maker, hay, params),
        params={key: value for key, value in params.items() if value is not None and value is not False},
        cluster="base_id",
        size=_size(places, present, hay) * len(levels),
        reference=reference,
    )


def _sets(datasets: tuple[Dataset, ...], subset: Dataset | None, form: Form) -> tuple[Dataset, ...]:
    wanted = (subset,) if subset is not None else datasets or _SETS[form]
    if without := [name for name in wanted if name not in _SETS[form]]:
        raise UsageError(f"cryptobench: {', '.join(without)} has no form {form}; it is of {', '.join(_SETS[form])}")
    return tuple(name for name in _SETS["single"] if name in wanted)


def _books(name: str, file: str | None, rules: Path | None, sets: Sequence[Dataset]) -> dict[Dataset, Codebook]:
    known = codebooks(rules, file)
    if name not in known:
        raise UsageError(f"cryptobench: no codebook {name!r}; there are: {', '.join(known)}")
    maths = known.get(f"{name}_math", known[name])
    return {each: maths if each == "math" else known[name] for each in sets}


def _scoring(sets: Sequence[Dataset], form: Form) -> tuple[dict[str, Scorer], Any]:
    if form == "decode":
        return {"robust": decode_scorer}, decoded_line
    scorers = scorers_for(sets)
    if form == "multi-round":
        scorers = {mode: with_decoding(scorer) for mode, scorer in scorers.items()}
    return scorers, _reference


def _reference(sample: Sample) -> str:
    """A right reply: for MBPP the owners' own program."""
    if sample.metadata["dataset"] == "mbpp":
        return prompts.code_reply(sample.target if isinstance(sample.target, str) else sample.target[0])
    return f"Answer: {sample.target}"


def _present(places: Places, sets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """The sets that there are samples of: all of them unless the task is offline."""
    return tuple(name for name in sets if name == "needle" or places.sets is not None)


def _metrics(sets: Sequence[Dataset], levels: tuple[Level, ...], form: Form) -> tuple[Metric, ...]:
    """For each set, its score at each level and the areas under it; further breakdowns where a set has them."""
    found: list[Metric] = []
    for name in sets:
        where: dict[str, str] = {"dataset": name}
        label = f" ({name})" if len(sets) > 1 else ""
        main = Metric("score" if name in ("mbpp", "needle") else "accuracy")
        for metric in form_metrics(main, levels, form):
            found.append(msgspec.structs.replace(metric, name=metric.name + label, where=where))
        if name == "bbh" and form == "single":
            one_word = {**where, "rule": "official"}
            found.append(Metric(f"accuracy, one-word answers{label}", by="level", where=one_word))
        if name == "needle":
            shares = {"context_length": "score by length", "depth": "score by depth"}
            found += [Metric(told + label, by=key, where=where) for key, told in shares.items()]
    return tuple(found)


def _size(places: Places, sets: Sequence[Dataset], hay: Hay | None) -> int:
    made = len(hay.lengths) * len(hay.depths) if hay is not None else 0
    return made + sum(_rows(path, path.stat().st_mtime_ns) for path in places.files(sets))


@cache
def _rows(path: Path, _changed: int) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _info(
    data: Path | None, places: Places, sets: Sequence[Dataset], maker: Maker, hay: Hay | None, params: Mapping[str, Any]
) -> DatasetInfo | None:
    if not sets:
        return None
    books = maker.books
    files = places.files(sets)
    if hay is not None and hay.essays is not None:
        files += sorted(hay.essays.glob("*.txt"))
    identity = [digest_files(files), [[name, books[name].codes, books[name].text] for name in sets], dict(params)]
    notes = dict.fromkeys(note for name in sets for note in codebook_notes(books[name]))
    return DatasetInfo(
        source=str(places.sets or data or "made by Assay"),
        digest=hashlib.sha256(msgspec.json.encode(identity, order="sorted")).hexdigest(),
        notes=(*notes, *_notes(places, sets, maker, hay)),
    )


def _notes(places: Places, sets: Sequence[Dataset], maker: Maker, hay: Hay | None) -> Iterable[str]:
    yield "prompts are in Assay's own words, not the owners': compare levels and models, not published scores"
    yield (
        "auc is the raw area over the levels, auc_normalised the same divided by their range; the published areas "
        "are on a scale that could not be established"
    )
    for name in sets:
        if name in ROWS and (rows := _size(places, (name,), None)) != ROWS[name]:
            yield f"{name}: {rows} rows, where the owners publish {ROWS[name]}"
        if maker.shots[name] and name != "needle":
            yield f"{name}: {maker.shots[name]} worked examples a prompt, other rows of the set at the same level"
    if "math" in sets and not any(char in maker.books["math"].codes for char in "$=+"):
        yield f"math: codebook {maker.books['math'].name} has letters and digits only: words with signs stay plain"
    if maker.form == "decode":
        yield (
            "decode: exact is equality with the original but for case and white space, similarity is 1 - Levenshtein "
            "distance / length; the owners publish no rule"
        )
        return
    if "math" in sets:
        yield "math: scored by math-verify (robust) in place of the owners' judge"
    if "bbh" in sets:
        yield (
            f"bbh: mode {WITHOUT_JUDGE} matches answers of several words after normalising them, in place of the "
            "owners' judge; answers of one word are compared as they do"
        )
    if hay is not None:
        yield from _needle_notes(hay, places)


def _needle_notes(hay: Hay, places: Places) -> Iterable[str]:
    yield "needle: scored by a string match in place of the owners' judge; needles and question are Assay's own"
    if places.essays is None:
        yield "needle: no folder of essays in the data: the haystack is filler text made by Assay"
    yield f"needle: lengths are in tokens as counted by {hay.tokens}; the owners count with o200k_base"
