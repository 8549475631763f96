"""A report says what was run, with what certainty, and what it would take to run it again."""

from __future__ import annotations

import polars as pl
import pytest

from assay.measure.paired import as_family
from assay.report.html import render
from assay.report.run_report import ReportedRun, labels, run_sections
from assay.report.sections import Figure, Paragraph, Section, Table, Transcript, Turn
from tests.report.examples import comparison, estimate, manifest

OUTCOMES = {"scored": 190, "unparsed": 10, "infra_failed": 7}
ESTIMATES = (estimate(), estimate("by kind", "easy"), estimate("by kind", "hard", value=0.25, lower=0.2, upper=0.31))
RESPONSES = pl.DataFrame(
    {"seconds": [0.5, 1.5, None], "input_tokens": [10, 20, 30], "output_tokens": [None, 1000, 234]},
    schema={"seconds": pl.Float64, "input_tokens": pl.Int64, "output_tokens": pl.Int64},
)


def section(sections: list[Section], title: str) -> Section:
    [found] = [s for s in sections if s.title == title]
    return found


def cells(found: Section) -> list[dict[str, str]]:
    """The rows of all tables, by column; spaces are plain."""
    return [
        {column.name: cell.replace("\u00a0", " ") for column, cell in zip(table.columns, row, strict=True)}
        for table in found.blocks
        if isinstance(table, Table)
        for row in table.rows
    ]


def test_each_score_stands_with_interval_n_and_denominator() -> None:
    sections = run_sections([ReportedRun(manifest(), "robust", ESTIMATES, OUTCOMES)])
    rows = cells(section(sections, "Scores"))
    assert rows[0] == {
        "metric": "accuracy",
        "value": "50.00 %",
        "interval": "[43.14, 56.86]",
        "SE": "3.50",
        "n": "200",
        "denominator": "190 scored, 10 unparsed",
        "left out": "7 infra_failed",
        "interval by": "95 % wilson",
    }
    assert [row["metric"] for row in rows] == ["accuracy", "by kind · easy", "by kind · hard"]


def test_a_missing_number_is_a_dash_with_a_reason() -> None:
    lost = estimate(
        value=None, se=None, lower=None, upper=None, n=0, samples=0, method="none: no attempt", denominator={}
    )
    [row] = cells(section(run_sections([ReportedRun(manifest(), "robust", [lost], {})]), "Scores"))
    assert (row["value"], row["interval"], row["SE"], row["n"]) == ("–", "–", "–", "0")
    assert row["interval by"] == "95 % none: no attempt"


def test_provenance_is_complete() -> None:
    sections = run_sections([ReportedRun(manifest(), "official", ESTIMATES, OUTCOMES)])
    facts = {row[""]: row["some/model"] for row in cells(section(sections, "Provenance"))}
    assert facts["dataset digest"] == "0123456789abcdef"
    assert facts["task version"] == "3"
    assert facts["task: digits"] == "4"
    assert facts["model: port"] == "8000"
    assert facts["sampling: temperature"] == "0.0"
    assert facts["scorer mode"] == "official"
    assert facts["created"] == "2026-01-05T12:00:00Z"
    assert facts["assay version"] == "0.1.0"


def test_an_unfinished_or_limited_run_says_so() -> None:
    run = ReportedRun(manifest(status="interrupted", limit=50), "robust", ESTIMATES, OUTCOMES)
    said = [block.text for block in section(run_sections([run]), "What was run").blocks if isinstance(block, Paragraph)]
    assert said == [
        "some/model is not complete: its numbers are of what is there so far.",
        "some/model was limited to the first 50 samples.",
        "Note: a note on the data",
    ]


def test_runs_are_named_no_longer_than_it_takes_to_tell_them_apart() -> None:
    def run(model: str, mode: str, run_id: str) -> ReportedRun:
        return ReportedRun(manifest(model, run_id=run_id), mode, ESTIMATES, OUTCOMES)

    assert labels([run("a", "robust", "1"), run("b", "official", "2")]) == ["a", "b"]
    assert labels([run("a", "robust", "1"), run("a", "official", "1")]) == ["a · robust", "a · official"]
    assert labels([run("a", "robust", "1"), run("a", "robust", "2")]) == ["a · 1", "a · 2"]
    assert len(set(labels([run("a", "robust", "1")] * 2))) == 2


def test_a_comparison_shows_both_sides_the_difference_and_what_was_left_out() -> None:
    runs = [ReportedRun(manifest(name), "robust", ESTIMATES, OUTCOMES) for name in ("first", "second")]
    found = section(run_sections(runs, [comparison()], not_compared=["no area"]), "Comparison")
    rows = cells(found)
    assert found.blocks[-1] == Paragraph("Not compared: no area")
    assert rows[0]["A − B"] == "10.00"
    assert rows[0]["interval"] == "[4.12, 15.88]"
    assert (rows[0]["A"], rows[0]["B"], rows[0]["n"], rows[0]["p"]) == ("60.00", "50.00", "150", "0.0012")
    assert (rows[1]["only A"], rows[1]["only B"], rows[1]["McNemar exact p"]) == ("20", "5", "0.0041")
    assert rows[2]["samples of B left out"] == "8 not in the other run"


def test_time_and_tokens_say_how_many_calls_report_them() -> None:
    run = ReportedRun(manifest(), "robust", ESTIMATES, OUTCOMES, responses=RESPONSES)
    found = section(run_sections([run]), "Time and tokens")
    [table] = [block for block in found.blocks if isinstance(block, Table)]
    assert table.rows == (("some/model", "3", "60", "3", "1,234", "2", "12.5"),)
    assert sum(isinstance(block, Figure) for block in found.blocks) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_whole_report_renders_and_loads_nothing(count: int) -> None:
    curve = [estimate("auc by level", group=str(level)) for level in (0, 1, 2)]
    names = ["<b>bold</b>", "second", "third\u202e"][:count]
    runs = [
        ReportedRun(
            manifest(n), "robust", [*ESTIMATES, estimate("auc")], OUTCOMES, {("auc", "level"): curve}, RESPONSES
        )
        for n in names
    ]
    transcripts = [Transcript("a sample", (Turn("assistant", "<img src=http://a.example>"),))]
    page = render("report", run_sections(runs, [comparison()] if count == 2 else [], transcripts))
    assert "<img" not in page
    assert "<b>" not in page
    assert "\u202e" not in page
    assert "xmlns" not in page
    assert page.count("<svg") == (7 if count == 2 else 6)


def test_several_comparisons_are_adjusted_and_what_cannot_be_seen_is_said() -> None:
    runs = [ReportedRun(manifest(name), "robust", ESTIMATES, OUTCOMES) for name in ("a/one", "b/two")]
    both = as_family([comparison(mde=0.084), comparison(metric="strict", p=0.04)])
    found = section(run_sections(runs, both), "Comparison")
    first, second = [row for row in cells(found) if "p, Holm" in row]
    assert (first["p"], first["p, Holm"], first["p, BH"], first["MDE"]) == ("0.0012", "0.0024", "0.0024", "8.40")
    assert (second["p, Holm"], second["p, BY"], second["MDE"]) == ("0.04", "0.06", "–")
    said = [block.text for block in found.blocks if isinstance(block, Paragraph)]
    assert "On accuracy, this comparison cannot see differences under 8.40 points." in said
    alone = section(run_sections(runs, [comparison()]), "Comparison")
    assert not any("p, Holm" in row for row in cells(alone))
    scores = section(run_sections(runs[:1]), "Scores")
    assert any("has to differ by 13.87 points" in b.text for b in scores.blocks if isinstance(b, Paragraph))
