"""Figures show the numbers that they were given, whatever the labels say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from assay.report import figures
from assay.report.html import render
from assay.report.sections import Figure, Section
from tests.report.examples import comparison, estimate

HOSTILE = "<script>x</script>\u202e&\"'\n\x00\ud800 url(http://a.example)"


def texts(svg: str) -> list[str]:
    """What the drawing says."""
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def marks(svg: str, kind: str) -> list[dict[str, str]]:
    """What is said of each mark of a kind to who cannot see: field -> value."""
    found = []
    for element in ElementTree.fromstring(svg).iter():
        if element.get("aria-roledescription") == kind:
            said = element.get("aria-label") or ""
            found.append(dict(part.split(": ", 1) for part in said.split("; ") if ": " in part))
    return found


def test_a_forest_names_each_row_with_its_number_interval_and_n() -> None:
    svg = figures.forest({"a": [estimate(), estimate("strict", value=0.25, lower=0.2, upper=0.31)]}, "score")
    said = texts(svg)
    assert {"accuracy", "strict", "score, %"} <= set(said)
    assert "50.00 [43.14, 56.86] n 200" in [" ".join(text.split()) for text in said]
    whiskers = marks(svg, "rule mark")
    assert [(float(w["score, %"]), float(w["upper"])) for w in whiskers] == [(43.14, 56.86), (20.0, 31.0)]


def test_whiskers_are_drawn_where_the_axis_puts_them() -> None:
    svg = figures.forest({"a": [estimate(value=0.5, lower=0.2, upper=0.8)]}, "score")
    root = ElementTree.fromstring(svg)
    [whisker] = [e for e in root.iter() if e.get("aria-roledescription") == "rule mark"]
    [point] = [e for e in root.iter() if e.get("aria-roledescription") == "point"]
    start, x = (float(re.search(r"translate\(([-\d.]+)", e.get("transform") or "")[1]) for e in (whisker, point))  # type: ignore[index]
    assert x - start == pytest.approx(float(whisker.get("x2") or 0) / 2, abs=0.01)


def test_several_runs_share_a_row_and_have_a_legend() -> None:
    svg = figures.forest({"first": [estimate()], "second": [estimate(value=0.6, lower=0.5, upper=0.7)]}, "score")
    said = texts(svg)
    assert said.count("accuracy") == 1
    assert {"first", "second"} <= set(said)
    assert len(marks(svg, "rule mark")) == 2
    assert "first" not in texts(figures.forest({"first": [estimate()]}, "score"))


def test_scores_off_the_unit_scale_are_not_called_percent() -> None:
    svg = figures.forest({"a": [estimate(value=7.25, lower=6.5, upper=8.0)]}, "score")
    assert "score" in texts(svg)
    assert any("7.25 [6.5, 8]" in text for text in texts(svg))


def test_an_estimate_without_interval_is_a_bare_point_and_without_value_nothing() -> None:
    svg = figures.forest({"a": [estimate(lower=None, upper=None), estimate("lost", value=None)]}, "score")
    assert len(marks(svg, "point")) == 1
    assert "lost" not in texts(svg)


def test_a_level_curve_puts_each_level_on_the_axis() -> None:
    levels = ("0.0", "0.25", "1.0", "(no level)")
    curve = [estimate("auc by level", group=g, value=v) for g, v in zip(levels, (0.5, 0.45, 0.44, 0.5), strict=True)]
    svg = figures.level_curve({"a": curve, "b": curve}, "level", "score")
    points = marks(svg, "point")
    assert [(float(p["level"]), float(p["score, %"])) for p in points] == [(0, 50), (0.25, 45), (1, 44)] * 2
    assert {"0", "0.25", "1", "level", "score, %", "a", "b"} <= set(texts(svg))


def test_bars_of_a_composition_are_the_shares_of_outcomes() -> None:
    svg = figures.composition({"a": {"scored": 150, "unparsed": 30, "infra_failed": 20, "refused": 0}})
    bars = {bar["outcome"]: float(bar["end"]) - float(bar["share of attempts, %"]) for bar in marks(svg, "bar")}
    assert bars == pytest.approx({"scored": 75, "unparsed": 15, "infra_failed": 10})
    assert {"150", "30", "20", "a (n 200)", "share of attempts, %"} <= set(texts(svg))


def test_a_paired_forest_shows_difference_n_and_p() -> None:
    svg = figures.paired_forest([comparison(), comparison(metric="same", difference=0.0, p=1.0)], "A", "B")
    said = [" ".join(text.split()) for text in texts(svg)]
    assert "10.00 [4.12, 15.88] n 150 p 0.0012" in said
    assert "A minus B, percentage points" in said


@pytest.mark.parametrize("high", [2.0, 1e4])
def test_a_histogram_loses_no_value(high: float) -> None:
    values = np.random.default_rng(0).uniform(0.1, 1, 500)
    values[:2] = high, high / 1.7
    svg = figures.histogram({"a": values, "b": [0.5, 0.5], "none": []}, "time of a call", "s")
    heights = [int(bar["count"]) for bar in marks(svg, "rect mark")]
    assert sum(heights) == 502
    assert {"a (n 500)", "b (n 2)", "time of a call, s"} <= set(texts(svg))


def test_hostile_labels_stay_labels() -> None:
    bad = [estimate(HOSTILE)]
    drawn = [
        figures.forest({HOSTILE: bad, "b": bad}, HOSTILE),
        figures.level_curve({HOSTILE: [estimate(HOSTILE, group="1"), estimate(HOSTILE, group="2")]}, HOSTILE, HOSTILE),
        figures.composition({HOSTILE: {"scored": 3}}),
        figures.paired_forest([comparison(a=bad[0])], HOSTILE, HOSTILE),
        figures.histogram({HOSTILE: [1.0, 2.0]}, "time", "s"),
    ]
    for svg in drawn:
        page = render("t", [Section("s", (Figure(svg, HOSTILE),))])
        assert "<script" not in page
        assert any("<script>x</script>⟨U+202E⟩&\"' ␀⟨U+D800⟩" in text for text in texts(svg))
