"""The published figures against the notes that they were taken from, which are read here by other means."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.define.published import ALIASES, Published, alias_of, figures_for, published
from assay.records import TaskInfo

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"


def notes(name: str) -> str:
    path = SPECS / name
    if not path.is_file():
        pytest.skip(f"no notes at {path}")
    return path.read_text("utf-8")


def of(table: str) -> list[Published]:
    return [figure for figure in published() if figure.table.startswith(table)]


def fenced(text: str) -> list[list[str]]:
    """The lines of each block between fences."""
    return [part.strip().splitlines() for part in text.split("```")[1::2]]


def cells(line: str) -> tuple[str, list[str]]:
    """A row's name, without its category and its mark for lower-is-better, and its cells."""
    name, *values = re.sub(r"^\[[^]]*\] ", "", line).replace("|", ",").split(",")
    return name.removesuffix(" v"), values


def models_in(text: str, start: str, full: dict[str, str]) -> list[str]:
    """The columns that a table's heading names."""
    heading = next(line for line in text.splitlines() if line.startswith(start))
    names = re.sub(r"\(.*?\)", "", heading.partition(": ")[2]).replace("|", ",").split(",")
    return [full.get(name.strip(), name.strip()) for name in names]


def test_every_row_of_the_language_table_is_there() -> None:
    text = notes("seed_evaluation_system.md")
    models = models_in(text, "### 4.4", {})
    lines = fenced(text)[0]
    wanted = [(name, model, float(v)) for name, row in map(cells, lines) for model, v in zip(models, row, strict=True)]
    assert len(lines) == 46
    assert Counter(wanted) == Counter((f.benchmark, f.model, f.value) for f in of("language"))


def test_every_row_of_the_agentic_and_advanced_tables_is_there_with_both_values() -> None:
    text = notes("seed_evaluation_system.md")
    models = models_in(text, "### 4.5", {})
    wanted: Counter[tuple[str, str, float, bool]] = Counter()
    for line in fenced(text)[1]:
        if line.startswith(("--", "(")):
            continue
        name, row = cells(line)
        for model, cell in zip(models, row, strict=True):
            for number, value in enumerate(re.findall(r"[\d.]+", cell)):
                wanted[name, model, float(value), number == 1] += 1
    wanted["Terminal Bench 2.0", "Gemini-3-Pro High", 54.2, False] += 1  # said in brackets under the table
    assert sum(aligned for *_, aligned in wanted) == 6
    found = Counter(
        (f.benchmark, f.model, f.value, f.setting.startswith("aligned")) for f in (*of("agentic"), *of("advanced"))
    )
    assert found == wanted


@pytest.mark.parametrize(("block", "start", "table"), [(2, "Image: ", "image"), (3, "Video: ", "video")])
def test_every_row_of_the_vision_tables_is_there(block: int, start: str, table: str) -> None:
    text = notes("seed_evaluation_system.md")
    full = {"Mini": "Seed2.0 Mini", "Lite": "Seed2.0 Lite", "Pro": "Seed2.0 Pro"}
    models = models_in(text, start, full)
    spelt = {"OmniDocBench1.5": "OmniDocBench 1.5"}
    wanted: Counter[tuple[str, str, float, bool]] = Counter()
    for line in fenced(text)[block]:
        name, row = cells(line)
        for model, cell in zip(models, row, strict=True):
            if cell != "-":
                wanted[spelt.get(name, name), model, float(cell.rstrip("*")), cell.endswith("*")] += 1
    assert Counter((f.benchmark, f.model, f.value, "vendor" in f.note) for f in of(table)) == wanted


def decimals(text: str) -> Counter[float]:
    return Counter(float(number) for number in re.findall(r"(?<![\w.])\d*\.\d+", text))


def test_the_numbers_in_running_text_are_all_there() -> None:
    text = notes("seed_evaluation_system.md")

    def line(start: str) -> str:
        return next(line for line in text.splitlines() if line.startswith(start))

    headline = line("Numbers: ").partition("VLM columns")[0]
    assert decimals(headline) == Counter(f.value for f in of("Seed1.8 headline"))
    complex_if = line("In-house complex").partition("overall ")[2].partition("(Overall")[0].replace("/", " ")
    assert decimals(complex_if) == Counter(f.value for f in of("complex instructions") if f.metric != "size")
    dashes = line("- Price").partition("Token efficiency")[0]
    prices = re.findall(
        r"(?<![\w.-])(?:\d*\.)?\d+", re.sub(r"[\w.-]*[A-Za-z][\w.-]*|1M", " ", dashes).replace("-", " ")
    )
    assert Counter(map(float, prices)) == Counter(f.value for f in of("prices"))
    cut = line("VideoCut").partition("Seed2.0 -> with")[2].replace("->", " ").replace("2.0 Pro", "")
    assert decimals(cut) == Counter(f.value for f in of("VideoCut"))
    sizes = line("AInsteinBench").partition("DeR2")[0].replace(",", "")
    for figure in of("sizes"):
        if figure.source.startswith("benchmark catalogues") and figure.benchmark not in ("GDPVal", "DeR2"):
            assert re.search(rf"\b{figure.value:.0f}\b", sizes), figure
    putnam = line("- Codeforces: Elo").partition("Lean search: ")[2]
    for figure in of("protocol details"):
        assert re.search(rf"(?<![\d.]){figure.value:g}(?![\d.]\d)", putnam), figure


