"""Case records: what analysis knows of each attempt, one row each, with no need to open the run again.

Columns of the case table:

- who and what: ``case`` (unique; what findings cite), ``model``, ``task``, ``run``, ``sample_id``, ``epoch``,
  ``cluster`` (the task's own, or null), ``half`` (``discovery`` or ``confirmation``);
- what came out: ``outcome``, ``score`` (the value; an answer without one counts 0; null where the model
  had no say), ``right`` (score of at least 0.5), ``answer``, ``target``;
- texts, bounded: ``prompt``, ``output``, ``thinking`` (the beginning and the end of long ones);
- behaviour: the names of ``behaviour.VARIABLES``;
- the question: ``prompt_chars``, ``prompt_words``, ``prompt_digit_share``, ``prompt_lines``, ``options``;
- ``tag:KEY`` (text) and ``num:KEY`` (number) for the sample's metadata, where they tell samples apart;
- whatever labelling adds: ``label:NAME`` (true, false or null).

The invariant: a sample is in the same half for every model and attempt, and within a source the halves are
as equal as can be, so that what is found on one half can be tried on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.analyze.behaviour import VARIABLES, of_reply
from assay.errors import UsageError
from assay.models.prices import cost
from assay.records import ANSWERED, Outcome, RunManifest, Sample, Score, Trajectory, Usage
from assay.scoring.thinking import split_thinking
from assay.store.encoding import printable
from assay.store.folder import read_manifest
from assay.store.frames import trajectories

if TYPE_CHECKING:
    import polars as pl

SHORT = 1_000
"""Characters of an answer or a target that the table keeps."""
EXCERPT = 6_000
"""Characters of a text that the table keeps; the run has the rest."""
FEWEST_PER_TAG = 2
MOST_TAG_VALUES = 400
LONGEST_TAG = 80

_TEXT_KEYS = frozenset(("question", "rule", "prompt", "input", "solution"))
"""Metadata that holds the question again, not a property of it."""


def case_table(
    runs: Sequence[Path], *, seed: int = 0, advance: Callable[[], None] = lambda: None, mode: str | None = None
) -> pl.DataFrame:
    """The case records of runs, several models and tasks together.

    ``advance`` is called after each case, for a progress bar. Raises ``UsageError`` where two runs hold the
    same model on the same task.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], Path] = {}
    for number, run in enumerate(runs):
        manifest = read_manifest(run)
        if mode is not None and mode != manifest.mode:
            raise UsageError(f"{run} is scored in mode {manifest.mode}, not {mode}: diagnose works on a run's own mode")
        who = (manifest.model.name, manifest.task.name)
        if who in seen:
            raise UsageError(f"{seen[who]} and {run} are both {who[0]} on {who[1]}: diagnose one of them")
        seen[who] = run
        for row in _rows(run, manifest, number):
            rows.append(row)
            advance()
    if not rows:
        raise UsageError("the runs hold no finished attempt: there is nothing to diagnose")
    tags = _tag_columns(rows)
    plain = [{key: value for key, value in row.items() if key != "metadata"} for row in rows]
    table = pl.DataFrame(plain, schema=_schema(), orient="row", strict=False)
    return with_halves(table.with_columns([pl.Series(name, values) for name, values in tags.items()]), seed)


