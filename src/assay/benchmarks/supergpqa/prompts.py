"""How a question is put to a model: an instruction with a place for the question and its options.

The instructions belong to the owners, who keep them as YAML beside their data; they are read from there. Where a
copy of the data has none, instructions of our own with the same structure stand in: what differs is wording alone,
and the task says so in its version and its notes. Layouts of the question block are the owners' either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Literal

from msgspec import Struct

from assay.benchmarks.supergpqa.data import Question
from assay.benchmarks.supergpqa.locate import beside, fill, read_template
from assay.scoring.cascade_supergpqa import LETTERS

Setting = Literal["zero-shot", "zero-shot-with-subfield", "five-shot", "robustness"]

WORDINGS = range(4)
LAYOUTS = range(6)


class Variant(Struct, frozen=True):
    """An instruction's wording and a layout of the question block."""

    wording: int
    layout: int

    def __str__(self) -> str:
        return f"{self.wording}-{self.layout}"


def variants(wording: int | None, layout: int | None) -> list[Variant]:
    """The variants of the robustness setting: those given, or all 24 in the owners' order."""
    wordings = WORDINGS if wording is None else [wording]
    layouts = LAYOUTS if layout is None else [layout]
    return [Variant(*pair) for pair in product(wordings, layouts)]


class Prompts(Struct, frozen=True):
    """The instructions of one setting."""

    setting: Setting
    templates: tuple[str, ...]
    """By wording; a single one but for the robustness setting."""
    own: bool
    """Whether they are ours instead of the owners'."""
    files: tuple[Path, ...] = ()
    """Where the owners' were read."""

    def render(self, question: Question, variant: Variant | None) -> str:
        """The prompt for a question."""
        if variant is not None:
            return fill(self.templates[variant.wording], block(question, variant.layout))
        if self.setting == "zero-shot-with-subfield":
            return fill(self.templates[0], question.subfield, block(question))
        return fill(self.templates[0], block(question))


def find_prompts(table: Path | None, setting: Setting) -> Prompts:
    """The owners' instructions beside the table, or our own where there are none. Raises ``DatasetMalformed``."""
    name = "robustness-exp" if setting == "robustness" else setting
    file = f"{name}.yaml"
    path = beside(table, (f"config/prompt/{file}", f"prompt/{file}", file)) if table else None
    if path is None:
        return Prompts(setting, _OWN[setting], own=True)
    if setting == "robustness":
        templates = tuple(read_template(path, f"initial_prompt_{wording}", 1) for wording in WORDINGS)
    else:
        templates = (read_template(path, "prompt_format", 2 if setting == "zero-shot-with-subfield" else 1),)
    return Prompts(setting, templates, own=False, files=(path,))


def block(question: Question, layout: int = 0) -> str:
    """The question with its options, in one of the owners' six layouts."""
    stem = question.question
    marks = ("{}) ", "{}. ", "{}: ", "{}) ", "({}) ", "({}) ")[layout]
    options = _listed(question.options, marks)
    match layout:
        case 0:
            return "\n".join((stem, *options))
        case 1:
            return "\n".join((stem, *options, "Your response: "))
        case 2:
            return "\n".join((f"Question: {stem}", "Options:", *options))
        case 3:
            return "\n".join(("Question:", stem, "Options:", *options, "Please begin answering."))
        case 4:
            return f"Q: {stem}\n{' '.join(options)}"
        case _:
            return "\n".join(("**Question**:", stem, "**Options**:", *options))


def _listed(options: Sequence[str], mark: str) -> list[str]:
    before, after = mark.split("{}")
    return [f"{before}{letter}{after}{option}" for letter, option in zip(LETTERS, options, strict=False)]


# Our own instructions.

_ANSWER = "Answer: $LETTER"
_SENTENCE = "The correct answer is: $LETTER"


def _instruction(about: str, line: str) -> str:
    return (
        f"Below is a multiple choice question{about}; exactly one of its options is right. Work it out, then close "
        f"with a last line of the form '{line}' (no quotation marks), where LETTER is one of {', '.join(LETTERS)}."
    )


_VARIED = (
    _instruction("", _ANSWER) + "\n\n{}",
    "As a helpful assistant, solve the multiple choice question that follows. Only one option is right. Think it "
    f"through, and let '{_ANSWER}' be your last line, LETTER standing for one of {', '.join(LETTERS)}.\n\n{{}}",
    _instruction("", _SENTENCE) + "\n\n{}",
    "Here is a question with several options, of which one is right. Give your reasoning first and your choice in "
    f"the last line, written '{_SENTENCE}'; LETTER is one of {', '.join(LETTERS)}.\n\n{{}}",
)


def _exemplar(stem: str, options: str, reasoning: str, letter: str) -> str:
    lines = "\n".join(_listed(options.split(" | "), "{}) "))
    return f"Question:\n{stem}\n{lines}\nAnswer: Let's think step by step. {reasoning}\nAnswer: {letter}.\n\n"


_EXEMPLARS = (
    _exemplar(
        "Two ice blocks of 2 kg and 3 kg collide head-on at 4 m/s and 1 m/s and stick together. How fast do they move?",
        "0.2 m/s | 0.5 m/s | 0.6 m/s | 0.8 m/s | 1.2 m/s | 1.5 m/s | 2.2 m/s | 1.0 m/s | 2.5 m/s | 3.0 m/s",
        "Momentum is kept: 2 * 4 - 3 * 1 = 5 kg m/s, shared by 5 kg, so 1.0 m/s.",
        "H",
    ),
    _exemplar(
        "A gas is squeezed to a third of its volume at constant temperature. What becomes of its pressure of 2 bar?",
        "0.67 bar | 1 bar | 1.5 bar | 2 bar | 3 bar | 6 bar | 9 bar | 12 bar | 18 bar | 4 bar",
        "At constant temperature pressure times volume is constant, so the pressure is 3 * 2 = 6 bar.",
        "F",
    ),
    _exemplar(
        "A stone falls from rest for 3 s. With g = 10 m/s^2 and no drag, how far does it fall?",
        "45 m | 15 m | 30 m | 60 m | 90 m | 9 m | 10 m | 100 m | 25 m | 50 m",
        "The distance is g t^2 / 2 = 10 * 9 / 2 = 45 m.",
        "A",
    ),
    _exemplar(
        "A source of 12 V drives 0.5 A through a resistor. What power does the resistor turn into heat?",
        "0.5 W | 3 W | 12 W | 24 W | 6 W | 48 W | 1 W | 2 W | 144 W | 36 W",
        "The power is voltage times current, 12 * 0.5 = 6 W.",
        "E",
    ),
    _exemplar(
        "A planet's orbit is four times as wide as another's around the same star. How do their periods compare?",
        "2 times | 4 times | 8 times | 16 times | 64 times | 6 times | 3 times | 32 times | 12 times | 10 times",
        "By Kepler's third law the period goes with the radius to the power 3/2, and 4^(3/2) = 8.",
        "C",
    ),
)

_OWN: dict[Setting, tuple[str, ...]] = {
    "zero-shot": (_instruction("", _ANSWER) + "\n\n{}",),
    "zero-shot-with-subfield": (_instruction(" about {}", _ANSWER) + "\n\n{}",),
    "five-shot": (
        f"{_instruction('', _ANSWER)}\n\n{''.join(_EXEMPLARS)}Question:\n{{}}\nAnswer: Let's think step by step.",
    ),
    "robustness": _VARIED,
}
