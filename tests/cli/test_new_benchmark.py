"""A scaffolded benchmark passes its own tests, is found once installed, and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.support import as_json, assay, environment, one_line, succeeded


def installed(folder: Path, site: Path) -> dict[str, str]:
    """An environment in which the package is installed: what ``pip install -e`` leaves behind, by its pyproject."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"]
    lines = [
        line for group, found in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in found.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    inherited = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(part for part in (str(site), str(folder), inherited) if part)}


def test_a_new_benchmark_passes_its_tests_is_listed_and_runs(tmp_path: Path) -> None:
    printed = succeeded("new-benchmark", "my_bench", cwd=tmp_path)
    folder = tmp_path / "my_bench"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "pyproject.toml",
        "my_bench/__init__.py",
        "my_bench/card.md",
        "my_bench/data.py",
        "my_bench/prompts.py",
        "my_bench/questions.jsonl",
        "my_bench/score.py",
        "my_bench/task.py",
        "tests/test_my_bench.py",
    }
    assert "pip install -e my_bench" in printed
    assert not any(
        "@" in path.read_text().replace("@benchmark(", "").replace("@pytest.", "") for path in folder.rglob("*.*")
    )

    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(tests, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout

    env = installed(folder, tmp_path / "site")
    assert "my_bench" in {task["name"] for task in as_json("tasks", env=env)}
    assert "What it measures" in succeeded("tasks", "my_bench", env=env)
    preflight = succeeded("preflight", "my_bench", env=env)
    assert "do not score 1" in preflight
    command = ("run", "my_bench/length", "--model", "scripted/constant", "-p", "text=Answer: 12", "--out", "run")
    (run,) = as_json(*command, env=env, cwd=tmp_path)
    assert run["estimates"][0]["value"] == 1
    assert run["manifest"]["task"]["params"] == {"subset": "length"}
    assert "width" in one_line(assay("run", "my_bench/width", *command[2:], env=env, cwd=tmp_path))
    assert "already" in one_line(assay("new-benchmark", "my_bench", "--out", "other", env=env, cwd=tmp_path))


def test_the_files_are_as_clean_as_those_of_assay(tmp_path: Path) -> None:
    as_json("new-benchmark", "tidy_bench", "--out", tmp_path / "tidy")
    config = Path(__file__).resolve().parents[2] / "pyproject.toml"
    for check in (["format", "--check"], ["check", "--ignore", "I001,D103"]):  # imports sort by what is installed
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "--config", str(config), str(tmp_path / "tidy")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["My", "my-bench", "1st", "_x", "a" * 41, "x_", "os", "match", "korgen", "pytest", "../up"]
)
def test_a_name_that_will_not_do_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    assert name in one_line(assay("new-benchmark", name, "--out", "new", cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("keep")
    assert "not empty" in one_line(assay("new-benchmark", "mine", cwd=tmp_path))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]
