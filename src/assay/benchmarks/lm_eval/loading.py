"""From a task's name to the harness's own ``ConfigurableTask``; imported only when such a task is wanted.

What cannot be run is refused by looking at the YAML, before any dataset is fetched or any of the task's
code is imported. ``!function`` entries of a YAML that is not refused do run: they are as trusted as the
harness, or as the user's own folder of tasks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Entry, Kind

from assay.errors import DatasetNotFound, TaskNotFound, UsageError

GENERATION_KEYS = frozenset(
    (
        *("until", "do_sample", "temperature", "top_p", "top_k", "min_p", "repetition_penalty"),
        *("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"),
    )
)
"""Of ``generation_kwargs``, what can be asked of an endpoint."""


def find(name: str, folder: Path | None) -> Entry:
    """Where a task is defined: in the user's folder, else in the package. Raises ``TaskNotFound``, ``UsageError``."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"lm-eval: --data {folder} is no folder of YAML tasks")
    index = {} if folder is None else TaskManager(include_path=str(folder), include_defaults=False).task_index
    if name not in index:
        index = TaskManager().task_index
    if name not in index:
        near = get_close_matches(name, index, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "--data names a folder of your own YAML tasks"
        raise TaskNotFound(f"lm-eval: no task {name!r}: {hint}")
    entry = index[name]
    if entry.kind in (Kind.GROUP, Kind.TAG):
        raise UsageError(
            f"lm-eval: {name} is a {entry.kind.name.lower()}, not a task; its tasks: {_members(index, name)}"
        )
    reasons = unsupported(entry)
    if reasons:
        raise UsageError(f"lm-eval/{name} cannot be run here: {'; '.join(reasons)}")
    return entry


def _members(index: dict[str, Entry], name: str, most: int = 12) -> str:
    names = list(dict.fromkeys(_leaves(index, name, set())))
    return ", ".join(names[:most]) + (f" ... ({len(names)} in all)" if len(names) > most else "")


def _leaves(index: dict[str, Entry], name: str, seen: set[str]) -> Iterator[str]:
    entry = index.get(name)
    if entry is None or name in seen:
        return
    seen.add(name)
    members = sorted(entry.tags) if entry.kind is Kind.TAG else (entry.cfg or {}).get("task")
    if entry.kind not in (Kind.TAG, Kind.GROUP) or not isinstance(members, list):
        yield name
        return
    for member in members:
        member = (member.get("task") or member.get("group")) if isinstance(member, dict) else member
        if isinstance(member, str):
            yield from _leaves(index, member, seen)


def unsupported(entry: Entry) -> list[str]:
    """Why a task cannot be run here; empty if it can."""
    config = entry.cfg or {}
    found = []
    if entry.kind is Kind.PY_TASK or "class" in config:
        found.append("class: it is a Python class, not a declaration")
    if entry.yaml_path is None:
        found.append("it has no YAML file of its own")
    output = config.get("output_type", "generate_until")
    if output == "loglikelihood_rolling":
        found.append("output_type loglikelihood_rolling: its windows are cut by the model's tokenizer")
    elif output not in ("generate_until", "multiple_choice", "loglikelihood"):
        found.append(f"output_type {output}: not known here")
    found += [f"{key}: only text is passed on" for key in ("doc_to_image", "doc_to_audio") if config.get(key)]
    if config.get("unsafe_code"):
        found.append("unsafe_code: its metric runs the model's code in this process")
    if config.get("use_prompt"):
        found.append("use_prompt: promptsource is no part of the extra")
    for setting in _listed(config.get("metric_list")):
        if setting.get("hf_evaluate"):
            found.append(f"metric {setting.get('metric')}: hf_evaluate fetches code from a hub")
    for filters in _listed(config.get("filter_list")):
        for step in _listed(filters.get("filter")):
            if step.get("function") == "decontaminate":
                found.append("filter decontaminate: the harness itself does not implement it")
    settings = config.get("generation_kwargs") or {}
    strange = sorted(key for key in set(settings) - GENERATION_KEYS if (key, settings[key]) != ("num_beams", 1))
    if strange and output == "generate_until":
        found.append(f"generation_kwargs {', '.join(strange)}: endpoints have no such setting")
    return found


def _listed(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def build(path: str, shots: int | None, seed: int) -> Any:
    """The harness's task, its dataset loaded. Raises ``DatasetNotFound`` where that fails."""
    import datasets

    datasets.disable_progress_bars()
    try:
        with _seeded():
            (task,) = TaskManager(include_defaults=False).load([path])["tasks"].values()
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise DatasetNotFound(f"lm-eval: {path} cannot be loaded: {type(error).__name__}: {reason}") from None
    if shots is not None and task.get_config("num_fewshot") != 0:  # a 0 in the YAML stands, as in the harness
        task.set_config("num_fewshot", shots)
    elif task.get_config("num_fewshot") is None:
        task.set_config("num_fewshot", 0)
    task.set_fewshot_seed(seed)
    return task


@contextmanager
def _seeded() -> Iterator[None]:
    """The global generators as the harness seeds them, for tasks that shuffle their documents."""
    import numpy as np

    states = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(1234)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
