"""Which scenarios a task's cases belong to: by the task's name, else by what the cases show.

The invariant: the choice is one for all the cases of a task, whatever a model said, and can always be overridden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assay.analyze.scenarios.agentic_search import AGENTIC_SEARCH
from assay.analyze.scenarios.base import Scenario
from assay.analyze.scenarios.code import CODE
from assay.analyze.scenarios.knowledge import KNOWLEDGE
from assay.analyze.scenarios.maths import MATHS
from assay.analyze.scenarios.multi_turn import MULTI_TURN
from assay.analyze.scenarios.planning import PLANNING
from assay.analyze.scenarios.rule_reasoning import RULE_REASONING
from assay.analyze.scenarios.texts import number, options
from assay.analyze.scenarios.tool_use import TOOL_USE
from assay.analyze.scenarios.translation import TRANSLATION
from assay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        KNOWLEDGE,
        RULE_REASONING,
        MATHS,
        CODE,
        MULTI_TURN,
        AGENTIC_SEARCH,
        TOOL_USE,
        PLANNING,
        TRANSLATION,
    )
}

_BY_NAME: Mapping[str, str] = {
    **dict.fromkeys(("mmlu_pro", "gpqa", "supergpqa", "mmlu", "mcq", "arc", "ceval", "cmmlu"), "knowledge"),
    **dict.fromkeys(("korbench", "korgen", "reasoning-gym", "bbh"), "rule_reasoning"),
    **dict.fromkeys(("math", "math-500", "gsm8k", "aime", "beyondaime", "imo", "hmmt"), "maths"),
    **dict.fromkeys(("humaneval", "mbpp", "livecodebench", "codeforces", "swe-bench"), "code"),
    **dict.fromkeys(("browsecomp", "xbench", "finsearchcomp", "hle-search", "gaia"), "agentic_search"),
    **dict.fromkeys(("tau2", "tau-bench", "bfcl", "toolbench"), "tool_use"),
    **dict.fromkeys(("ifeval", "worldtravel", "travelplanner", "natural-plan"), "planning"),
    **dict.fromkeys(("wmt", "flores", "translation"), "translation"),
    **dict.fromkeys(("mt-bench", "multichallenge", "stepwise", "self-correct"), "multi_turn"),
}
"""The first part of a task's name -> its scenario."""
_WRAPPERS = frozenset(("cryptox", "likelihood", "hinted", "swapped", "composed"))
_LOOKED_AT = 400
_CODE_WORDS = ("def ", "write a function", "write a program", "stdin", "```python")
_TRANSLATE = ("translate", "翻译")
_SEARCH = ("search", "browse", "retriev")


def choose(cases: pl.DataFrame, override: str | Sequence[str] | None = None) -> tuple[Scenario, ...]:
    """The scenarios of one task's cases, the leading one first; none where nothing fits.

    ``multi_turn`` joins whatever leads where most cases have several turns and no tools. Raises ``UsageError``
    for an override that is no scenario.
    """
    if override is not None:
        return tuple(_named(name) for name in ((override,) if isinstance(override, str) else override))
    names = cases["task"].unique().to_list()
    if len(names) != 1:
        raise UsageError(f"scenarios are chosen for one task at a time, not for {', '.join(map(str, names)) or 'none'}")
    lead = by_name(names[0]) or by_look(cases)
    several = _turns(cases) and lead not in ("multi_turn", "tool_use", "agentic_search")
    found = [*([lead] if lead else []), *(["multi_turn"] if several else [])]
    return tuple(SCENARIOS[name] for name in found)


def by_name(task: str) -> str | None:
    """The scenario that a task's name says, a wrapper's base named behind its slash."""
    head, _, rest = task.partition("/")
    if head in _WRAPPERS and rest:
        return by_name(rest)
    return _BY_NAME.get(head) or (_BY_NAME.get(rest.partition("/")[0]) if head in ("inspect", "lm-eval") else None)


def by_look(cases: pl.DataFrame) -> str | None:
    """The scenario that cases look like; ``None`` where nothing is clear."""
    few = cases.unique("sample_id", keep="first", maintain_order=True).head(_LOOKED_AT)
    prompts = [text.lower() for text in few["prompt"].drop_nulls().to_list()] if "prompt" in few.columns else []
    if _most("tool_calls", cases, 1):
        return "agentic_search" if _share(prompts, _SEARCH) > 0.5 else "tool_use"
    if _turns(cases):
        return "multi_turn"
    targets = few["target"].drop_nulls().to_list() if "target" in few.columns else []
    shown = few["prompt"].drop_nulls().to_list() if "prompt" in few.columns else []
    listed = sum(bool(options(prompt)) for prompt in shown) > len(shown) / 2
    given = "options" in few.columns and few["options"].null_count() < few.height / 2
    if given or listed:
        return "knowledge"
    if _share(prompts, _TRANSLATE) > 0.8:
        return "translation"
    if _share(prompts, _CODE_WORDS) > 0.8:
        return "code"
    if targets and sum(number(target) is not None for target in targets) > 0.8 * len(targets):
        return "maths"
    return None


def _named(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise UsageError(f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _turns(cases: pl.DataFrame) -> bool:
    return _most("turns", cases, 2) and not _most("tool_calls", cases, 1)


def _most(column: str, cases: pl.DataFrame, least: int) -> bool:
    if column not in cases.columns:
        return False
    known = cases[column].drop_nulls()
    return known.len() > 0 and int((known >= least).sum()) > known.len() / 2


def _share(prompts: Sequence[str], marks: Sequence[str]) -> float:
    return sum(any(mark in prompt for mark in marks) for prompt in prompts) / max(len(prompts), 1)
