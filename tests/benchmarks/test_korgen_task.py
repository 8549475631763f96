"""The task: a lazy stream without repeats, prompts, and a scorer that forgives form but not content."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from random import Random

import pytest

from assay.benchmarks.korgen.family import DIFFICULTIES, draw
from assay.benchmarks.korgen.score import score
from assay.benchmarks.korgen.stream import CATEGORIES, FAMILIES, sample_of
from assay.benchmarks.korgen.task import korgen
from assay.benchmarks.registry import find, load_task
from assay.errors import UsageError
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory

RIGHT, WRONG = 1.0, 0.0


def judged(sample: Sample, text: str, finish_reason: str = "stop") -> Score:
    call = Call("0", Request("m"), Response(text, finish_reason=finish_reason))
    return score(sample, Trajectory(sample.id, 1, (Message("assistant", text),), (call,)))


def one_of_each(difficulty: int = 2) -> list[Sample]:
    return [sample_of(f, difficulty, 0, 0, draw(f, difficulty, 0, 0)) for f in FAMILIES.values()]


EVERY_FAMILY = pytest.mark.parametrize("sample", one_of_each(), ids=lambda sample: str(sample.metadata["family"]))


def plain(kind: str, target: object, choices: tuple[str, ...] = ()) -> Sample:
    return Sample("1", "?", str(target), choices, {"kind": kind})


# The stream.


def test_ten_of_a_billion_samples_take_no_longer_than_ten() -> None:
    task = korgen(n=1_000_000_000)
    assert task.size == 1_000_000_000
    assert len(list(islice(task.samples(), 10))) == 10


def test_a_longer_stream_begins_with_the_shorter_one_and_both_can_be_streamed_again() -> None:
    short, long = korgen(n=30), korgen(n=2000)
    assert list(short.samples()) == list(islice(long.samples(), 30)) == list(short.samples())
    assert short.dataset != long.dataset


def test_no_two_samples_are_the_same() -> None:
    samples = list(korgen(n=3000, difficulty=1).samples())
    assert len({sample.id for sample in samples}) == 3000
    assert len({sample.messages[0].text for sample in samples}) == 3000


def test_ids_say_where_a_sample_comes_from() -> None:
    task = korgen(families=("infix",), difficulty=3, seed=8, n=18)
    assert [sample.id for sample in task.samples()][-1] == "korgen/operation/infix/d3/s8/17"


def test_by_default_every_family_is_asked_once_at_every_difficulty() -> None:
    cells = Counter((s.metadata["family"], s.metadata["difficulty"]) for s in korgen().samples())
    assert set(cells.values()) == {1}
    assert len(cells) == len(FAMILIES) * len(DIFFICULTIES) == 225
    few = Counter(s.metadata["category"] for s in korgen(n=18).samples())
    assert set(few.values()) == {2}


@pytest.mark.parametrize("twin", [False, True])
def test_metadata_are_what_metrics_group_by_and_what_the_level_was_made_of(twin: bool) -> None:
    task = korgen(twin=twin)
    for sample in task.samples():
        family = FAMILIES[sample.metadata["family"]]
        level = family.levels[int(sample.metadata["difficulty"]) - 1]
        assert level.items() <= sample.metadata.items()
        assert {m.by for m in task.metrics if m.by} <= sample.metadata.keys()
        assert ("real_life_answer" in sample.metadata) == (sample.metadata["category"] == "counterfactual")
        assert sample.metadata["rule"] in sample.input
        assert sample.metadata["question"] in sample.input
        assert sample.metadata["rule"] not in sample.metadata["question"]
        assert sample.metadata["steps"] > 0
    assert task.cluster is None


# Parameters.


def test_parts_are_chosen_by_name() -> None:
    cipher = load_task("korgen/cipher", params={"n": "20", "difficulty": "2"})
    assert {(s.metadata["category"], s.metadata["difficulty"]) for s in cipher.samples()} == {("cipher", "2")}
    two = load_task("korgen", params={"families": "infix, compass", "n": "20"})
    assert {s.metadata["family"] for s in two.samples()} == {"infix", "compass"}
    for task in (cipher, two):
        again = load_task(task.name, params=dict(task.params))
        assert (list(again.samples()), again.dataset) == (list(task.samples()), task.dataset)
    assert not any(m.value == "real_life" for m in cipher.metrics)
    assert any(m.value == "real_life" for m in two.metrics)
    card = find("korgen").card()
    assert all(f"| {family.category} | {family.name} |" in card for family in FAMILIES.values())


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_a_part_of_the_task(category: str) -> None:
    task = load_task(f"korgen/{category}", params={"n": "10"})
    assert {s.metadata["family"] for s in task.samples()} == {family.name for family in CATEGORIES[category]}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"subset": "cyphers"}, "operation, logic, cipher"),
        ({"families": ("infx",)}, "did you mean 'infix'"),
        ({"families": ("infix",), "subset": "logic"}, "none of the families infix"),
        ({"difficulty": 6}, "from 1 to 5"),
        ({"difficulty": 0}, "from 1 to 5"),
        ({"n": 0}, "from 1 to"),
        ({"n": 10**13}, "from 1 to"),
        ({"shots": 9}, "from 0 to 8"),
    ],
)
def test_what_does_not_exist_is_refused_with_a_hint(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        korgen(**params)  # type: ignore[arg-type]


def test_changed_parameters_change_the_dataset() -> None:
    variants = [
        korgen(),
        korgen(seed=1),
        korgen(n=226),
        korgen(shots=1),
        korgen(difficulty=1),
        korgen(subset="logic"),
        korgen(twin=True),
    ]
    assert len({v.dataset.digest for v in variants if v.dataset}) == len(variants)


# Prompts.


@EVERY_FAMILY
def test_a_prompt_holds_rule_question_and_the_form_of_the_answer_but_not_the_answer(sample: Sample) -> None:
    item = draw(FAMILIES[sample.metadata["family"]], 2, 0, 0)
    text = sample.messages[0].text
    assert text.count(item.rule) == text.count(item.question) == 1
    assert text.endswith(".")
    assert text.count("[[") == text.count("[[...]]") == 1
    assert judged(sample, text).outcome is Outcome.UNPARSED, "a model that repeats the prompt has not answered"


def test_whoever_can_reason_needs_nothing_but_the_prompt() -> None:
    for sample in korgen(seed=4, shots=1).samples():
        rule, question = re.findall(
            r"<rule>\n(.+?)\n</rule>\n\n<question>\n(.+?)\n</question>", sample.input, re.DOTALL
        )[1]
        (answer,) = FAMILIES[sample.metadata["family"]].solve(rule, question)
        assert judged(sample, f"[[{answer}]]").value == RIGHT


def test_examples_are_solved_and_share_nothing_with_the_questions() -> None:
    with_shots = list(korgen(families=("fold",), difficulty=1, n=40, shots=3).samples())
    without = list(korgen(families=("fold",), difficulty=1, n=40).samples())
    examples = {sample.messages[0].text.partition("Somebody")[0] for sample in with_shots}
    assert len(examples) == 1
    shown = examples.pop().split("<rule>")[1:]
    assert len(shown) == 3
    assert all(f"\n\n[[{draw(FAMILIES['fold'], 1, 0, i, shot=True).answer}]]\n" in s for i, s in enumerate(shown))
    questions = [sample.messages[0].text.partition("<rule>")[2] for sample in without]
    assert not set(shown) & set(questions)
    for few, zero in zip(with_shots, without, strict=True):
        assert few.messages[0].text.endswith(zero.messages[0].text)
        assert few.id == zero.id


# The scorer.


def mutations(sample: Sample) -> set[str]:
    """Answers that are wrong by as little as possible."""
    target = str(sample.target)
    rng, kind = Random(1), sample.metadata["kind"]
    if kind == "integer":
        return {str(int(target) + 1), str(int(target) - 1), f"-{target}", f"{target}0", f"{target}.5", f"{target}, 7"}
    if kind == "letter":
        return set("ABCD") - {target} | {f"{target} or A", "E", "none", "A, B, C, D"}
    if kind in ("text", "grid"):
        at = rng.randrange(len(target) - 1)
        return {target[1:], f"{target}A", f"{target[:at]}Q7{target[at + 1 :]}", "".join(reversed(target + "z"))}
    entries = target.split(", ")
    wrong = {", ".join([*entries, "Zork"]), ", ".join(["Zork", *entries[1:]])}
    if len(entries) > 1:
        wrong.add(", ".join(entries[:-1]))
    if kind == "list" and entries != entries[::-1]:
        wrong.add(", ".join(entries[::-1]))
    return wrong


@EVERY_FAMILY
def test_the_gold_answer_is_right_in_every_form_and_its_mutations_are_wrong(sample: Sample) -> None:
    target = str(sample.target)
    forms = [
        f"[[{target}]]",
        f"After some thought: [[ {target} ]].",
        f"It might be [[{target}x]].\nNo: **[[{target}]]**",
        f"<think>[[wrong]]</think>So [[{target}]]",
        f"[[{target.lower()}]]",
        f"[[`{target}`]]",
        f"[[\\text{{{target}}}]]",
        f"$\\boxed{{{target}}}$",
        f"**Answer:** {target}.",
        f"[[{target}]]\n\n<rule>\nAnother rule\n</rule>\n\n[[another answer]]",
    ]
    for form in forms:
        found = judged(sample, form)
        assert (found.outcome, found.value) == (Outcome.SCORED, RIGHT), form
    for wrong in mutations(sample):
        found = judged(sample, f"[[{wrong}]]")
        assert (found.outcome, found.value) == (Outcome.SCORED, WRONG), wrong
    assert judged(sample, f"[[{target}]] or rather [[x]]").value == WRONG


TABLE = [
    (plain("integer", 1234), "[[1,234]]", RIGHT),
    (plain("integer", 1234), "[[5 ★ 3 = 1234]]", RIGHT),
    (plain("integer", -7), "[[−7]]", RIGHT),
    (plain("integer", 7), "[[+07.0]]", RIGHT),
    (plain("integer", 0), "[[-0]]", RIGHT),
    (plain("integer", 7), "[[-7]]", WRONG),
    (plain("integer", 7), "[[seven]]", WRONG),
    (plain("integer", 7), "[[7²]]", WRONG),
    (plain("integer", 7), "[[٧]]", WRONG),
    (plain("text", "RDDR"), "[[R, D, D, R]]", RIGHT),
    (plain("text", "RDDR"), "[[R → D → D → R]]", RIGHT),
    (plain("text", "RDDR"), "$[[R \\rightarrow D \\rightarrow D \\rightarrow R]]$", RIGHT),
    (plain("text", "RDDR"), "[[RDRD]]", WRONG),
    (plain("list", "3, -5, 2"), "[[3, −5, 2]]", RIGHT),
    (plain("list", "3, -5, 2"), "[[[3, -5, 2]]]", RIGHT),
    (plain("list", "3, -5, 2"), "[[3 -5 2]]", RIGHT),
    (plain("list", "3, -5, 2"), "[[Belu: 3, Ambo: -5, Olmek: 2]]", RIGHT),
    (plain("list", "3, -5, 2"), "[[3, 5, 2]]", WRONG),
    (plain("list", "Belu, Ambo"), "[[Belu and Ambo]]", RIGHT),
    (plain("list", "Belu, Ambo"), "[[x = Tirmo: Belu; x = Sulto: Ambo]]", RIGHT),
    (plain("list", "Belu, Ambo"), "[[1. Belu\n2. Ambo]]", RIGHT),
    (plain("list", "Belu, Ambo"), "[[\\text{Belu} \\to \\text{Ambo}]]", RIGHT),
    (plain("list", "Belu, Ambo"), "[[Ambo, Belu]]", WRONG),
    (plain("list", "Belu, Ambo"), "[[Belu, Ambo, Ambo]]", WRONG),
    (plain("set", "a, c, d"), "[[{d, a, c}]]", RIGHT),
    (plain("set", "a, c, d"), "[[a, c, d, a]]", RIGHT),
    (plain("set", "a, c, d"), "[[a, c, d, e]]", WRONG),
    (plain("set", "a, c, d"), "[[a, c]]", WRONG),
    (plain("grid", "1 2; 2 1"), "[[1, 2], [2, 1]]", RIGHT),
    (plain("grid", "1 2; 2 1"), "[[1 2\n2 1]]", RIGHT),
    (plain("grid", "1 2; 2 1"), "[[12; 21]]", RIGHT),
    (plain("grid", "1 2; 2 1"), "\\boxed{\\begin{bmatrix} 1 & 2 \\\\ 2 & 1 \\end{bmatrix}}", RIGHT),
    (plain("grid", "1 2; 2 1"), "[[2 1; 1 2]]", WRONG),
    (plain("grid", "1 2; 2 1"), "[[1 2; 2 1; 1 2]]", WRONG),
    (plain("letter", "C", ("stop", "slow down", "go", "wait")), "[[(c)]]", RIGHT),
    (plain("letter", "C", ("stop", "slow down", "go", "wait")), "[[C. go]]", RIGHT),
    (plain("letter", "C", ("stop", "slow down", "go", "wait")), "[[Option C]]", RIGHT),
    (plain("letter", "C", ("stop", "slow down", "go", "wait")), "[[Go]]", RIGHT),
    (plain("letter", "C", ("stop", "slow down", "go", "wait")), "[[C, stop]]", WRONG),
    (plain("letter", "A", ("stop", "slow down", "go", "wait")), "[[A driver must wait]]", WRONG),
]


@pytest.mark.parametrize(("sample", "reply", "verdict"), TABLE)
def test_form_is_forgiven_and_content_is_not(sample: Sample, reply: str, verdict: float) -> None:
    assert judged(sample, reply).value == verdict


HOSTILE = [
    "[[9**9**9**9]]",
    "[[" + "9" * 100_000 + "]]",
    "[[" + "A, B, C, D, " * 100_000 + "]]",
    "[[" + "-" * 50_000 + "]]",
    "[[" + "\\text{" * 20_000 + "]]",
    "[[" + " " * 100_000 + "x]]",
    "[[" * 100_000,
    "]]" * 100_000,
    "[[\x00\ud800\u202e]]",
    "[[{0.__class__}]]",
    "[[__import__('os').system('true')]]",
    "[[.*]]",
    "[[A|B|C|D]]",
    "[[1e999]]",
    "[[result]]",
    "\\boxed{" * 10_000,
    "Answer: " + "a" * 100_000,
]


@EVERY_FAMILY
def test_hostile_replies_score_nothing(sample: Sample) -> None:
    for reply in HOSTILE:
        found = judged(sample, reply)
        assert found.value in (None, WRONG), reply[:40]
        assert len(found.answer or "") <= 2000


def test_a_reply_that_sets_nothing_apart_is_not_a_wrong_answer() -> None:
    sample = one_of_each()[0]
    assert judged(sample, "I am not sure.").outcome is Outcome.UNPARSED
    assert judged(sample, "First, we see that", "length").outcome is Outcome.TRUNCATED
    assert judged(sample, "<think>so [[1]]", "length").outcome is Outcome.TRUNCATED
    assert judged(sample, "", "content_filter").outcome is Outcome.REFUSED
    assert judged(sample, "I am not sure.").value is None


def test_a_counterfactual_answer_is_also_held_against_real_life() -> None:
    for sample in korgen(subset="counterfactual", n=20).samples():
        real = sample.metadata["real_life_answer"]
        assert judged(sample, f"[[{sample.target}]]").values == {"real_life": 0.0}
        assert judged(sample, f"[[{real}]]").values == {"real_life": 1.0}
        assert judged(sample, f"[[{real}]]").value == WRONG


def test_the_trace_says_by_which_pattern_and_where() -> None:
    sample = plain("integer", 5)
    found = judged(sample, "[[4]] no [[5]]")
    assert found.trace == {"pattern": "double brackets", "span": (9, 14), "competitors": 1}
    assert judged(sample, "\\boxed{5}").trace["pattern"] == "boxed"
