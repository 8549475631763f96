"""The 25 kinds of instruction that IFEval gives (arXiv 2311.07911), each as a check of a reply.

The ids and their arguments are the owners'; the checks are written from what the paper and its data say that
each instruction asks for. Where a letter of the rule decides (a rule ``---`` counts as a bullet, ``don't`` as
two words), it is followed, so that figures compare. Checks take hostile text: they are linear in it, and
nothing in it is a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from assay.benchmarks.ifeval import text as of
from assay.benchmarks.ifeval.languages import LANGUAGES, may_be

Check = Callable[..., bool]

_RELATIONS = ("at least", "less than")


class Kind(Struct, frozen=True):
    """A kind of instruction."""

    check: Check
    """Of a reply and the arguments, by name."""
    arguments: tuple[str, ...]


KINDS: dict[str, Kind] = {}
"""Id -> kind."""


def _instruction(name: str, *arguments: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        KINDS[name] = Kind(check, arguments)
        return check

    return register


def follows(reply: str, name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a reply follows an instruction; an empty one follows none."""
    kind = KINDS[name]
    return bool(reply.strip()) and kind.check(reply, *(arguments[argument] for argument in kind.arguments))


def fault(name: str, arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with an instruction as the data gives it; ``None`` where it can be checked."""
    if name not in KINDS:
        return f"no instruction {name!r}"
    for argument in KINDS[name].arguments:
        value = arguments.get(argument)
        if value is None:
            return f"{name} lacks {argument}"
        if argument.endswith("relation") and value not in _RELATIONS:
            return f"{name}: {argument} is {value!r}, neither {' nor '.join(_RELATIONS)}"
        if argument == "language" and str(value).partition("-")[0] not in LANGUAGES:
            return f"{name}: no way to tell the language {value!r}"
        if _wrong_type(argument, value):
            return f"{name}: {argument} is {value!r}"
    return None


def _wrong_type(argument: str, value: Any) -> bool:
    if argument in ("keywords", "forbidden_words"):
        return not isinstance(value, list) or not all(isinstance(word, str) and word for word in value)
    if argument.startswith("num_") or argument.endswith("frequency") or argument == "nth_paragraph":
        return isinstance(value, bool) or not isinstance(value, int | float)
    return not isinstance(value, str) or not value


def _holds(count: int, relation: str, number: float) -> bool:
    return count >= number if relation == "at least" else count < number


@_instruction("keywords:existence", "keywords")
def _keywords(reply: str, keywords: Sequence[str]) -> bool:
    folded = reply.casefold()
    return all(word.casefold() in folded for word in keywords)


@_instruction("keywords:frequency", "keyword", "frequency", "relation")
def _keyword_frequency(reply: str, keyword: str, frequency: float, relation: str) -> bool:
    return _holds(reply.casefold().count(keyword.strip().casefold()), relation, frequency)


@_instruction("keywords:forbidden_words", "forbidden_words")
def _forbidden(reply: str, words: Sequence[str]) -> bool:
    return not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", reply, re.IGNORECASE) for word in words)


@_instruction("keywords:letter_frequency", "letter", "let_frequency", "let_relation")
def _letter_frequency(reply: str, letter: str, frequency: float, relation: str) -> bool:
    return _holds(reply.lower().count(letter.lower()), relation, frequency)


@_instruction("language:response_language", "language")
def _language(reply: str, language: str) -> bool:
    return may_be(reply, language)


@_instruction("length_constraints:number_sentences", "num_sentences", "relation")
def _sentences(reply: str, number: float, relation: str) -> bool:
    return _holds(of.count_sentences(reply), relation, number)


@_instruction("length_constraints:number_paragraphs", "num_paragraphs")
def _paragraphs(reply: str, number: float) -> bool:
    paragraphs = of.starred_paragraphs(reply)
    return paragraphs is not None and len(paragraphs) == number


@_instruction("length_constraints:number_words", "num_words", "relation")
def _words(reply: str, number: float, relation: str) -> bool:
    return _holds(of.count_words(reply), relation, number)


@_instruction("length_constraints:nth_paragraph_first_word", "num_paragraphs", "nth_paragraph", "first_word")
def _nth_first_word(reply: str, number: float, nth: float, word: str) -> bool:
    pieces = reply.split("\n\n")
    if sum(bool(piece.strip()) for piece in pieces) != number or not 1 <= nth <= len(pieces):
        return False
    return of.first_word(pieces[int(nth) - 1]) == word.lower()


@_instruction("detectable_content:number_placeholders", "num_placeholders")
def _placeholders(reply: str, number: float) -> bool:
    return len(re.findall(r"\[[^\[\]\n]*\]", reply)) >= number


@_instruction("detectable_content:postscript", "postscript_marker")
def _postscript(reply: str, marker: str) -> bool:
    spaced = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker, re.escape(marker.casefold()))
    return re.search(spaced, reply.casefold()) is not None


@_instruction("detectable_format:number_bullet_lists", "num_bullets")
def _bullets(reply: str, number: float) -> bool:
    lines = [line.lstrip() for line in reply.split("\n")]
    starred = sum(line.startswith("*") and line[1:2] not in ("", "*") for line in lines)
    return starred + sum(line.startswith("-") for line in lines) == number


@_instruction("detectable_format:constrained_response")
def _one_of_three(reply: str) -> bool:
    return any(f"My answer is {word}." in reply for word in ("yes", "no", "maybe"))


@_instruction("detectable_format:number_highlighted_sections", "num_highlights")
def _highlights(reply: str, number: float) -> bool:
    once, twice = re.findall(r"\*([^\n*]*)\*", reply), re.findall(r"\*\*([^\n*]*)\*\*", reply)
    return sum(bool(part.strip()) for part in (*once, *twice)) >= number


@_instruction("detectable_format:multiple_sections", "section_spliter", "num_sections")
def _sections(reply: str, marker: str, number: float) -> bool:
    return len(re.findall(rf"{re.escape(marker.strip())}\s?\d+", reply)) >= number


@_instruction("detectable_format:json_format")
def _json(reply: str) -> bool:
    bare = re.sub(r"\A```(?:json)?", "", reply.strip(), flags=re.IGNORECASE).removesuffix("```").strip()
    try:
        msgspec.json.decode(bare)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


@_instruction("detectable_format:title")
def _title(reply: str) -> bool:
    for line in reply.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if 0 <= start < end - 2 and line[start:end].lstrip("<").rstrip(">").strip():
            return True
    return False


@_instruction("combination:two_responses")
def _two_responses(reply: str) -> bool:
    answers = of.two_answers(reply)
    return answers is not None and len(answers) == 2 and answers[0].strip() != answers[1].strip()


@_instruction("combination:repeat_prompt", "prompt_to_repeat")
def _repeats(reply: str, prompt: str) -> bool:
    return reply.strip().lower().startswith(prompt.strip().lower())


@_instruction("startend:end_checker", "end_phrase")
def _ends(reply: str, phrase: str) -> bool:
    return reply.strip().strip('"').lower().endswith(phrase.strip().lower())


@_instruction("startend:quotation")
def _quoted(reply: str) -> bool:
    bare = reply.strip()
    return len(bare) > 1 and bare.startswith('"') and bare.endswith('"')


@_instruction("change_case:capital_word_frequency", "capital_frequency", "capital_relation")
def _capital_words(reply: str, frequency: float, relation: str) -> bool:
    return _holds(of.count_capital_words(reply), relation, frequency)


@_instruction("change_case:english_capital")
def _all_capital(reply: str) -> bool:
    return reply.isupper() and may_be(reply, "en")


@_instruction("change_case:english_lowercase")
def _all_small(reply: str) -> bool:
    return reply.islower() and may_be(reply, "en")


@_instruction("punctuation:no_comma")
def _no_comma(reply: str) -> bool:
    return "," not in reply
