"""How a reply is written, as numbers: what can be said of a model's behaviour without knowing what is right.

Each variable is a pure function of texts, defined for every reply, linear in its length, and blind to what
the text says about itself: a reply that claims to be perfect scores no better by it. ``VARIABLES`` is the
vocabulary that findings, agents and reports share.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

MOST = 200_000
"""Characters of a text that are looked at; a longer one is measured on its first half and last half of these."""


class Variable(NamedTuple):
    """A behaviour variable."""

    meaning: str
    unit: str


VARIABLES: Mapping[str, Variable] = {
    "output_chars": Variable("length of the reply, thinking left out", "characters"),
    "output_words": Variable("words of the reply (a Han character counts as one)", "words"),
    "output_tokens": Variable("tokens generated, thinking included, as the provider counts", "tokens"),
    "reasoning_tokens": Variable("tokens of thinking, as the provider counts", "tokens"),
    "thinking_share": Variable("share of the characters that are thinking", "share"),
    "turns": Variable("replies of the model in the case", "turns"),
    "tool_calls": Variable("tool calls asked for", "calls"),
    "seconds": Variable("time that the calls took", "seconds"),
    "cost": Variable("price of the calls", "dollars"),
    "format_ok": Variable("an answer could be extracted", "share"),
    "truncated": Variable("the reply hit its token limit", "share"),
    "refused": Variable("the reply declines to answer", "share"),
    "repetition": Variable("share of five-word passages that stood earlier in the reply", "share"),
    "looping": Variable("the reply ends in the same passage over and over", "share"),
    "language_mismatch": Variable("the reply's main script is not the question's", "share"),
    "code_switching": Variable("share of letters in another script than the reply's main one", "share"),
    "hedges_per_1k": Variable("words of doubt per 1,000 words", "per 1,000 words"),
    "self_corrections_per_1k": Variable("turns such as 'wait' and 'let me recheck' per 1,000 words", "per 1,000 words"),
    "emoji_per_1k": Variable("emoji per 1,000 characters", "per 1,000 characters"),
    "markdown_share": Variable("share of lines with headings, bullets, tables or bold", "share"),
    "code_share": Variable("share of characters inside fenced code", "share"),
    "digit_share": Variable("share of characters that are digits", "share"),
}
"""Name -> what it says. All are columns of the case table; ``share`` of single cases is 0 or 1."""

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)?")
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)\b|i (?:can't|cannot|can not|won't|will not|must decline)\b"
    r"|as an ai\b)|无法(?:回答|提供|协助)|不能(?:回答|提供|协助)|抱歉",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|presumably|might|seems?|apparently|likely|not (?:entirely )?sure|uncertain"
    r"|i (?:think|guess|believe|suppose))\b|可能|也许|或许|大概|似乎|应该是",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"\b(?:wait|hold on|actually|on second thought|i made (?:a|an) (?:mistake|error)"
    r"|let me (?:re-?check|re-?consider|re-?think|double[- ]check|try again)"
    r"|that(?:'s| is) (?:wrong|not right|incorrect))\b|等等|重新(?:检查|考虑|计算)|不对",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"^\s{0,3}(?:#{1,6} |[-*+] |\d{1,3}[.)] |\||>)|\*\*[^*\n]+\*\*", re.MULTILINE)
_LATIN = re.compile(r"[A-Za-z]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_DIGITS = re.compile(r"\d+")
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)", re.MULTILINE)
_NGRAM = 5
_PROMPT_SEEN = 4_000
"""Characters of a question that tell its script."""


def of_reply(output: str, thinking: str | None, prompt: str) -> dict[str, float | bool]:
    """The variables that texts alone decide; see ``VARIABLES``.

    Args:
        output: the model's replies, thinking left out.
        thinking: what it thought, ``None`` where that is not known.
        prompt: the question, to tell its script.
    """
    text = bounded(output)
    words = _WORD.findall(text)
    count, chars = max(len(words), 1), max(len(text), 1)
    lines = [line for line in text.splitlines() if line.strip()]
    everything = f"{bounded(thinking)}\n{text}" if thinking else text
    thought_words = count + (len(_WORD.findall(bounded(thinking))) if thinking else 0)
    main, others = scripts(text)
    asked, _ = scripts(prompt[:_PROMPT_SEEN])
    found: dict[str, float | bool] = {
        "output_chars": float(len(output)),
        "output_words": float(len(words)),
        "refused_wording": _REFUSAL.search(text[:400]) is not None,
        "repetition": repetition(words),
        "looping": looping(text),
        "language_mismatch": main is not None and asked is not None and main != asked,
        "code_switching": others,
        "hedges_per_1k": 1000 * len(_HEDGE.findall(text)) / count,
        "self_corrections_per_1k": 1000 * len(_CORRECTION.findall(everything)) / thought_words,
        "emoji_per_1k": 1000 * sum(map(_is_emoji, "".join(_BEYOND_ASCII.findall(text)))) / chars,
        "markdown_share": min(1.0, sum(1 for line in lines if _MARKDOWN.search(line)) / max(len(lines), 1)),
        "code_share": _inside_fences(text) / chars,
        "digit_share": sum(map(len, _DIGITS.findall(text))) / chars,
    }
    if thinking is not None:
        found["thinking_share"] = len(thinking) / max(len(thinking) + len(output), 1)
    return found


def bounded(text: str) -> str:
    """The text, or the beginning and end of one that is too long to look at whole."""
    return text if len(text) <= MOST else text[: MOST // 2] + text[-(MOST // 2) :]


def repetition(words: list[str]) -> float:
    """Share of five-word passages that have stood before; 0 for texts of fewer than ten words."""
    if len(words) < 2 * _NGRAM:
        return 0.0
    passages = [tuple(words[at : at + _NGRAM]) for at in range(len(words) - _NGRAM + 1)]
    return 1 - len(set(passages)) / len(passages)


def looping(text: str) -> bool:
    """Whether the text ends in a passage of 8 to 400 characters that stands there three times or more."""
    tail = text.rstrip()
    for length in range(8, min(400, len(tail) // 3) + 1):
        last = tail[-length:]
        if tail[-2 * length : -length] == last and tail[-3 * length : -2 * length] == last and len(set(last)) > 2:
            return True
    return False


def scripts(text: str) -> tuple[str | None, float]:
    """The script of most letters (``None`` without any) and the share of letters in others."""
    latin = sum(map(len, _LATIN.findall(text)))
    counts = {"latin": latin} if latin else {}
    for character in "".join(_BEYOND_ASCII.findall(text)):
        if character.isalpha():
            script = _script(character)
            counts[script] = counts.get(script, 0) + 1
    if not counts:
        return None, 0.0
    main = max(counts, key=counts.__getitem__)
    return main, 1 - counts[main] / sum(counts.values())


def _script(character: str) -> str:
    code = ord(character)
    if 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x323AF:
        return "han"
    name = unicodedata.name(character, "?").partition(" ")[0].lower()
    return "kana" if name in ("hiragana", "katakana") else name


def _is_emoji(character: str) -> bool:
    code = ord(character)
    return 0x1F300 <= code <= 0x1FAFF or 0x2600 <= code <= 0x27BF


def _inside_fences(text: str) -> int:
    """Characters between fences; an unclosed fence runs to the end."""
    marks = [mark.start() for mark in _FENCE.finditer(text)]
    if len(marks) % 2:
        marks.append(len(text))
    return sum(end - start for start, end in zip(marks[::2], marks[1::2], strict=True))