def test_the_headline_results_of_supergpqa_are_there() -> None:
    text = notes("supergpqa.md")
    wanted = re.findall(r"([\w.()-]+) (\d+\.\d+(?:/\d+\.\d+){6})", text)
    assert len(wanted) == 15
    found: dict[str, list[float]] = {}
    for figure in of("headline"):
        found.setdefault(figure.model, []).append(figure.value)
    assert found == {model: [float(value) for value in values.split("/")] for model, values in wanted}


def test_the_leaderboard_of_korbench_is_there() -> None:
    text = notes("korbench.md")
    line = next(line for line in text.splitlines() if line.startswith("Leaderboard (overall;"))
    board = of("leaderboard")
    assert decimals(re.sub(r"[A-Za-z][\w.-]*", " ", line)) == Counter(f.value for f in board)
    full = {f.model for f in board if f.metric == "cipher"}
    assert len(full) == 8
    assert {f.metric for f in board if f.model == "GPT-4o(0513)"} >= {"operation", "puzzle", "real-life rate"}
    assert sum(f.metric == "accuracy" for f in board) == line.count(" · ") + 2


def test_the_mixed_and_self_correction_results_of_korbench_are_there() -> None:
    lines = notes("korbench.md").splitlines()
    mixed = next(line for line in lines if line.startswith("Mixed accuracy")).partition("(The published")[0]
    names = r"Claude-3\.5|Qwen2\.5|DeepSeek-V2\.5|Yi-1\.5"
    assert decimals(re.sub(names, " ", mixed)) == Counter(f.value for f in of("mixed questions"))
    corrected = next(line for line in lines if line.startswith("Self-correction overall"))
    pairs = re.findall(r"([\w.+-]+) ([\d.]+)→([\d.]+)(?=[;.] )", corrected)
    assert len(pairs) == 16
    found: dict[str, dict[str, float]] = {}
    for figure in of("self-correction"):
        found.setdefault(figure.model, {})[figure.metric] = figure.value
    assert found == {m: {"accuracy before": float(b), "accuracy after": float(a)} for m, b, a in pairs}


def test_table_2_of_seed_thinking_is_there() -> None:
    text = notes("repeated_sampling_and_verifiers.md").partition("### 2.2")[2].partition("### 2.3")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")][2:]
    wanted = Counter(float(value) for _, *row in rows for value in re.findall(r"[\d.]+", " ".join(row)))
    assert len(rows) == 15
    assert Counter(f.value for f in of("Table 2")) == wanted


def test_no_figure_is_there_twice_and_each_says_where_it_is_from() -> None:
    figures = published()
    assert len(figures) == 1798
    twice = Counter(tuple(getattr(f, k) for k in Published.__struct_fields__ if k != "value") for f in figures)
    assert max(twice.values()) == 1, twice.most_common(3)
    assert all(f.benchmark and f.unit and f.source and f.table and f.setting for f in figures)


def run_of(name: str, **params: Any) -> TaskInfo:
    return TaskInfo(name, "1", params)


def test_every_alias_leads_to_figures() -> None:
    names = {figure.benchmark for figure in published()}
    for alias in ALIASES:
        task = run_of(alias.task, **{key: values[0] for key, values in alias.params.items()})
        assert alias_of(task) == alias
        assert {figure.benchmark for figure in figures_for(task)} == set(alias.benchmarks) <= names


def test_figures_are_those_of_the_part_and_setting_that_was_run() -> None:
    assert {f.metric for f in figures_for(run_of("korbench/cipher", setting="zero-shot"))} == {"cipher"}
    assert figures_for(run_of("korbench/cipher", setting="subquestions")) == []
    assert {f.benchmark for f in figures_for(run_of("korbench", setting="mixed"))} == {"KOR-Bench mixed"}
    assert figures_for(run_of("korbench", setting="zero-shot", categories=["cipher", "puzzle"])) == []
    assert {f.benchmark for f in figures_for(run_of("aime/2025"))} == {"AIME25", "AIME 2025"}
    assert figures_for(run_of("aime")) == []  # three years at once: nobody publishes that
    assert {f.model for f in figures_for(run_of("korbench"), ("o1-mini",))} == {"O1-Mini"}
    assert len(figures_for(run_of("korbench"), ("o1-mini",))) == 7
