"""Runs the command line as its users do: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CACHE = tempfile.mkdtemp(prefix="assay-tests-")
"""Instead of the user's own cache folder."""


def environment() -> dict[str, str]:
    """The environment without settings of Assay's or keys, and with a cache folder of the tests' own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ASSAY_", "OPENAI_"))}
    return {**clean, "ASSAY_CACHE": CACHE}


def assay(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``assay`` with the arguments."""
    command = [sys.executable, "-m", "assay.cli.main", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment(), **(env or {})},
        timeout=timeout,
        check=False,
    )


def succeeded(*arguments: object, **settings: Any) -> str:
    """Standard output of a command that has to succeed."""
    done = assay(*arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(*arguments: object, **settings: Any) -> Any:
    """The JSON that a command prints with ``--json``."""
    return json.loads(succeeded(*arguments, "--json", **settings))


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line that a failed command wrote to standard error."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def write_questions(path: Path, n: int = 8) -> Path:
    """A file of multiple-choice questions, all answered by A."""
    rows = [
        {
            "id": f"q{number}",
            "question": f"What is {number} + 1?",
            "choices": [str(number + 1), "-5", "-7"],
            "answer": "A",
        }
        for number in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
