"""CryptoX: the encoder against its owners' output, and the wrapper on questions of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.cryptox.codebooks import CODEBOOKS, SEPARATOR, clashes, find_codebook
from assay.benchmarks.cryptox.encoder import encode
from assay.benchmarks.cryptox.wrap import Level, at_levels
from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, DatasetNotFound, TaskNotFound, UsageError
from assay.records import Call, Image, Message, Outcome, Request, Response, Sample, Score, Text, Trajectory
from assay.task import Task

INJECTIVE = [book for book in CODEBOOKS.values() if book.name != "emoji_morse"]


def test_encodes_as_its_owners_did(shared_data: Path) -> None:
    lines = (shared_data / "cryptobench" / "encoder_goldens.jsonl").read_text("utf-8").strip("\n").split("\n")
    assert len(lines) == 144
    for row in map(json.loads, lines):
        encoded = encode(row["original"], CODEBOOKS[row["codebook"]].codes, words=row["words"], seed=row["seed"])
        assert encoded.text == row["encoded"]
        assert list(encoded.sampled) == row["sampled"]
        assert list(encoded.codes) == row["codes"]


def test_books_cover_letters_and_digits_and_only_the_compatible_one_is_ambiguous() -> None:
    for book in CODEBOOKS.values():
        assert "".join(sorted(book.codes)) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert not any(SEPARATOR in code or " " in code for code in book.codes.values())
        assert clashes(book.codes) == ((("J", "1"),) if book.name == "emoji_morse" else ())
    assert all(len(code) == 3 for code in CODEBOOKS["emoji_shuffle"].codes.values())


TEXTS = st.lists(
    st.sampled_from(["the", "The", "a", "JOB", "x7", "end.", "(so)", "É", "naïve", "", "\n", "ten\n", "no-one"])
)


@given(TEXTS.map(" ".join) | st.text(max_size=80), st.sampled_from(INJECTIVE), st.integers(0, 12), st.integers(0, 3))
def test_encoding_can_be_undone_and_leaves_all_else_alone(text: str, book: Any, words: int, seed: int) -> None:
    encoded = encode(text, book.codes, words=words, seed=seed)
    symbols = {code: symbol for symbol, code in book.codes.items()}
    decoded = ["".join(symbols[code] for code in word.split(SEPARATOR)) for word in encoded.codes]
    assert decoded == ["".join(char.upper() for char in word) for word in encoded.sampled]
    assert len(set(encoded.sampled)) == len(encoded.sampled) <= words
    for word in encoded.sampled:
        assert len(word) > 1
        assert all(char.upper() in book.codes for char in word)
    before, after = text.split(" "), encoded.text.split(" ")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == list(zip(encoded.sampled, encoded.codes, strict=True))
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        assert old == new or old not in before[:at]
    assert encode(text, book.codes, words=0).text == encode(text, book.codes, percent=0.0).text == text


def test_a_fraction_is_of_the_words_that_can_be_encoded() -> None:
    text = "one two, two three three four five I"
    codes = CODEBOOKS["morse_base"].codes
    assert [len(encode(text, codes, percent=part).sampled) for part in (0.0, 0.5, 0.99, 1.0)] == [0, 2, 4, 5]
    assert encode(text, codes, words=99).sampled == ("one", "two", "three", "four", "five")
    with pytest.raises(ValueError, match="either"):
        encode(text, codes)


QUESTION = "Which large city is the seat of government in Bolivia, high above the plain?"
MCQ = {"id": "b", "question": QUESTION, "choices": ["Lima city", "Quito", "(La Paz)", "x"], "answer": "C", "k": "v"}
QA = {"id": "b", "question": QUESTION, "answer": "La Paz", "category": "places"}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "my.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def score(task: Task, sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    result = task.scorers[task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(result, Score)
    return result


def test_wraps_multiple_choice_at_each_level(tmp_path: Path) -> None:
    path = write(tmp_path, MCQ)
    (plain,) = load_task("mcq", data=path).samples()
    task = load_task("cryptox/mcq", data=path)
    samples = list(task.samples())
    assert [sample.id for sample in samples] == ["b@w0", "b@w5", "b@w10"]
    assert samples[0].input == plain.input
    assert isinstance(plain.input, str)
    options = plain.input[plain.input.index("A. Lima city") :]
    for sample, words in zip(samples, (0, 5, 10), strict=True):
        encoded = encode(QUESTION, CODEBOOKS["morse_base"].codes, words=words)
        assert isinstance(sample.input, str)
        assert sample.input.endswith(f"{encoded.text}\n\n{options}")
        assert ("Q = --.-" in sample.input) == (words > 0)
        assert sample.metadata["level"] == str(words)
        assert sample.metadata["base_id"] == "b"
        assert sample.metadata["encoded_words"] == len(encoded.sampled) == words
        assert sample.metadata["sampled_words"] == list(encoded.sampled)
        assert sample.metadata["encoded_part"] == "question"
        assert (sample.metadata["k"], sample.target, sample.choices) == ("v", plain.target, plain.choices)
        assert score(task, sample, "Answer: C").value == 1.0
        assert score(task, sample, "Answer: B").value == 0.0
    assert (task.cluster, task.size, task.name, task.mode) == ("base_id", 3, "cryptox/mcq", "robust")
    assert [(m.name, m.kind, m.by, m.along, m.normalised) for m in task.metrics] == [
        ("accuracy", "mean", "level", None, False),
        ("auc", "auc", None, "level", False),
        ("auc_normalised", "auc", None, "level", True),
    ]


def test_wraps_short_answers_by_fractions(tmp_path: Path) -> None:
    params = {"percent": "0,0.5,1", "codebook": "emoji_shuffle"}
    task = load_task("cryptox", data=write(tmp_path, QA), params={"base": "qa", **params})
    samples = list(task.samples())
    assert [(s.id, s.metadata["level"], s.metadata["encoded_words"]) for s in samples] == [
        ("b@p0", "0", 0),
        ("b@p0.5", "0.5", 5),
        ("b@p1", "1", 11),
    ]
    for sample in samples:
        assert score(task, sample, "Answer: la paz").value == 1.0
        assert score(task, sample, "Answer: Lima").value == 0.0


@pytest.mark.parametrize(
    ("hop", "target", "right", "wrong"),
    [
        ("num", "3", ["Answer: 3", "Answer: (3)", "Answer: 3.", "Answer: 3) La Paz", "3"], ["Answer: C", "Answer: 2"]),
        (
            "alpha",
            "3L",
            ["Answer: 3L", "Answer: 3l", "Answer: $3L$", "Answer: 3-L"],
            ["Answer: C", "Answer: 3", "Answer: 3P"],
        ),
    ],
)
def test_hops_transform_the_answer(tmp_path: Path, hop: str, target: str, right: list[str], wrong: list[str]) -> None:
    task = load_task("cryptox/mcq", data=write(tmp_path, MCQ), params={"hop": hop, "words": "0,3"})
    for sample in task.samples():
        assert sample.target == target
        assert isinstance(sample.input, str)
        assert "1 for A" in sample.input
        for reply in right:
            assert score(task, sample, reply).value == 1.0, reply
        for reply in wrong:
            assert (score(task, sample, reply).outcome, score(task, sample, reply).value) == (Outcome.SCORED, 0.0), (
                reply
            )
        for reply in ("", "<think>Answer: 3", "It is hard\nto say.", "Answer: the third of them, I would say"):
            assert score(task, sample, reply).outcome is Outcome.UNPARSED, reply


def test_a_hop_takes_options_and_a_chat(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs options"):
        list(load_task("cryptox/qa", data=write(tmp_path, QA), params={"hop": "num"}).samples())
    with pytest.raises(UsageError, match="plain text"):
        load_task("cryptox/mcq", data=write(tmp_path, MCQ), params={"hop": "num", "completion": True})


def test_a_manifests_name_and_parameters_make_the_same_task_again(tmp_path: Path) -> None:
    path = write(tmp_path, MCQ, {**MCQ, "id": "c"})
    task = load_task("cryptox/mcq", data=path, params={"words": "1,4", "seed": "7", "shots": "1", "hop": "alpha"})
    stored = json.loads(json.dumps(dict(task.params)))
    again = load_task(task.name, data=path, params=stored)
    assert list(again.samples()) == list(task.samples())
    assert (again.params, again.dataset, again.version) == (task.params, task.dataset, task.version)
    assert load_task(task.name, params=stored, offline=True).params == task.params
    other = load_task("cryptox/mcq", data=path, params={**stored, "seed": 8})
    assert other.dataset is not None
    assert task.dataset is not None
    assert other.dataset.digest != task.dataset.digest


def test_what_will_not_do_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, MCQ)
    for params, problem in (
        ({"words": "0,5", "percent": "0.5"}, "not both"),
        ({"words": "-1"}, "numbers from 0"),
        ({"percent": "1.5"}, "fractions from 0 to 1"),
        ({"percent": "nan"}, "fractions from 0 to 1"),
        ({"words": "5,5"}, "twice"),
        ({"codebook": "rot13"}, "no codebook 'rot13'; there are: morse_base"),
        ({"no_such": 1}, "no parameter 'no_such'"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_task("cryptox/mcq", data=path, params=params)
    with pytest.raises(UsageError, match="cryptox itself"):
        load_task("cryptox/cryptox/mcq", data=path)
    with pytest.raises(TaskNotFound):
        load_task("cryptox/nothing", data=path)


def test_the_compatible_book_says_that_it_is_ambiguous(tmp_path: Path) -> None:
    notes = {}
    for book in ("emoji_morse", "emoji_morse_fixed"):
        dataset = load_task("cryptox/mcq", data=write(tmp_path, MCQ), params={"codebook": book}).dataset
        assert dataset is not None
        notes[book] = " ".join(dataset.notes)
    assert "ambiguous: J and 1 share a code" in notes["emoji_morse"]
    assert "ambiguous" not in notes["emoji_morse_fixed"]


def test_the_owners_books_are_read_from_a_file_or_the_data_folder(tmp_path: Path) -> None:
    rules = {
        "emoji_shuffle": {
            "description": "d",
            "rule": {"O": "1", "N": "2", "E": "1"},
            "prompt_rule": "Our very own words.",
        },
        "other": {"rule": {"A": "x"}},
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules), "utf-8")
    row = {"question": "one ONE two", "choices": ["a", "b"], "answer": "A"}
    write(tmp_path, row)
    for data, params in (
        (tmp_path, {}),
        (tmp_path / "my.jsonl", {"codebook_file": str(tmp_path / "rules.json")}),
    ):
        task = load_task("cryptox/mcq", data=data, params={"codebook": "emoji_shuffle", "words": "2", **params})
        (sample,) = task.samples()
        assert isinstance(sample.input, str)
        assert sample.input.startswith("Our very own words.\n\n1|2|1 1|2|1 two\n\nA. a\n")
        assert task.dataset is not None
        assert "O and E share a code" in task.dataset.notes[-1]
    assert find_codebook("morse_base", tmp_path, None) is CODEBOOKS["morse_base"]
    with pytest.raises(UsageError, match="there are: emoji_shuffle, other"):
        find_codebook("morse_base", None, str(tmp_path / "rules.json"))
    with pytest.raises(DatasetNotFound, match=r"no codebook file .*none\.json"):
        find_codebook("morse_base", None, str(tmp_path / "none.json"))
    (tmp_path / "rules.json").write_text('{"x": {"rule": {"ab": "c"}}}', "utf-8")
    with pytest.raises(DatasetMalformed, match="single upper-case characters"):
        find_codebook("x", tmp_path, None)


def levels(sample: Sample, words: int = 99) -> Sample:
    (made,) = at_levels(sample, [Level("w", words)], CODEBOOKS["morse_base"], "none", 42)
    return made


def test_without_a_known_question_all_before_the_options_is_encoded() -> None:
    prompt = "Think. Which is it\nA) the one\nB) or the other\nGive the letter"
    made = levels(Sample("1", prompt, "A", ("the one", "or the other")))
    assert isinstance(made.input, str)
    encoded = "Think. .--|....|..|-.-.|.... ..|... ..|-"
    assert made.input.endswith(f"\n\n{encoded}\nA) the one\nB) or the other\nGive the letter")
    assert made.metadata["encoded_words"] == 3
    assert made.metadata["encoded_part"] == "prompt"
    whole = levels(Sample("1", "Which is it", "it"))
    assert isinstance(whole.input, str)
    assert whole.input.endswith("\n\n.--|....|..|-.-.|.... ..|... ..|-")
    with pytest.raises(UsageError, match="options cannot be told"):
        levels(Sample("1", "Which is it (a) this (b) that, say", "A", ("this", "that")))


def test_only_the_question_in_the_last_user_message_changes() -> None:
    picture = Image(url="u")
    conversation = (
        Message("system", "Which is it"),
        Message("user", "Which is it"),
        Message("assistant", "That"),
        Message("user", (Text("Look: Which is it"), picture)),
    )
    made = levels(Sample("1", conversation, "it", metadata={"question": "Which is it"}), words=1)
    assert isinstance(made.input, tuple)
    assert made.input[:3] == conversation[:3]
    text, image = made.input[3].content
    assert isinstance(text, Text)
    assert text.text.endswith("\n\nLook: Which is ..|-")
    assert image == picture
    with pytest.raises(UsageError, match="asks nothing in words"):
        levels(Sample("1", (Message("user", (picture,)),), "it"))
