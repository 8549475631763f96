"""How the twins of items are worded: one module a category, one ``Wording`` a family.

Each phrase is a pair: as the family says it, and as its twin does. What no phrase covers stays as it is:
tables, expressions, lists.
"""
