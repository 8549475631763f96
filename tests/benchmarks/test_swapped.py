"""The control: one part exchanged, everything else and the gold answer as it was."""

from __future__ import annotations

import msgspec
import pytest

from assay.benchmarks.registry import load_task
from assay.benchmarks.swapped.swap import swapped_samples, with_moved_options
from assay.errors import UsageError
from assay.records import Sample


def ruled(number: int, rule: int) -> Sample:
    question = f"What is f({number})?"
    text = f"Rule {rule}: f(x) = x + {rule}.\nQuestion: {question}\nAnswer:"
    about = {"question": question, "category": "sums", "rule": str(rule)}
    return Sample(f"s{number}", text, str(number + rule), metadata=about)


SAMPLES = [ruled(number, number % 4) for number in range(20)]


def by_id() -> dict[str, Sample]:
    return {sample.id: sample for sample in SAMPLES}


def test_a_question_comes_from_another_cluster_and_the_rest_stays() -> None:
    made = list(swapped_samples(SAMPLES, "question", cluster="rule", within="category", seed=1))
    assert [one.id for one in made] == [one.id for one in SAMPLES]
    for own, other in ((one, by_id()[one.metadata["swapped_with"]]) for one in made):
        origin = by_id()[own.id]
        assert other.metadata["rule"] != origin.metadata["rule"]
        assert own.target == origin.target
        assert own.input == str(origin.input).replace(origin.metadata["question"], other.metadata["question"])


def test_a_context_comes_from_another_cluster_and_the_question_stays() -> None:
    for made in swapped_samples(SAMPLES, "context", cluster="rule", within="category", seed=1):
        origin, other = by_id()[made.id], by_id()[made.metadata["swapped_with"]]
        rule, own_rule = other.metadata["rule"], origin.metadata["rule"]
        assert rule != own_rule
        assert made.input == f"Rule {rule}: f(x) = x + {rule}.\nQuestion: {origin.metadata['question']}\nAnswer:"


def test_the_same_seed_takes_the_same_partners_and_another_one_others() -> None:
    def partners(seed: int) -> list[str]:
        made = swapped_samples(SAMPLES, "question", cluster="rule", within="category", seed=seed)
        return [one.metadata["swapped_with"] for one in made]

    assert partners(1) == partners(1) != partners(2)


def test_a_sample_without_a_partner_is_left_out_and_none_at_all_is_an_error() -> None:
    alone = msgspec.structs.replace(SAMPLES[0], metadata={**SAMPLES[0].metadata, "category": "other"})
    made = swapped_samples([alone, *SAMPLES[1:]], "question", cluster="rule", within="category", seed=1)
    assert [one.id for one in made] == [one.id for one in SAMPLES[1:]]
    with pytest.raises(UsageError, match="no sample has a partner"):
        list(swapped_samples([SAMPLES[0], SAMPLES[4]], "question", cluster="rule", within="category", seed=1))


def test_options_move_and_the_gold_letter_then_holds_another_text() -> None:
    options = ("four", "four and a half", "five", "six")
    text = "Is it four?\n\n" + "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
    sample = Sample("q", f"{text}\n\nAnswer with a letter.", "C", options, {"question": "Is it four?"})
    seen = set()
    for seed in range(30):
        made = with_moved_options(sample, seed)
        assert made is not None
        assert sorted(made.choices) == sorted(options)
        assert made.choices["ABCD".index("C")] != "five"
        shown = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", made.choices, strict=True))
        assert made.input == f"Is it four?\n\n{shown}\n\nAnswer with a letter."
        seen.add(made.choices)
    assert len(seen) == 3


def test_a_sample_that_does_not_say_its_question_is_an_error() -> None:
    plain = [Sample(str(number), f"text {number}", "x") for number in range(3)]
    with pytest.raises(UsageError, match="does not say what its question is"):
        list(swapped_samples([*plain], "context", cluster=None, within="category", seed=0))


def test_it_wraps_a_task_by_name_and_makes_the_same_task_again() -> None:
    task = load_task("swapped/korgen", params={"n": 40, "base_seed": 3})
    made = list(task.samples())
    origin = {sample.id: sample for sample in load_task("korgen", params={"n": 40, "seed": 3}).samples()}
    assert made
    assert all(origin[one.id].target == one.target and origin[one.id].input != one.input for one in made)
    again = load_task(task.name, params=task.params)
    assert list(again.samples()) == made
    with pytest.raises(UsageError, match="swapped itself"):
        load_task("swapped/swapped/korgen")
