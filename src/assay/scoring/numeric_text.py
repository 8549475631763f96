r"""How numbers are spelt: the pattern of one, and what the words beside it are worth.

Kept apart from ``numeric`` because it is a table, not a method: a new word for a million is a line here.
The pattern is linear in the text: its quantifiers over digits are possessive, all others are bounded.
"""

from __future__ import annotations

import re
from fractions import Fraction

from assay.scoring.short_answer import DASHES, spelt_out, unwrap

_ENGLISH = {
    10**3: "thousand thousands k",
    10**5: "lakh lakhs",
    10**6: "million millions mn mln mio m",
    10**7: "crore crores",
    10**9: "billion billions bn bln mrd b",
    10**12: "trillion trillions tn trn t",
}
_CHINESE = {"": 1, "十": 10, "百": 100, "千": 1000}
_CHINESE_UNITS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "万亿": 10**12, "萬億": 10**12}
_PER = {
    Fraction(1, 100): ("%", "percent", "per cent", "pct", "percentage points", "percentage point", "个百分点", "pp"),
    Fraction(1, 1000): ("‰",),
    Fraction(1, 10**4): ("basis points", "basis point", "bps", "bp", "个基点"),
}

SCALES: dict[str, Fraction] = {word: Fraction(by) for by, words in _ENGLISH.items() for word in words.split()}
"""Word -> what it multiplies a figure by."""
SCALES |= {
    small + unit: Fraction(by * worth) for small, by in _CHINESE.items() for unit, worth in _CHINESE_UNITS.items()
}
SCALES |= {"千": Fraction(1000)}
SCALES |= {word: by for by, words in _PER.items() for word in words}

_SPELLINGS = {
    "CNY": "cny, rmb, 元, 元人民币, 人民币元, 人民币, yuan, renminbi, 块, 块钱",
    "USD": "usd, us$, 美元, 美金, us dollars, u.s. dollars, dollars, dollar",
    "HKD": "hkd, hk$, 港元, 港币, hong kong dollars",
    "EUR": "eur, €, 欧元, euro, euros",
    "GBP": "gbp, £, 英镑, pounds sterling",
    "JPY": "jpy, 日元, japanese yen",
    "mm": "mm, 毫米, millimetres, millimeters",
    "cm": "cm, 厘米, centimetres, centimeters",
    "m": "m, 米, metres, meters, metre, meter",
    "km": "km, 公里, 千米, kilometres, kilometers",
    "g": "g, 克, grams, gram",
    "kg": "kg, 千克, 公斤, kilograms, kilogram",
    "t": "t, 吨, tonnes, tonne",
    "TJ": "tj, terajoules, terajoule, 太焦",
    "PJ": "pj, petajoules, petajoule",
    "kWh": "kwh, 千瓦时, kilowatt-hours",
    "MWh": "mwh, 兆瓦时, megawatt-hours",
    "GWh": "gwh, gigawatt-hours",
    "TWh": "twh, terawatt-hours",
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split(", ")}


def _either(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_WORDS = [word for words in _ENGLISH.values() for word in words.split() if len(word) > 1]
_CHARACTERS = [word for word in SCALES if "\u4e00" <= word[0] <= "\u9fff" and not word.startswith("个")]
_PERS = [word for words in _PER.values() for word in words]

MARKED = re.compile(
    r"(?<![A-Za-z0-9_.,/])(?P<sign>[+-]?)\s?"
    r"(?:(?P<currency>us\$|hk\$|usd|hkd|rmb|cny|eur|gbp|jpy|人民币|€|£)|[$¥])?\s?(?P<sign_after>[+-]?)"
    r"(?:(?P<whole>\d{1,18})\s(?=\d{1,18}/))?"
    r"(?P<figure>\d{1,3}(?: \d{3})++(?![\d/])(?:[.,]\d++)?|\d++(?:[.,']\d++)*+|[.]\d++)"
    r"(?:/(?P<divisor>\d{1,100}+)(?![\d/]))?"
    r"(?:e(?P<e>[+-]?\d{1,3})(?!\d)|(?P<times_ten>\s?[×x*]\s?10)?(?P<ten>(?:\^\{?[+-]?\d{0,3}\}?){1,4}))?"
    rf"(?:\s?(?P<times>(?:{_either(_WORDS)})(?![a-z])|(?-i:(?<=\d)[KMBTk](?![A-Za-z0-9]))|{_either(_CHARACTERS)})"
    r"(?:(?P<wan>(?<=[亿億])\d{1,4})[万萬])?)?"
    rf"(?:\s?(?P<per>{_either(_PERS)})(?![a-z]))?"
    r"(?:\s?(?P<unit>(?![xyzn](?![a-z])|(?:or|and|to|not|plus|minus|times)(?![a-z]))[a-z\u4e00-\u9fff°µμω€£¥$]"
    r"(?:[a-z\u4e00-\u9fff°µμω€£¥$]|[ /·.-](?=[a-z])|\^-?[1-9]){0,24}+))?",
    re.IGNORECASE,
)
"""One number. Groups: sign, currency, sign_after, whole (of a mixed number), figure, divisor, e, times_ten, ten,
times, wan, per, unit."""


def unit_of(text: str, *, whole: bool) -> str:
    """The unit that stands behind a figure, in one spelling where several are known.

    What follows a known unit is no part of it if it cannot be (``元左右``), and in running text never is;
    an unknown unit is kept only where the text is ``whole``.
    """
    text = text.strip(" .")
    if known := _UNITS.get(text.casefold()):
        return known
    for end in range(min(len(text) - 1, 16), 0, -1):
        known, after = _UNITS.get(text[:end].casefold()), text[end]
        if known and ("\u4e00" <= after <= "\u9fff" or (not whole and not after.isalpha() and after not in "/·^-")):
            return known
    return text if whole else ""


def units_clash(one: str, other: str) -> bool:
    """Whether two units, where both are stated, are different ones (a plural is not)."""
    return bool(one and other) and one.casefold().rstrip("s") != other.casefold().rstrip("s")


_LATEX = (
    (re.compile(r"\\[dt]?frac\s?\{(\d{1,100})\}\s?\{(\d{1,100})\}"), r"\1/\2"),
    (re.compile(r"\\(?:times|cdot)(?![a-z])|·(?=\s?10)"), "×"),
    (re.compile(r"\\(?:text|mathrm)\s?\{([^{}]{0,100})\}"), r" \1"),
    (re.compile(r"\\[,!;: ]|\\(?=[%$])"), ""),
    (re.compile(r"\*\*"), "^"),
)
_HEDGE = re.compile(r"(?:about|around|approximately|approx\.?|roughly|≈|~|约|大约|约为)\s*", re.IGNORECASE)


def plain(text: str, *, whole: bool) -> str:
    """The text in plain characters, as ``MARKED`` reads it.

    ``whole``: the text should be one number: what wraps it (quotes, dollars, a full stop) and a word such
    as "about" before it are taken off.
    """
    text = spelt_out(unwrap(text) if whole else text).translate(DASHES)
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    text = text.replace("\u2019", "'")
    if not whole:
        return text
    text = text.strip()
    hedge = _HEDGE.match(text)
    return text[hedge.end() :] if hedge else text
