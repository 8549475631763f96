"""CryptoX: the encoder against its owners' output, and the wrapper on questions of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.benchmarks.cryptox.codebooks import CODEBOOKS, SEPARATOR, clashes, faults, find_codebook
from assay.benchmarks.cryptox.decoding import decoded_text, similarity
from assay.benchmarks.cryptox.encoder import encode
from assay.benchmarks.cryptox.levels import Level
from assay.benchmarks.cryptox.wrap import at_levels
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


SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$(),.\\><=_{}^+-?;\"'/%!|&~#@`[]"
"""The 66 symbols of the owners' books for mathematics."""
CODES = st.lists(st.text(st.characters(exclude_characters="| ", exclude_categories=["Cs"]), min_size=1), min_size=66)


@given(st.text(st.sampled_from(SIGNS + " abcxyz")), CODES, st.floats(0, 1))
def test_any_injective_book_can_be_undone(text: str, codes: list[str], percent: float) -> None:
    codes = [f"{code}{at}" for at, code in enumerate(codes[:66])]
    book = dict(zip(SIGNS, codes, strict=True))
    assume(not faults(book))
    encoded = encode(text, book, percent=percent)
    symbols = {code: symbol for symbol, code in book.items()}
    words, places = encoded.text.split(" "), iter(zip(encoded.codes, encoded.sampled, strict=True))
    code, word = next(places, (None, None))
    for at, original in enumerate(text.split(" ")):
        if words[at] == code and original == word:
            words[at] = "".join(symbols[part] for part in code.split(SEPARATOR))
            code, word = next(places, (None, None))
    assert code is None, "each code stands where its word stood"
    assert " ".join(words) == " ".join(
        "".join(c.upper() for c in old) if old != new else old for old, new in zip(text.split(" "), words, strict=True)
    )
    assert " ".join(words).upper() == text.upper()


def test_what_keeps_a_book_from_being_undone_is_named() -> None:
    assert faults(CODEBOOKS["emoji_morse"].codes) == ("J and 1 share a code",)
    assert faults({">": "-.", ";": "-.", "]": "-.", "A": "."}) == (">, ; and ] share a code",)
    assert faults({"A": ".|-", "B": ""}) == (
        "the code of A is empty or has | in it",
        "the code of B is empty or has | in it",
    )


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


def test_an_ambiguous_book_is_refused_unless_it_is_asked_for_and_then_noted(tmp_path: Path) -> None:
    path = write(tmp_path, MCQ)
    with pytest.raises(UsageError, match=r"emoji_morse .*J and 1 share a code.*-t compat=true"):
        load_task("cryptox/mcq", data=path, params={"codebook": "emoji_morse"})
    notes = {}
    for book, more in (("emoji_morse", {"compat": "true"}), ("emoji_morse_fixed", {})):
        dataset = load_task("cryptox/mcq", data=path, params={"codebook": book, **more}).dataset
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
        task = load_task(
            "cryptox/mcq", data=data, params={"codebook": "emoji_shuffle", "words": "2", "compat": True, **params}
        )
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
    content = made.input[3].content
    assert isinstance(content, tuple)
    text, image = content
    assert isinstance(text, Text)
    assert text.text.endswith("\n\nLook: Which is ..|-")
    assert image == picture
    with pytest.raises(UsageError, match="asks nothing in words"):
        levels(Sample("1", (Message("user", (picture,)),), "it"))


def slow_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, against in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (char != against))
    return row[-1]


@given(st.text("ab c", max_size=12), st.text("ab c", max_size=12))
def test_similarity_is_one_minus_the_share_of_edits(one: str, other: str) -> None:
    one, other = " ".join(one.split()), " ".join(other.split())
    longer = max(len(one), len(other))
    assert similarity(one, other) == (1 - slow_distance(one, other) / longer if longer else 1)


