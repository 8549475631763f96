"""The needle set of CryptoBench: where needles stand, how long the text is, what a reply has found."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmarks.cryptobench.filler import filler_sentences
from assay.benchmarks.cryptobench.needles import (
    BUFFER,
    DEPTHS,
    LENGTHS,
    NAMED,
    NEEDLES,
    Haystack,
    needle_scorer,
    sentences_of,
    token_counter,
)
from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, UsageError
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task
from tests.benchmarks.cryptobench_support import decoded, value


def count(text: str) -> float:
    return len(text) / 4


STACK = Haystack(None, max(LENGTHS), count)


@given(st.sampled_from(LENGTHS), st.floats(0, 100), st.lists(st.sampled_from(NEEDLES), min_size=1, max_size=5))
@settings(deadline=None)
def test_needles_fit_and_leave_the_haystack_whole(length: int, depth: float, needles: list[str]) -> None:
    needles = [f"{needle[:-1]} {at}." for at, needle in enumerate(needles)]
    placed = STACK.with_needles(needles, length, depth)
    assert count(placed.text) <= placed.tokens <= length - BUFFER
    assert length - BUFFER - placed.tokens < max(map(count, STACK.sentences))
    assert list(placed.places) == sorted(placed.places)
    assert all(0 <= place <= 1 for place in placed.places)
    bare = placed.text
    for needle in needles:
        before, found, after = bare.partition(needle)
        assert found
        assert not before or before.rstrip()[-1] in ".!?", "at the end of a sentence"
        bare = before + after.removeprefix(" ")
    whole = "".join(STACK.sentences)
    assert whole.startswith(bare.rstrip())


def test_needles_move_back_with_the_depth_and_stand_evenly_from_there_to_the_end() -> None:
    longest = max(map(count, STACK.sentences))
    for length in LENGTHS:
        found = [STACK.with_needles(NEEDLES, length, depth).places for depth in DEPTHS]
        for one, other in pairwise(found):
            assert all(a <= b for a, b in zip(one, other, strict=True))
        for depth, places in zip(DEPTHS, found, strict=True):
            room = length - BUFFER - sum(count(f"{needle} ") for needle in NEEDLES)
            for at, place in enumerate(places):
                wanted = (depth + at * (100 - depth) / 3) / 100
                assert wanted - 2.5 * longest / room <= place <= wanted + 1e-9, (length, depth, at)
        assert found[0][0] == 0
        assert found[-1] == (1, 1, 1)


def test_the_set_is_ten_lengths_by_ten_depths_with_coded_needles() -> None:
    assert (len(LENGTHS), LENGTHS[0], LENGTHS[-1], len(DEPTHS)) == (10, 1000, 30000, 10)
    task = load_task("cryptobench/needle", params={"words": "0,10"})
    assert task.size == 200
    assert task.dataset is not None
    assert any("filler text made by Assay" in note for note in task.dataset.notes)
    assert any("characters/4" in note for note in task.dataset.notes)
    seen = set()
    for sample in task.samples():
        seen.add((sample.metadata["context_length"], sample.metadata["depth"], sample.metadata["level"]))
        text = str(sample.input).partition("<text>\n")[2].partition("\n</text>")[0]
        assert count(text) <= sample.metadata["context_length"] - BUFFER
        coded = sample.metadata["level"] == "10"
        assert sample.metadata["encoded_words"] == (30 if coded else 0)
        assert (NEEDLES[0] in text) is not coded
        assert ("Q = --.-" in str(sample.input)) is coded
    assert len(seen) == 200


def test_the_haystack_is_the_owners_essays_where_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "special_encode" / "PaulGrahamEssays"
    folder.mkdir(parents=True)
    (folder / "b.txt").write_text("Second thing. It ends here", "utf-8")
    (folder / "a.txt").write_text('He said "No." Then he left! Version 3.5 came.', "utf-8")
    task = load_task("cryptobench/needle", data=tmp_path, params={"lengths": "1000", "depths": "50", "words": "0"})
    (sample,) = task.samples()
    text = str(sample.input)
    assert text.index("Version 3.5 came.") < text.index("Second thing.")
    assert text.count("Second thing.") > 5, "again and again"
    assert task.dataset is not None
    assert not any("filler" in note for note in task.dataset.notes)
    (folder / "a.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DatasetMalformed, match=r"a\.txt: not UTF-8"):
        list(task.samples())


@given(st.text('ab."!? \n)', max_size=60))
def test_sentences_put_together_are_the_text(text: str) -> None:
    assert "".join(sentences_of(text)) == text


def test_sentences_end_where_white_space_follows() -> None:
    assert sentences_of('One 3.5 two. "Yes!" Then?\n\nEnd') == ["One 3.5 two. ", '"Yes!" ', "Then?\n\n", "End"]


def test_a_context_without_room_for_the_needles_is_refused() -> None:
    with pytest.raises(UsageError, match="no room"):
        STACK.with_needles(NEEDLES, 260, 0)
    assert token_counter("characters/2.5")("x" * 10) == 4
    with pytest.raises(UsageError, match="neither"):
        token_counter("characters/0")


def test_filler_is_the_same_for_everyone_and_names_nothing_that_is_sought() -> None:
    first, second = filler_sentences(), filler_sentences()
    text = "".join(next(first) for _ in range(3000))
    assert text == "".join(next(second) for _ in range(3000))
    assert not any(word in text.casefold() for name in (*NAMED, "apricot", "supplies") for word in name.split())
    assert len(set(sentences_of(text))) > 2000


def scored(reply: str) -> Score:
    call = Call("0", Request("m"), Response(reply, finish_reason="stop"))
    return needle_scorer(Sample("n", "?"), Trajectory("n", 1, (Message("assistant", reply),), (call,)))


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Answer: dried apricots, lantern oil and copper wire", 3),
        ("**Answer:**\n- Copper wires\n- a dried apricot\n- LANTERN OIL", 3),
        ("Lantern-oil, dried\napricots ...\nAnswer: lantern-oil, dried  apricots", 2),
        ("dried apricots; copper wire", 2),
        ("Answer: apricots, oil and wire", 0),
        ("Not dried apricots but this.\nAnswer: rope", 0),
    ],
)
def test_the_share_of_needles_named_is_the_score(reply: str, found: int) -> None:
    made = scored(reply)
    assert made.outcome is Outcome.SCORED
    assert value(made) == pytest.approx(found / 3)
    assert made.values == {"all": float(found == 3)}


@pytest.mark.parametrize(
    "reply",
    ["", "Answer:", "I found\nnothing.", "<think>Answer: copper wire", f"Answer: {' '.join(NEEDLES * 3)}"],
)
def test_a_reply_without_an_answer_or_with_the_whole_text_for_one_is_none(reply: str) -> None:
    assert scored(reply).outcome is Outcome.UNPARSED


def found_by(task: Task, read: Callable[[str], str]) -> dict[str, float]:
    """The score at each level of a model that names what it finds in the text as it reads it."""
    totals: dict[str, list[float]] = {}
    for sample in task.samples():
        text = read(str(sample.input).partition("<text>\n")[2].partition("</text>")[0]).casefold()
        made = scored("Answer: " + (", ".join(name for name in NAMED if name in text) or "nothing"))
        totals.setdefault(sample.metadata["level"], []).append(value(made))
    return {level: sum(values) / len(values) for level, values in totals.items()}


def test_a_model_that_can_decode_finds_them_all_and_one_that_cannot_does_not() -> None:
    task = load_task("cryptobench/needle", params={"lengths": "1000,4000", "depths": "0,50,100"})
    assert found_by(task, decoded) == {"0": 1, "5": 1, "10": 1}
    assert found_by(task, str) == {"0": 1, "5": 0, "10": 0}
