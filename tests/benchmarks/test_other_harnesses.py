"""Tasks of other harnesses cost nothing until one is wanted, and then say which extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assay.benchmarks.registry import find, load_task
from assay.errors import MissingDependency

NAMES = {"lm-eval/gsm8k": "lm_eval", "inspect/inspect_evals/gsm8k": "inspect_ai", "reasoning-gym/gcd": "reasoning_gym"}


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in (NAMES[name], f"{NAMES[name]}.factory"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependency, match=rf"pip install 'assay\[{name.partition('/')[0]}\]'"):
        load_task(name)


def test_listing_tasks_imports_none_of_the_harnesses() -> None:
    program = (
        "import sys\n"
        "from assay.benchmarks.registry import benchmarks\n"
        "assert {'lm-eval', 'inspect', 'reasoning-gym'} <= set(benchmarks())\n"
        f"print(sorted(set(sys.modules) & {set(NAMES.values()) | {'datasets', 'numpy', 'polars'}}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_the_card_lists_what_is_not_supported_with_the_reason(name: str) -> None:
    card = find(name).card()
    _, _, table = card.partition("## What is not supported")
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 3
    assert all(len([cell for cell in row.strip("|").split("|") if cell.strip()]) == 2 for row in rows)
