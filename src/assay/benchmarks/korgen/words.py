"""Invented names and symbols, and the name that makes every rule unlike every other.

A rule's name is a function of its place in the stream, and no two places have the same name: so no two
items of a stream can be identical, without anybody having to remember those that were drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

_WORDS = (
    "Ambo Belu Bodri Brona Bulso Cavim Corlu Dalmo Denku Dorel Drivo Dunsa Elbor Fandi Felgo Fombe Frelu Galdo Gerbi "
    "Gorvan Grisa Halvi Hondu Hulme Ibran Ilko Jaldo Jerun Jolve Kelda Kirvo Korma Kuldi Lanvo Lerga Limbu Lorsa Malvo "
    "Merdi Mivan Molke Murla Narvi Nelgo Nolda Obrin Olmek Ombru Palvo Pendra Pilgo Ralvi Renko Rodma Rulsa Sarlo "
    "Selmi Sirva Sorga Sulto Talvo Tendi Tirmo Tulga Ulben Urvik Valdo Verlu Vondi Vulka Wembo Wilga Worsa Yaldi Yorvu"
)
NAMES = tuple(_WORDS.split())
"""Names for people and things; they mean nothing, so nothing is known about them."""

_TWIN_WORDS = (
    "Bascor Bintle Brulam Castim Cendor Dastol Derwig Drostan Fastik Fermol Gistan Glavor Gruntil Hastor Helvik Hustan "
    "Jastil Jormek Kantor Kestil Klovan Kustor Lastim Leskan Lustig Mastol Mestik Mordal Nastor Nervik Nuskan Pastil "
    "Perkol Plostan Rastik Restol Ruskan Sistor Skolan Stervik Tastol Terkan Trastil Tuskor Vastim Vermol Viskan "
    "Wastor Wendik Zastol"
)
TWIN_NAMES = tuple(_TWIN_WORDS.split())
"""Names for the twins of items: as meaningless, and none of them among the others."""

_THINGS = "kettle anchor ladder basket candle violin hammer saddle helmet barrel blanket pillow"
THINGS = tuple(_THINGS.split())
"""Names for things and columns."""

_TWIN_THINGS = "teapot paddle broom satchel torch cello chisel bridle visor bucket curtain cushion"
TWIN_THINGS = tuple(_TWIN_THINGS.split())
"""The same for twins."""

CONSONANT_NAMES = tuple(name for name in NAMES if name[0] not in "AEIOU")
"""Those that an "a" may precede."""

SYMBOLS = tuple("★▲●■◆♣♠♥☼⊕⊗⊖⊙⊞⊠⋈∇§¶†")

TWIN_SYMBOLS = tuple("◇○□△▽◎◐◑♢♤♧♡⊘⊚⊛⊜⊟⊡⋄⌂")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_SYLLABLES = [consonant + vowel for consonant in "bdhlmnrstvw" for vowel in "aeiou"]
_SPACE = len(_SYLLABLES) ** 6
_STRIDE = 10_164_927_281
"""Prime to the 55 syllables: multiplying by it permutes the names."""

PLACES = _SPACE // 10
"""Places in a stream that get a name of their own."""


def rule_name(index: int, difficulty: int, *, shot: bool, offset: int) -> str:
    """The name of the rule at ``index`` in [0, PLACES), difficulty 1-5: different for each of these places."""
    place = (index * 5 + difficulty - 1) * 2 + shot
    number = (place * _STRIDE + offset) % _SPACE
    syllables = []
    for _ in range(6):
        number, digit = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    return f"{''.join(syllables[:3]).capitalize()} {''.join(syllables[3:]).capitalize()}"


def pick(rng: Random, options: Sequence[T]) -> T:
    """One of the options."""
    return options[rng.randrange(len(options))]


def between(rng: Random, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return low + rng.randrange(high - low + 1)


def shuffled(rng: Random, things: Sequence[T]) -> list[T]:
    """The things in another order."""
    mixed = list(things)
    rng.shuffle(mixed)
    return mixed


def signed(number: int) -> str:
    """A number to be added, as it is written behind a term: `` + 3``, `` - 3`` or nothing."""
    return f" {'+' if number > 0 else '-'} {abs(number)}" if number else ""


def listed(words: Sequence[str]) -> str:
    """Words as a list in prose: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def unlisted(text: str) -> list[str]:
    """The words of a list in prose."""
    return re.split(r", | and ", text)
