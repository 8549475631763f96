"""How a programming problem is put to a model. The wordings are ours."""

from __future__ import annotations

_WHOLE_PROGRAM = (
    "Write a {language} program that solves the problem. It reads from standard input and writes to standard output. "
    "Think as much as you need, then end with the whole program in one ```{tag} block."
)
_METHOD = (
    "Solve the problem in Python by completing this code:\n\n```python\n{starter}\n```\n\n"
    "Think as much as you need, then end with the whole code, the class included, in one ```python block."
)
_FUNCTION = (
    "Complete this Python function.\n\n```python\n{prompt}```\n\n"
    "Think as much as you need, then end with the whole function, and whatever it needs, in one ```python block."
)
_NAMES = {"cpp": "C++", "python": "Python 3", "javascript": "JavaScript"}


def whole_program(problem: str, language: str) -> str:
    """Ask for a program."""
    name = _NAMES.get(language, language.capitalize())
    return f"{problem}\n\n{_WHOLE_PROGRAM.format(language=name, tag=language)}"


def method(problem: str, starter: str) -> str:
    """Ask for a method of a class."""
    return f"{problem}\n\n{_METHOD.format(starter=starter.rstrip())}"


def function(prompt: str) -> str:
    """Ask for a function whose head and description are given."""
    return _FUNCTION.format(prompt=prompt if prompt.endswith("\n") else f"{prompt}\n")


def statement(title: str, limits: str, parts: dict[str, str], examples: list[tuple[str, str]]) -> str:
    """A problem as contests print it: its parts under headings, then what goes in and comes out."""
    lines = [f"# {title}", limits, *(f"## {name}\n\n{text.strip()}" for name, text in parts.items() if text.strip())]
    for number, (given, wanted) in enumerate(examples, 1):
        lines.append(f"## Example {number}\n\nInput:\n{_fenced(given)}\n\nOutput:\n{_fenced(wanted)}")
    return "\n\n".join(line for line in lines if line)


def _fenced(text: str) -> str:
    return f"```\n{text.strip()}\n```"
