"""Base sets of our own in the owners' layout, and a model that decodes what it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.benchmarks.cryptox.codebooks import CODEBOOKS, SEPARATOR
from assay.records import Request, Score

OPTIONS = ("Abdominal cavity", "Cranial cavity", "(pleural) sac", "7 spinal canals")
_SYMBOLS = {code: symbol for symbol, code in CODEBOOKS["morse_base"].codes.items()}
_CODED = re.compile(r"(?<![^\s])[.-]{1,5}(?:\|[.-]{1,5})+(?![^\s])")


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a base set."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def mmlu_rows(hop: int, questions: list[str]) -> list[dict[str, Any]]:
    """Rows of one of the three MMLU sets; the right option goes round."""
    rows = []
    for at, question in enumerate(questions):
        right = at % len(OPTIONS)
        first = ("A", "C", "p", "7")[right]
        answer: Any = {1: "ABCD"[right], 2: right + 1, 3: f"{right + 1}{first}"}[hop]
        options = "".join(f"{letter}) {option}\n" for letter, option in zip("ABCD", OPTIONS, strict=True))
        rows.append({"question": question, "options": options, "answer": answer, "cate": f"c{at // 3}", "hop_num": hop})
    return rows


def write_sets(folder: Path) -> Path:
    """All six sets, small."""
    sums = [
        {
            "question": f"What is the sum of all whole numbers from one to {n} when $x={n}$ holds?",
            "answer": str(n * (n + 1) // 2),
            "solution": "Pair them up.",
            "level": 1,
            "unique_id": f"u/{n}",
            "cate": "algebra",
        }
        for n in range(3, 7)
    ]
    balls = [
        {
            "guide": "Say who has the ball.",
            "question": f"Alice swaps with Bob and Bob swaps with Claire {n} times",
            "options": "(A) Alice\n(B) Bob\n(C) Claire",
            "answer": "(B)",
            "cate": "balls",
        }
        for n in range(4)
    ]
    sorts = [
        {
            "guide": "Sort the words.",
            "question": f"Sort these words please: pear apple fig {word}",
            "options": "",
            "answer": f"apple fig pear {word}",
            "cate": "sorts",
        }
        for word in ("rice", "salt", "tea", "zest")
    ]
    adds = [
        {
            "question": f"Write a function that adds {n} to the given number",
            "task_id": n,
            "answer": f"def add(x):\n    return x + {n}",
            "test_imports": ["import math"],
            "test_list": [f"assert add(1) == {1 + n}", f"assert add(2) == {2 + n}"],
        }
        for n in (1, 2)
    ]
    write(folder, "math_500.jsonl", sums)
    write(folder, "bbh_405.jsonl", balls + sorts)
    write(folder, "mbpp_427.jsonl", adds)
    for hop in (1, 2, 3):
        asked = [f"Which of these cavities holds the organ that students know as number {n} today?" for n in range(6)]
        write(folder, f"mmlu_dev_285_hop_{hop}.jsonl", mmlu_rows(hop, asked))
    return folder


def decoded(text: str) -> str:
    """A text with its Morse words decoded."""
    return _CODED.sub(lambda word: "".join(_SYMBOLS[code] for code in word[0].split(SEPARATOR)), text)


def answering(answers: dict[str, str], *, most_words: int) -> Callable[[Request], str]:
    """A model that decodes up to so many words, and answers what it then understands.

    ``answers``: question (in upper case) -> answer. It decodes where it is asked to, answers a question that it
    can read, its own decoding included, and guesses where it cannot.
    """

    def reply(request: Request) -> str:
        prompt = request.messages[-1].text
        read = decoded(prompt) if len(_CODED.findall(prompt.rpartition("\n\n")[2])) <= most_words else prompt
        if "Do not answer it" in prompt:
            return f"I see.\nDecoded question: {read.rpartition('Text:' + chr(10))[2]}"
        read = (read.rpartition("Now this one.")[2] + request.messages[-2].text) if len(request.messages) > 1 else read
        known = next((answer for question, answer in answers.items() if question in read.upper()), None)
        return "I cannot read this.\nAnswer: 0" if known is None else f"So it is.\nAnswer: {known}"

    return reply


def value(score: Score) -> float:
    """The score's value, which there has to be."""
    assert score.value is not None, score
    return score.value
