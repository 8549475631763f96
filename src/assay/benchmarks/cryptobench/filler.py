"""Filler text of our own for the haystack, where the owners' essays are not at hand.

Sentences about a quiet valley, drawn with a fixed seed: the same text for everyone, and none of it about
what the needles name.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_PARAGRAPH = 6
_WHO = (
    *("the miller", "a retired surveyor", "the schoolteacher", "one of the shepherds", "the ferry pilot"),
    *("an old clockmaker", "the librarian", "a visiting geologist", "the night watchman", "her younger cousin"),
)
_DID = (
    *("wrote down", "kept talking about", "was proud of", "never quite understood", "measured"),
    *("drew a map of", "complained about", "had a theory about", "made a list of", "quietly admired"),
)
_WHAT = (
    *("the level of the river", "the bells of the chapel", "the road over the pass", "the wind from the east"),
    *("the empty station", "the habits of the swallows", "the stones along the border", "the colour of the evening"),
    *("the price of timber", "the slow growth of the larches", "the noise of the sawmill", "the shape of the clouds"),
)
_WHEN = (
    *("in the spring", "after the long winter", "on most mornings", "when the market was over", "for many years"),
    *("before the bridge was built", "whenever it rained", "late in the autumn", "without any hurry", "as a habit"),
)
_WHY = (
    *("nobody else seemed to care", "there was little else to do", "it had always been done", "somebody had to"),
    *("the records were incomplete", "the days were long", "a promise had been made", "it cost nothing"),
)
_SHAPES = (
    "{When}, {who} {did} {what}.",
    "{Who} {did} {what} {when}, since {why}.",
    "{Who} {did} {what}, and {who2} {did2} {what2}.",
    "It is said that {who} {did} {what} {when}.",
    "Although {why}, {who} {did} {what} {when}.",
)


def filler_sentences(seed: int = 42) -> Iterator[str]:
    """Endless sentences, each with the white space behind it; every sixth ends a paragraph."""
    random = Random(seed)
    at = 0
    while True:
        at += 1
        yield _sentence(random) + ("\n\n" if at % _PARAGRAPH == 0 else " ")


def _sentence(random: Random) -> str:
    parts = {"who": _WHO, "did": _DID, "what": _WHAT, "when": _WHEN, "why": _WHY}
    parts |= {"who2": _WHO, "did2": _DID, "what2": _WHAT}
    drawn = {name: random.choice(choices) for name, choices in parts.items()}
    text = random.choice(_SHAPES)
    drawn |= {"Who": _capital(drawn["who"]), "When": _capital(drawn["when"])}
    return text.format_map(drawn)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