def with_halves(table: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """The table with its column ``half``: within each source, samples go to the halves in turn, in hashed order."""
    import polars as pl

    samples = table.select("task", "sample_id", "cluster").unique(["task", "sample_id"], keep="first")
    draw = [_draw(seed, task, sample) for task, sample in samples.select("task", "sample_id").iter_rows()]
    source = pl.coalesce(pl.col("cluster").cast(pl.String), pl.lit(""))
    placed = (
        samples.with_columns(pl.Series("draw", draw, dtype=pl.UInt64), source.alias("source"))
        .sort("draw")
        .with_columns(
            pl.int_range(pl.len()).over("task", "source").alias("at"), pl.col("draw").over("task", "source").alias("d")
        )
    )
    first = pl.col("source").hash(seed=seed) % 2  # else the odd sample of every source would go to one half
    halves = placed.select(
        "task",
        "sample_id",
        pl.when((pl.col("at") + first) % 2 == 0)
        .then(pl.lit("discovery"))
        .otherwise(pl.lit("confirmation"))
        .alias("half"),
    )
    return table.drop("half", strict=False).join(halves, on=["task", "sample_id"], how="left", maintain_order="left")


def behaviour_columns(table: pl.DataFrame) -> list[str]:
    """The behaviour variables of which the table has any value."""
    return [name for name in VARIABLES if name in table.columns and table[name].null_count() < table.height]


def _draw(seed: int, task: str, sample: str) -> int:
    text = f"{seed}\x1f{task}\x1f{sample}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def _rows(run: Path, manifest: RunManifest, number: int) -> Iterator[dict[str, Any]]:
    for sample, trajectory, line in trajectories(run):
        yield _row(run, manifest, number, sample, trajectory, line.score)


def _row(
    run: Path, manifest: RunManifest, number: int, sample: Sample, trajectory: Trajectory, score: Score
) -> dict[str, Any]:
    output, thinking = _said(trajectory)
    prompt = "\n\n".join(m.text for m in sample.messages if m.role != "assistant")
    reply = of_reply(output, thinking, prompt)
    value = score.value if score.value is not None else (0.0 if score.outcome in ANSWERED else None)
    words = prompt.split()
    cluster = None if manifest.task.cluster is None else sample.metadata.get(manifest.task.cluster)
    usage = _usage(trajectory)
    target = sample.target if isinstance(sample.target, str) else " | ".join(sample.target)
    return {
        "case": f"{number}:{printable(sample.id)}" + (f"#{trajectory.epoch}" if manifest.epochs > 1 else ""),
        "model": manifest.model.name,
        "task": manifest.task.name,
        "run": run.name,
        "sample_id": printable(sample.id),
        "epoch": trajectory.epoch,
        "cluster": None if cluster is None else printable(str(cluster)),
        "outcome": str(score.outcome),
        "score": value,
        "right": None if value is None else value >= 0.5,
        "answer": None if score.answer is None else excerpt(score.answer, SHORT),
        "target": excerpt(target, SHORT),
        "prompt": excerpt(prompt),
        "output": excerpt(output),
        "thinking": None if thinking is None else excerpt(thinking),
        **{key: value for key, value in reply.items() if key in VARIABLES},
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "turns": len(trajectory.calls),
        "tool_calls": sum(len(call.response.tool_calls) for call in trajectory.calls),
        "seconds": _seconds(trajectory),
        "cost": None if manifest.price is None else cost(manifest.price, usage),
        "format_ok": score.outcome is Outcome.SCORED if score.outcome in ANSWERED else None,
        "truncated": trajectory.calls[-1].response.finish_reason == "length" if trajectory.calls else None,
        "refused": score.outcome is Outcome.REFUSED
        or (score.outcome is Outcome.UNPARSED and bool(reply["refused_wording"])),
        "prompt_chars": len(prompt),
        "prompt_words": len(words),
        "prompt_digit_share": sum(map(str.isdecimal, prompt)) / max(len(prompt), 1),
        "prompt_lines": prompt.count("\n") + 1,
        "options": len(sample.choices) or None,
        "metadata": sample.metadata,
    }


def excerpt(text: str, most: int = EXCERPT) -> str:
    """The text or, where it is long, its beginning and its end with a mark between them."""
    text = printable(text)
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}\n[... {len(text) - most} characters left out ...]\n{text[-(most // 2) :]}"


def _said(trajectory: Trajectory) -> tuple[str, str | None]:
    """What the model said in all its turns, and what it thought."""
    outputs: list[str] = []
    thoughts: list[str] = []
    for call in trajectory.calls:
        inside, answer = split_thinking(call.response.text)
        thoughts += [part for part in (call.response.reasoning, inside) if part]
        outputs.append(answer)
    return "\n\n".join(outputs), "\n\n".join(thoughts) if thoughts else None


def _usage(trajectory: Trajectory) -> Usage:
    found = [call.response.usage for call in trajectory.calls if call.response.usage is not None]

    def total(name: str) -> int | None:
        values = [getattr(usage, name) for usage in found if getattr(usage, name) is not None]
        return sum(values) if values else None

    return Usage(*(total(name) for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")))


def _seconds(trajectory: Trajectory) -> float | None:
    times = [call.response.timing.seconds for call in trajectory.calls if call.response.timing is not None]
    return sum(times) if times else None


def _tag_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Metadata as columns: numbers as ``num:KEY``, short texts that several samples share as ``tag:KEY``."""
    keys = dict.fromkeys(key for row in rows for key in row["metadata"] if key not in _TEXT_KEYS)
    columns: dict[str, list[Any]] = {}
    for key in keys:
        values = [row["metadata"].get(key) for row in rows]
        given = [value for value in values if value is not None]
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in given) and len(set(given)) > 12:
            columns[f"num:{key}"] = [None if v is None else float(v) for v in values]
            continue
        texts = [None if v is None else _tag(v) for v in values]
        kinds = {text for text in texts if text is not None}
        if 2 <= len(kinds) <= min(MOST_TAG_VALUES, len(rows) // FEWEST_PER_TAG) and None not in map(_short, kinds):
            columns[f"tag:{key}"] = texts
    return columns


def _tag(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return printable(str(value))
    return None


def _short(text: str) -> str | None:
    return text if len(text) <= LONGEST_TAG else None


def _schema() -> dict[str, pl.DataType]:
    import polars as pl

    text, number, whole, flag = pl.String(), pl.Float64(), pl.Int64(), pl.Boolean()
    flags = ("format_ok", "truncated", "refused", "looping", "language_mismatch")
    wholes = ("output_tokens", "reasoning_tokens", "turns", "tool_calls")
    variables = {name: flag if name in flags else whole if name in wholes else number for name in VARIABLES}
    names = ("case", "model", "task", "run", "sample_id")
    return {
        **dict.fromkeys(names, text),
        "epoch": whole,
        "cluster": text,
        "outcome": text,
        "score": number,
        "right": flag,
        **dict.fromkeys(("answer", "target", "prompt", "output", "thinking"), text),
        **variables,
        **dict.fromkeys(("prompt_chars", "prompt_words", "prompt_lines", "options"), whole),
        "prompt_digit_share": number,
    }