def test_similarity_sets_case_and_white_space_aside_and_bears_long_replies() -> None:
    assert similarity("The  PLAN\nis", "the plan is") == 1
    assert similarity("kitten", "sitting") == 1 - 3 / 7
    assert similarity("abc", "abc" * 100_000) == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("Decoded question: what is it?", "what is it?"),
        ("Well.\n**Decoded question:** what\nis it?", "what\nis it?"),
        ("Decoded question: no\nDecoded Question: yes", "yes"),
        ("what is it?", "what is it?"),
        ("```\nwhat is it?\n```", "what is it?"),
    ],
)
def test_the_decoded_text_stands_behind_the_last_mark_or_is_the_reply(reply: str, text: str) -> None:
    assert decoded_text(reply)[0] == text


def test_any_task_can_be_decoded_only(tmp_path: Path) -> None:
    task = load_task("cryptox/mcq", data=write(tmp_path, MCQ), params={"form": "decode", "words": "0,5"})
    samples = list(task.samples())
    assert [sample.id for sample in samples] == ["b@w0", "b@w5"]
    assert [metric.name for metric in task.metrics] == ["exact", "auc", "auc_normalised", "similarity"]
    assert task.reference is not None
    for sample in samples:
        assert (sample.target, sample.choices) == (QUESTION, ())
        assert "Lima" not in str(sample.input)
        assert score(task, sample, task.reference(sample)).value == 1
        assert score(task, sample, QUESTION.upper()).value == 1
        near = score(task, sample, f"Decoded question: {QUESTION[:-1]}!")
        assert near.value == 0
        assert near.values["similarity"] == pytest.approx(1 - 1 / len(QUESTION))
        for empty in ("", "Decoded question:", f"<think>{QUESTION}"):
            assert score(task, sample, empty).outcome is Outcome.UNPARSED
    again = load_task(task.name, data=tmp_path / "my.jsonl", params=json.loads(json.dumps(dict(task.params))))
    assert list(again.samples()) == samples


@pytest.mark.parametrize(("hop", "answer"), [("none", "C"), ("alpha", "3L")])
async def test_any_task_can_be_decoded_in_one_turn_and_answered_in_the_next(
    tmp_path: Path, hop: str, answer: str
) -> None:
    params = {"form": "multi-round", "hop": hop}
    task = load_task("cryptox/mcq", data=write(tmp_path, MCQ), params=params)
    samples = list(task.samples())
    assert [sample.id for sample in samples] == ["b@w5", "b@w10"]
    assert task.size == 2
    for first, right in ((f"Decoded question: {QUESTION}", 1.0), ("Decoded question: which?", 0.0)):
        model = Script([first, f"Answer: {answer}"])
        found = task.scorers[task.mode](samples[0], await task.protocol(samples[0], model))
        assert isawaitable(found)
        made = await found
        assert (made.value, made.values["decoded"]) == (1.0, right)
        assert (made.values["similarity"] == 1) is (right == 1)
        (one,), three = model.asked
        assert "Lima city" not in one.text
        assert [message.role for message in three] == ["user", "assistant", "user"]
        assert "A. Lima city" in three[2].text
        assert QUESTION not in three[2].text
        assert ("1 for A" in three[2].text) is (hop == "alpha")


class Script:
    """A conversant that says one thing after the other."""

    def __init__(self, replies: list[str]) -> None:
        self.replies = replies
        self.asked: list[tuple[Message, ...]] = []

    async def generate(self, messages: Sequence[Message] = (), **_: Any) -> Response:
        self.asked.append(tuple(messages))
        return Response(self.replies[len(self.asked) - 1], finish_reason="stop")

    async def loglikelihood(self, continuation: str, messages: Sequence[Message] = (), **_: Any) -> Response:
        raise NotImplementedError

    def trajectory(self, messages: Sequence[Message]) -> Trajectory:
        calls = [Call("", Request("m", asked), Response(r)) for asked, r in zip(self.asked, self.replies, strict=True)]
        return Trajectory("", 1, tuple(messages), tuple(calls))


def test_a_form_needs_a_task_that_fits_it(tmp_path: Path) -> None:
    path = write(tmp_path, MCQ)
    for params, problem in (
        ({"form": "decode", "hop": "num"}, "no answer for hop"),
        ({"form": "multi-round", "words": "0"}, "nothing to decode"),
        ({"form": "decode", "completion": True}, "single questions"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_task("cryptox/mcq", data=path, params=params)
