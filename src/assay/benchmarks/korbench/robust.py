"""The verdict that each rule's question intends, for the robust mode.

What is judged is the reply's last commitment (``commitment``). Answers are compared by what they say:
notation, case of words, spacing and, where the question leaves it open, order are forgiven; another
answer is not. ``card.md`` lists what that means rule by rule.
"""

from __future__ import annotations

import re

from assay.benchmarks.korbench.commitment import Commitment, unwrapped
from assay.benchmarks.korbench.official import Question, Verdict
from assay.benchmarks.korbench.plain import latex_symbols, same_looking, unescaped, without_latex
from assay.benchmarks.korbench.robust_operation import Undecided, judge_operation
from assay.benchmarks.korbench.robust_puzzle import judge_puzzle

_CHOICE = re.compile(
    r"\(?(?:(?:option|answer|choice)\b[:\s]*)?[(\[]?([A-J])(?:\s?[)\].:].*)?", re.IGNORECASE | re.DOTALL
)
_WORD = re.compile(r"[^\W\d_]{3}")
_LABEL = re.compile(
    r"\A(?:the )?(?:(?:final|encrypted|decrypted) )?(?:answer|(?:cipher|plain) ?text|text|message)(?: is)? ?[:=]\s*",
    re.IGNORECASE,
)


def judge_robustly(question: Question, answer: Commitment, gold: str) -> Verdict | Undecided:
    """The verdict on what a reply commits itself to; ``Undecided`` where it needs computer algebra."""
    gold = unwrapped(gold)
    match question.category:
        case "operation":
            return judge_operation(question.rule, question.idx, answer.text, gold)
        case "logic":
            return _logic(question.rule, answer, gold)
        case "puzzle":
            return judge_puzzle(question.rule, answer.text, gold)
        case "cipher":
            return _cipher(answer.text, gold)
        case _:
            return is_choice(answer, gold)


def is_choice(answer: Commitment, gold: str) -> Verdict:
    """Whether the answer chooses the gold option: its letter, alone or with the option's text."""
    letters = {letter for part in answer.parts if (letter := _letter(part))}
    return Verdict(letters == {unwrapped(gold)}, "the option's letter", ", ".join(sorted(letters)) or answer.text, gold)


def _letter(text: str) -> str | None:
    found = _CHOICE.fullmatch(unwrapped(without_latex(text)).strip(" .*"))
    return found[1].upper() if found else None


def _logic(rule: int, answer: Commitment, gold: str) -> Verdict:
    golds = _parts(gold)
    parts = list(answer.parts) if len(answer.parts) == len(golds) > 1 else _parts(answer.text)
    if len(parts) == 1 < len(golds):
        parts = _split(parts[0], ";" if ";" in parts[0] else ",")
    if len(golds) == 1 < len(parts):
        parts = [answer.text]
    if rule == 5:
        # Rows of a table may come in any order.
        parts, golds = sorted(parts, key=_logic_form), sorted(golds, key=_logic_form)
    right = len(parts) == len(golds) and all(map(_same_statement, parts, golds))
    return Verdict(right, "logic, part by part", "; ".join(map(_logic_form, parts)), "; ".join(map(_logic_form, golds)))


def _same_statement(text: str, gold_text: str) -> bool:
    ours, gold = _logic_form(text), _logic_form(gold_text)
    if ours == gold:
        return True
    if re.fullmatch(r"[A-J]", gold):
        return _letter(text) == gold
    if re.fullmatch(r"[A-J],?(?:[A-J],?)+", gold) and _choices(gold) == sorted(set(_choices(gold))):
        # Several options at once, in alphabetical order, which a mood such as AEE is not.
        return sorted(_choices(ours)) == _choices(gold) and len(ours) <= 2 * len(gold)
    return _WORD.search(gold) is not None and ours.casefold() == gold.casefold()


def _choices(text: str) -> list[str]:
    return re.findall(r"[A-J]", text)


def _logic_form(text: str) -> str:
    plain = same_looking(latex_symbols(unwrapped(text))).replace("∧", "^")
    return re.sub(r"[\s\".`]+", "", plain)


def _parts(text: str) -> list[str]:
    """The pieces of ``[A];[C]``, or the text as one piece."""
    pieces = _split(text, ";")
    if len(pieces) == 1 and re.match(r"\s*\[", text):
        pieces = _split(text, ",")
        if not all(re.fullmatch(r"\s*\[.*\]\s*", piece, re.DOTALL) for piece in pieces):
            return [text]
    return pieces


def _split(text: str, separator: str) -> list[str]:
    """Split where no bracket is open."""
    pieces, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "[({":
            depth += 1
        elif char in "])}":
            depth = max(0, depth - 1)
        elif char == separator and not depth:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def _cipher(text: str, gold: str) -> Verdict:
    ours, theirs = _cipher_form(text, gold), _cipher_form(gold, gold)
    return Verdict(ours == theirs, "cipher, text", ours, theirs)


def _cipher_form(text: str, gold: str) -> str:
    plain = _LABEL.sub("", unescaped(text).strip())
    if "*" not in gold:
        plain = plain.strip("* ")
    return re.sub(r"[\s\"'`\[\]]+", "", plain).casefold()
