"""The codes that words are put in: a code for each of the 36 letters and digits.

``morse_base`` is international Morse. ``emoji_morse`` writes its dots and dashes as two emojis and is kept as
the benchmark's owners ship it, where J has the code of 1; ``emoji_morse_fixed`` gives J its own.
``emoji_shuffle`` is ours, made like the owners' of the same name (three emojis a symbol) but not the
same: theirs is read from their ``rules.json``, as any other book is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assay.errors import DatasetMalformed, DatasetNotFound, UsageError

RULES_FILE = "rules.json"
SEPARATOR = "|"
"""Between the codes of a word's characters."""


@dataclass(frozen=True)
class Codebook:
    """A code for each symbol."""

    name: str
    codes: Mapping[str, str]
    """Upper-case character -> code."""
    source: str
    """Whose it is: a line for the reader of the numbers."""
    text: str | None = None
    """What the model is told of it, where its owners say so in their own words."""


def clashes(codes: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Groups of symbols that cannot be told apart since they share a code; empty for an injective book."""
    symbols: dict[str, list[str]] = {}
    for symbol, code in codes.items():
        symbols.setdefault(code, []).append(symbol)
    return tuple(tuple(group) for group in symbols.values() if len(group) > 1)


def faults(codes: Mapping[str, str]) -> tuple[str, ...]:
    """Why an encoded word cannot always be decoded, one reason each; empty for a book that can be undone."""
    shared = [f"{', '.join(group[:-1])} and {group[-1]} share a code" for group in clashes(codes)]
    cut = [
        f"the code of {symbol} is empty or has {SEPARATOR} in it"
        for symbol, code in codes.items()
        if not code or SEPARATOR in code
    ]
    return (*shared, *cut)


def require_decodable(benchmark: str, book: Codebook, *, compat: bool) -> None:
    """Refuse a book that cannot be undone unless it is wanted as it is. Raises ``UsageError``."""
    if not compat and (found := faults(book.codes)):
        raise UsageError(
            f"{benchmark}: codebook {book.name} ({book.source}) cannot be decoded for sure: {'; '.join(found)}. "
            "Take another, or -t compat=true to use it as its owners ship it"
        )


def codebook_notes(book: Codebook) -> tuple[str, ...]:
    """For the reader of the numbers: whose book it is, and what is wrong with it."""
    ambiguous = faults(book.codes)
    about = (f"codebook {book.name}: {book.source}",)
    return (*about, f"codebook {book.name} is ambiguous: {'; '.join(ambiguous)}") if ambiguous else about


_SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MORSE_CODES = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE = dict(zip(_SYMBOLS, _MORSE_CODES.split(), strict=True))
_TO_EMOJI = str.maketrans({".": "\N{SPARKLES}", "-": "\N{WATER WAVE}"})
_EMOJI_MORSE = {symbol: code.translate(_TO_EMOJI) for symbol, code in _MORSE.items()}
_EMOJIS = "🪁🧩🪐🥕🚲🎺🐙🌋🧵🍋🪶🛶"


def _shuffled() -> dict[str, str]:
    """Three emojis a symbol: 36 of the 12 ** 3 triples, all different since 1109 and 12 have no common factor."""
    size = len(_EMOJIS)
    places = [(1109 * at + 271) % size**3 for at in range(len(_SYMBOLS))]
    triples = [_EMOJIS[at // size**2] + _EMOJIS[at // size % size] + _EMOJIS[at % size] for at in places]
    return dict(zip(_SYMBOLS, triples, strict=True))


CODEBOOKS = {
    book.name: book
    for book in (
        Codebook("morse_base", _MORSE, "international Morse code"),
        Codebook(
            "emoji_morse", _EMOJI_MORSE | {"J": _EMOJI_MORSE["1"]}, "Morse code in two emojis, as its owners ship it"
        ),
        Codebook("emoji_morse_fixed", _EMOJI_MORSE, "Morse code in two emojis"),
        Codebook("emoji_shuffle", _shuffled(), "Assay's own emoji triples, not the owners'"),
    )
}


def codebooks(data: Path | None, file: str | None) -> dict[str, Codebook]:
    """The books by name: those of ``file`` alone, else ours, in whose place those of ``rules.json`` in ``data`` stand.

    Raises ``DatasetNotFound`` or ``DatasetMalformed``.
    """
    if file is not None:
        return _read(Path(file))
    owners = _read(data / RULES_FILE) if data is not None and (data / RULES_FILE).is_file() else {}
    return {**CODEBOOKS, **owners}


def find_codebook(name: str, data: Path | None, file: str | None) -> Codebook:
    """The book of that name. Raises ``UsageError`` where there is none, and as ``codebooks`` does."""
    known = codebooks(data, file)
    if name not in known:
        raise UsageError(f"cryptox: no codebook {name!r}; there are: {', '.join(known)}")
    return known[name]


class _Rule(msgspec.Struct):
    rule: dict[str, str]
    prompt_rule: str | None = None


def _read(path: Path) -> dict[str, Codebook]:
    try:
        rules = msgspec.json.decode(path.read_bytes(), type=dict[str, _Rule])
    except FileNotFoundError:
        raise DatasetNotFound(f"cryptox: no codebook file {path}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: {error}; an object name -> {{rule, prompt_rule}} was expected") from None
    for name, rule in rules.items():
        wrong = [symbol for symbol in rule.rule if len(symbol) != 1 or symbol != symbol.upper()]
        if wrong or not rule.rule:
            raise DatasetMalformed(f"{path}: {name}: rule must have single upper-case characters, not {wrong[:3]}")
    return {name: Codebook(name, rule.rule, str(path), rule.prompt_rule) for name, rule in rules.items()}
