"""How an item is put to a model: the rule, the question, and the form of the answer, in our own words."""

from __future__ import annotations

from collections.abc import Sequence

from assay.benchmarks.korgen.family import Item, Kind

RULE_TAG = "<rule>"

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


def prompt(item: Item, kind: Kind, examples: Sequence[Item] = ()) -> str:
    """The text of a sample; ``examples`` are shown before, with their answers."""
    parts = [_EXAMPLES, *(f"{_posed(example)}\n\n[[{example.answer}]]" for example in examples)] if examples else []
    return "\n\n".join([*parts, _OPENING, _posed(item), _CLOSING.format(form=_FORMS[kind])])


def _posed(item: Item) -> str:
    return f"{RULE_TAG}\n{item.rule}\n</rule>\n\n<question>\n{item.question}\n</question>"
