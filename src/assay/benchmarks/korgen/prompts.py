"""How an item is put to a model: the rule, the question, and the form of the answer, in our own words."""

from __future__ import annotations

from collections.abc import Sequence

from assay.benchmarks.korgen.family import Item, Kind

RULE_TAG, TWIN_RULE_TAG = "<rule>", "<setting>"

_OPENING = (
    "Somebody has made up the rule below. Within this exercise it holds as it stands, whatever you know otherwise."
)
_EXAMPLES = "First, solved examples with other rules of the same kind."
_CLOSING = "Reason from the rule alone. Finish with the result between double square brackets, as in [[...]]. {form}"
_FORMS: dict[Kind, str] = {
    "integer": "The result is a single whole number in digits.",
    "text": "The result is a single word or string of letters, without spaces.",
    "list": "The result is a list in the order asked for, its entries separated by commas.",
    "set": "The result is a list in any order, its entries separated by commas.",
    "letter": "The result is the letter of one option: A, B, C or D.",
    "grid": "The result is the rows from top to bottom, separated by semicolons, the numbers in a row by spaces.",
}

_TWIN_OPENING = (
    "Read how things are in the following invented setting and take it as given, even where it runs against habit."
)
_TWIN_EXAMPLES = "To begin with, a few settings of this sort along with what was to be found."
_TWIN_CLOSING = (
    "Use only what the setting says. Put what you have found inside two pairs of square brackets, thus: [[...]], as "
    "your last line. {form}"
)
_TWIN_FORMS: dict[Kind, str] = {
    "integer": "An integer, written in digits, is expected.",
    "text": "Letters only are expected, with nothing in between.",
    "list": "Expected are entries, comma-separated, in exactly the sequence that was demanded.",
    "set": "Expected are entries, comma-separated; their sequence is up to you.",
    "letter": "One of A, B, C and D is expected: that of your choice.",
    "grid": "Expected are all lines downwards, a semicolon after each but the last, and blanks within a line.",
}


def prompt(item: Item, kind: Kind, examples: Sequence[Item] = (), *, twin: bool = False) -> str:
    """The text of a sample; ``examples`` are shown before, with their answers. Twins are asked in other words."""
    introduction, opening, closing, forms = (
        (_TWIN_EXAMPLES, _TWIN_OPENING, _TWIN_CLOSING, _TWIN_FORMS) if twin else (_EXAMPLES, _OPENING, _CLOSING, _FORMS)
    )
    shown = [f"{_posed(example, twin)}\n\n[[{example.answer}]]" for example in examples]
    parts = [introduction, *shown] if shown else []
    return "\n\n".join([*parts, opening, _posed(item, twin), closing.format(form=forms[kind])])


def _posed(item: Item, twin: bool) -> str:
    if twin:
        return f"{TWIN_RULE_TAG}\n{item.rule}\n</setting>\n\n<task>\n{item.question}\n</task>"
    return f"{RULE_TAG}\n{item.rule}\n</rule>\n\n<question>\n{item.question}\n</question>"
