"""Twins: the same structure and the exchanged answer, in words that share next to nothing with the original."""

from __future__ import annotations

import re
from statistics import fmean

import pytest

from assay.benchmarks.korgen.family import DIFFICULTIES, Family, Item, ItemUnproved, draw
from assay.benchmarks.korgen.score import score
from assay.benchmarks.korgen.stream import FAMILIES, sample_of
from assay.benchmarks.korgen.surface import Wording
from assay.benchmarks.korgen.task import korgen
from assay.benchmarks.korgen.twins import WORDINGS, draw_twin
from assay.benchmarks.korgen.words import NAMES, SYMBOLS, TWIN_NAMES, TWIN_SYMBOLS
from assay.records import Call, Message, Outcome, Request, Response, Sample, Trajectory

EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)


def pairs(family: Family) -> list[tuple[Item, Item]]:
    return [
        (draw(family, difficulty, seed, 3), draw_twin(family, difficulty, seed, 3))
        for difficulty in DIFFICULTIES
        for seed in range(4)
    ]


def shape(answer: str, kind: str) -> list[str | int]:
    """What a one-to-one exchange of letters or names leaves as it is: which entries are equal, and all numbers."""
    parts = list(answer) if kind == "text" and answer.isupper() else re.findall(r"-?\w+", answer)
    return [part if re.fullmatch(r"-?\d+", part) else parts.index(part) for part in parts]


@EVERY_FAMILY
def test_the_familys_own_solver_finds_the_exchanged_answer_in_the_twin(family: Family) -> None:
    wording = WORDINGS[family.name]
    for original, twin in pairs(family):
        found = list(family.solve(wording.first_words(twin.rule), wording.first_words(twin.question)))
        assert found == [twin.answer]
        assert twin.steps == original.steps
        if family.kind == "letter":
            assert twin.facts["real_life_answer"] != twin.answer
        elif family.kind == "set":
            assert len(twin.answer.split(", ")) == len(original.answer.split(", "))
        else:
            assert shape(twin.answer, family.kind) == shape(original.answer, family.kind)


def fivegrams(*texts: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z]+", " ".join(texts).lower())
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


@EVERY_FAMILY
def test_twin_and_original_share_hardly_any_wording_and_no_names(family: Family) -> None:
    shares, alive = [], set()
    phrases = WORDINGS[family.name].phrases
    for original, twin in pairs(family):
        own, other = fivegrams(original.rule, original.question), fivegrams(twin.rule, twin.question)
        shares.append(len(own & other) / len(other))
        text = f"{twin.rule}\n{twin.question}"
        assert not set(re.findall(r"\b[A-Z][a-z]+\b", text)) & set(NAMES)
        assert not set(text) & set(SYMBOLS)
        assert not re.search(r"\{\w*(?::\w)?\}|\b[B-Z] [A-Z][a-z]+ [A-Z][a-z]+ \b", text), (
            "a slot or an article is lost"
        )
        told = original.facts.get("step_answers", ())
        texts = (original.rule, original.question, *(step["description"] for step in told))
        alive |= {phrase for phrase in phrases if any(Wording((phrase,)).reworded(t) != t for t in texts)}
    assert fmean(shares) < 0.05
    assert max(shares) < 0.1
    assert len(alive) == len(phrases), "a phrase never occurs"


@EVERY_FAMILY
def test_steps_of_a_twin_are_told_in_its_own_words(family: Family) -> None:
    for original, twin in pairs(family):
        told, other = original.facts.get("step_answers", ()), twin.facts.get("step_answers", ())
        assert len(told) == len(other)
        assert not {step["description"] for step in told} & {step["description"] for step in other}


def test_all_families_have_twins_and_names_of_both_are_apart() -> None:
    assert WORDINGS.keys() == FAMILIES.keys()
    assert not set(NAMES) & set(TWIN_NAMES)
    assert not set(SYMBOLS) & set(TWIN_SYMBOLS)


def test_a_twin_is_a_function_of_its_place_alone() -> None:
    infix = FAMILIES["infix"]
    first = draw_twin(infix, 2, 5, 17)
    assert draw_twin(infix, 2, 5, 17) == first
    assert len({first.rule, draw_twin(infix, 2, 5, 18).rule, draw_twin(infix, 2, 6, 17).rule}) == 3


def test_phrases_that_collide_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORDINGS, "infix", Wording((("Parentheses come first.", "What is"),)))  # type: ignore[arg-type]
    with pytest.raises(ItemUnproved, match="cannot be taken back"):
        draw_twin(FAMILIES["infix"], 2, 0, 0)


def test_a_run_of_twins_is_paired_with_the_run_of_originals() -> None:
    for original, twin in zip(korgen(shots=1).samples(), korgen(shots=1, twin=True).samples(), strict=True):
        assert twin.metadata["twin_of"] == original.id
        assert twin.id == f"{original.id}/twin"
        assert "twin_of" not in original.metadata
        same = original.metadata.keys() - {"rule", "question", "step_answers", "real_life_answer"}
        assert {key: original.metadata[key] for key in same} == {key: twin.metadata[key] for key in same}
        share = fivegrams(str(original.input)) & fivegrams(str(twin.input))
        assert len(share) < 0.1 * len(fivegrams(str(twin.input)))
        assert len(original.choices) == len(twin.choices)


def judged(sample: Sample, text: str) -> tuple[Outcome, float | None]:
    call = Call("0", Request("m"), Response(text, finish_reason="stop"))
    found = score(sample, Trajectory(sample.id, 1, (Message("assistant", text),), (call,)))
    return found.outcome, found.value


@EVERY_FAMILY
def test_twins_are_scored_like_originals(family: Family) -> None:
    sample = sample_of(family, 2, 0, 0, draw_twin(family, 2, 0, 0), twin=True)
    text = str(sample.input)
    assert text.count("[[") == text.count("[[...]]") == 1
    assert judged(sample, text)[0] is Outcome.UNPARSED
    assert judged(sample, f"So [[{sample.target}]]") == (Outcome.SCORED, 1.0)
    assert judged(sample, f"[[{sample.target}x]]") == (Outcome.SCORED, 0.0)
    assert judged(sample, f"[[{sample.target}]]\n\n<setting>\nAnother one\n</setting>\n\n[[x]]") == (
        Outcome.SCORED,
        1.0,
    )
