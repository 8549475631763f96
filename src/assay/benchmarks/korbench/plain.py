r"""Characters and commands that look different and mean the same, for the robust mode.

Models answer in LaTeX, Markdown or plain text as it comes. Each function here takes one of these
costumes off; which of them may go without changing an answer is for the rules to know.
"""

from __future__ import annotations

import re

_LOOKALIKES = str.maketrans(
    {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | dict.fromkeys("∼˜", "~")
    | dict.fromkeys("–—−", "-")
    | dict.fromkeys("∣│", "|")
    | dict.fromkeys("′’‘", "'")
    | dict.fromkeys("“”", '"')
    | dict.fromkeys("✔√☑", "✓")
    | dict.fromkeys("✗✘×", "x")
    | {"∥": "||", "〈": "⟨", "〉": "⟩", "⋁": "∨", "⋀": "∧", "ϕ": "φ", "∗": "*"}
)
_SYMBOLS = {
    "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "neg": "¬", "lnot": "¬", "forall": "∀", "exists": "∃",
    "to": "→", "rightarrow": "→", "leftarrow": "←", "uparrow": "↑", "downarrow": "↓", "Rightarrow": "⇒",
    "implies": "⇒", "leftrightarrow": "↔", "Leftrightarrow": "⇔", "iff": "⇔", "langle": "⟨", "rangle": "⟩",
    "phi": "φ", "varphi": "φ", "Phi": "Φ", "emptyset": "∅", "varnothing": "∅", "checkmark": "✓", "times": "×",
    "cdot": "*", "div": "÷", "mid": "|", "vert": "|", "sim": "~", "geq": "≥", "ge": "≥", "geqslant": "≥",
    "leq": "≤", "le": "≤", "leqslant": "≤", "in": "∈", "approx": "≈", "epsilon": "ε", "varepsilon": "ε",
    "lambda": "λ", "infty": "∞", "cup": "∪", "pm": "±", "ast": "*", "lt": "<", "gt": ">",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)\s?")
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mathit|operatorname|texttt)\s?\{([^{}]*)\}")
_LAYOUT = re.compile(r"\\(?:[,;:! ]|q?quad\b|left\b|right\b|displaystyle\b)|\\[()\[\]]")
_ESCAPED = re.compile(r"\\([$#%&_{}*~^])")


def same_looking(text: str) -> str:
    """Full-width forms, dashes, quotation marks and other doubles as one character each."""
    return text if text.isascii() else text.translate(_LOOKALIKES)


def without_latex(text: str) -> str:
    r"""Symbols for commands, no ``\text{}``, ``$``, spacing or escapes; unknown commands stay."""
    return latex_symbols(text.replace("\\$", "\0").replace("$", " ").replace("\0", "$"))


def latex_symbols(text: str) -> str:
    """The same for texts in which ``$`` has a meaning."""
    if "\\" not in text:
        return text
    text = _LAYOUT.sub(" ", _TEXT.sub(r"\1", text))
    text = _COMMAND.sub(lambda match: _SYMBOLS.get(match[1], match[0]), text)
    return _ESCAPED.sub(r"\1", text)


def unescaped(text: str) -> str:
    r"""Without the backslash of ``\$``, ``\#`` and their like: for texts in which ``$`` is a letter."""
    return _ESCAPED.sub(r"\1", _TEXT.sub(r"\1", text))
