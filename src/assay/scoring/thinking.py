"""Which part of a reply is its answer.

Some servers leave a model's thinking inside the reply, between tags. Nothing in there is an answer: a
letter that was considered and dropped must not be scored, and thinking that never ended means that no
answer came. Scorers therefore look only at what ``split_thinking`` leaves, and say with
``outcome_without_answer`` what it means that they found nothing.
"""

from __future__ import annotations

import re

from assay.records import Outcome, Response

_TAG = re.compile(r"<(/?)(?:think|thinking)>", re.IGNORECASE)
_NEXT_QUESTION = re.compile(r"\n\s{0,3}(?:question|q)\s{0,2}\d{0,4}\s?:", re.IGNORECASE)


def split_thinking(text: str) -> tuple[str | None, str]:
    """Split a reply into its thinking (``None`` where it has none) and its answer.

    Knows ``<think>`` and ``<thinking>``, any number of them; a closing tag without an opening one, as
    left by chat templates that open it in the prompt (all before it is thinking); and an opening tag
    that is never closed (all after it is thinking, cut off). Linear in the length of the text.
    """
    if "<" not in text:
        return None, text
    tag = _TAG.search(text)
    if tag is None:
        return None, text
    thinking: list[str] = []
    answer: list[str] = []
    start, inside = 0, False
    while tag is not None:
        closes = bool(tag[1])
        if closes:
            if not inside:
                thinking += answer
                answer.clear()
            thinking.append(text[start : tag.start()])
            start, inside = tag.end(), False
        elif not inside:
            answer.append(text[start : tag.start()])
            start, inside = tag.end(), True
        tag = _TAG.search(text, tag.end())
    (thinking if inside else answer).append(text[start:])
    return "\n".join(part.strip() for part in thinking if part.strip()), "".join(answer).strip()


def before_next_question(text: str) -> str | None:
    """What stands before a line "Question: ...", which a base model goes on to invent; ``None`` without one.

    A model may also repeat the question before it answers: then there is no answer in this part.
    """
    invented = _NEXT_QUESTION.search(text)
    return text[: invented.start()] if invented else None


def outcome_without_answer(response: Response) -> Outcome:
    """What became of an attempt whose reply holds no answer: refused, truncated, or else unparsed."""
    match response.finish_reason:
        case "length" | "max_tokens":
            return Outcome.TRUNCATED
        case "content_filter" | "refusal":
            return Outcome.REFUSED
        case _:
            return Outcome.UNPARSED
