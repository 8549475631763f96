"""Start-up stays light: what only one command needs is imported by that command."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"polars", "numpy", "scipy", "aiohttp", "pandas", "sympy", "altair", "duckdb", "yaml", "rich"}


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import assay", "import assay.cli.main", "import assay.records, assay.task"])
def test_importing_loads_nothing_heavy_and_no_provider(statement: str) -> None:
    modules = imported_by(statement)
    assert not HEAVY & modules
    assert "assay.models.openai" not in modules


def test_looking_at_the_benchmarks_loads_nothing_heavy() -> None:
    assert not (HEAVY - {"rich"}) & imported_by("from assay.benchmarks.registry import benchmarks; benchmarks()")


def test_every_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli.main", "--help"], capture_output=True, text=True, check=True
    )
    commands = [line.split()[0] for line in done.stdout.partition("Commands:")[2].strip().splitlines() if line.strip()]
    assert {"run", "show", "samples", "score", "import", "conform", "compare", "tasks", "models", "demo"} <= set(
        commands
    )
    for command in commands:
        text = subprocess.run(
            [sys.executable, "-m", "assay.cli.main", command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert "assay " in text, f"{command} --help shows no example"
