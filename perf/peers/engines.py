"""How each engine is told to ask the same questions, and where it says what came out.

Each runs in a fresh folder that holds ``questions.jsonl``; whatever it leaves under ``out`` is what a
user would keep. An engine's score is read back so that a run that lost or garbled samples is noticed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent


class WrongResult(Exception):
    """An engine ended, but not with all samples scored."""


@dataclass(frozen=True)
class Engine:
    """An engine under test."""

    name: str
    packages: tuple[str, ...]
    """The distributions whose versions matter; the first one's module has to be importable."""
    module: str
    command: Callable[[str, int], list[str]]
    """(server's address, connections) -> the command to measure."""
    accuracy: Callable[[Path, int], float]
    """(folder, samples) -> the score that it reports. Raises ``WrongResult``."""
    environment: Callable[[str, Path], Mapping[str, str]] = lambda url, folder: {}
    """(server's address, folder) -> variables to set."""
    prepare: Callable[[Path], object] = lambda folder: None
    most: int | None = None
    """Samples to ask at most, where more would take too long."""

    @property
    def installed(self) -> bool:
        """Whether it can be run by this Python."""
        return find_spec(self.module) is not None


def _assay(url: str, connections: int) -> list[str]:
    asked = ["run", "mcq", "--data", "questions.jsonl", "--model", "openai/mock", "-p", f"base_url={url}"]
    return [sys.executable, "-m", "assay.cli.main", *asked, "--concurrency", str(connections), "--out", "out", "--json"]


def _assay_accuracy(folder: Path, samples: int) -> float:
    (run,) = json.loads((folder / "stdout").read_bytes())
    (estimate,) = run["estimates"]
    if run["outcomes"] != {"scored": samples} or not run["manifest"]["sealed"]:
        raise WrongResult(f"outcomes {run['outcomes']}, sealed: {run['manifest'].get('sealed', False)}")
    return float(estimate["value"])


def _floor(url: str, connections: int) -> list[str]:
    script = str(HERE.parent / "floor.py")
    asked = ["--data", "questions.jsonl", "--url", url, "--concurrency", str(connections), "--out", "out/journal.jsonl"]
    return [sys.executable, script, *asked]


def _floor_accuracy(folder: Path, samples: int) -> float:
    found = json.loads((folder / "stdout").read_bytes())
    if found["n"] != samples:
        raise WrongResult(f"{found['n']} samples")
    return float(found["accuracy"])


def _lm_eval(url: str, connections: int) -> list[str]:
    model = ["--model", "local-chat-completions", "--apply_chat_template"]
    options = ["--model_args", f"model=mock,base_url={url}/chat/completions,num_concurrent={connections}"]
    task = ["--tasks", "mock_choice", "--include_path", str(HERE), "--log_samples", "--output_path", "out"]
    return [sys.executable, "-m", "lm_eval", "run", *model, *options, *task]


def _lm_eval_environment(url: str, folder: Path) -> Mapping[str, str]:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return {**offline, "OPENAI_API_KEY": "none", "HF_HOME": str(folder / "hf")}


def _lm_eval_accuracy(folder: Path, samples: int) -> float:
    (path,) = (folder / "out").rglob("results_*.json")
    found = json.loads(path.read_bytes())
    if found["n-samples"]["mock_choice"]["effective"] != samples:
        raise WrongResult(f"{found['n-samples']} samples")
    return float(found["results"]["mock_choice"]["exact_match,letter"])


def _inspect(url: str, connections: int) -> list[str]:
    model = ["inspect_choice.py", "--model", "openai-api/mock/mock", "--display", "none", "--log-dir", "out"]
    at_once = ["--max-samples", str(connections), "--max-connections", str(connections)]
    return [sys.executable, "-m", "inspect_ai", "eval", *model, *at_once]


def _inspect_environment(url: str, folder: Path) -> Mapping[str, str]:
    return {"MOCK_API_KEY": "none", "MOCK_BASE_URL": url, "XDG_DATA_HOME": str(folder / "data")}


_READ_INSPECT = """
import sys
from inspect_ai.log import read_eval_log
log = read_eval_log(sys.argv[1], header_only=True)
print(log.status, log.results.completed_samples, log.results.scores[0].metrics["accuracy"].value)
"""


def _inspect_accuracy(folder: Path, samples: int) -> float:
    (path,) = (folder / "out").glob("*.eval")
    # Python's own zip reader does not know the compression of these logs.
    told = subprocess.check_output([sys.executable, "-c", _READ_INSPECT, str(path)], text=True).split()
    if told[:2] != ["success", str(samples)]:
        raise WrongResult(f"{' '.join(told)}")
    return float(told[2])


ENGINES = (
    Engine("assay", ("assay", "aiohttp", "polars", "uvloop"), "assay", _assay, _assay_accuracy),
    Engine(
        "floor",
        ("aiohttp",),
        "aiohttp",
        _floor,
        _floor_accuracy,
        prepare=lambda folder: (folder / "out").mkdir(),
    ),
    Engine("lm-eval", ("lm-eval",), "lm_eval", _lm_eval, _lm_eval_accuracy, _lm_eval_environment),
    Engine(
        "inspect",
        ("inspect-ai", "openai"),
        "inspect_ai",
        _inspect,
        _inspect_accuracy,
        _inspect_environment,
        lambda folder: shutil.copy(HERE / "inspect_choice.py", folder),
        most=500,
    ),
)
