"""LiveCodeBench's files: problems of contests, with the date of each and its public and private tests.

Private tests are packed in the owners' files: text, in a pickle, zipped, in base64. A pickle can run code when
it is loaded, so none ever is: its instructions are read as data, and only a pickle that is nothing but one
text is understood. Packed JSON without a pickle, and plain JSON, are read too.

A release is made of the files up to its own: ``test.jsonl`` is v1, with ``test2.jsonl`` it is v2, and so on.
"""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import re
import zlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from assay.benchmarks.maths.data import pick_file
from assay.benchmarks.mcq.data import UserFile, open_file
from assay.errors import DatasetNotFound, UsageError
from assay.scoring.code import StdioTest, StdioTests, UnitTests, close_numbers

RELEASES = {"v1": 400, "v2": 511, "v3": 612, "v4": 713, "v5": 880, "v6": 1055}
"""Release -> its problems, those of the earlier ones included."""
_FILES = ("test.jsonl", *(f"test{number}.jsonl" for number in range(2, len(RELEASES) + 1)))


class Problem(Struct, frozen=True):
    """What a problem says of itself; its tests are left where they are."""

    question_id: str | int
    question_content: str
    question_title: str = ""
    platform: str = ""
    contest_id: str | int = ""
    contest_date: str = ""
    starter_code: str = ""
    difficulty: str = ""

    @property
    def name(self) -> str:
        """The problem's id."""
        return str(self.question_id)

    @property
    def day(self) -> str:
        """The contest's day, as ``2024-08-17``."""
        return self.contest_date[:10]


class Case(Struct, frozen=True):
    """A test: texts for a whole program; for a method, JSON arguments one a line, and the JSON result."""

    input: str
    output: str


class Tests(Struct, frozen=True):
    """The tests of a problem, as they are packed."""

    public_test_cases: str | list[Case] = ""
    private_test_cases: str | list[Case] = ""
    metadata: str | dict[str, Any] = ""
    starter_code: str = ""


def files(place: Path, file: str | None, release: str | None) -> list[UserFile]:
    """The files of a copy: those of a release, all the owners' files that there are, or the user's one."""
    present = [place / name for name in _FILES if (place / name).is_file()] if place.is_dir() and not file else []
    if release is not None:
        wanted = _FILES[: list(RELEASES).index(release) + 1]
        missing = [name for name in wanted if place / name not in present]
        if missing:
            raise DatasetNotFound(
                f"livecodebench: no {missing[0]} in {place}: release {release} is {', '.join(wanted)}"
            )
        present = present[: len(wanted)]
    if not present:
        return [pick_file("livecodebench", place, file)]
    return [open_file("livecodebench", path, None) for path in present]


def inside(problem: Problem, start: str | None, end: str | None) -> bool:
    """Whether a problem's contest was in the window, both days included; undated ones are in no window."""
    if start is None and end is None:
        return True
    return bool(problem.day) and (start or problem.day) <= problem.day <= (end or problem.day)


def a_day(name: str, value: str | None) -> str | None:
    """A day such as ``2024-08-01``. Raises ``UsageError``."""
    try:
        return value and date.fromisoformat(value).isoformat()
    except ValueError:
        raise UsageError(f"{name}={value} is no day such as 2024-08-01") from None


def tests_of(tests: Tests) -> StdioTests | UnitTests:
    """All of a problem's tests, public ones first. Raises ``ValueError`` with what is wrong with them."""
    cases = [*unpack(tests.public_test_cases), *unpack(tests.private_test_cases)]
    if not cases:
        raise ValueError("no tests")
    if not tests.starter_code:
        return StdioTests(tuple(StdioTest(case.input, case.output) for case in cases), same_lines_or_numbers)
    return UnitTests(_assertions(_method_name(tests), cases), before=_IMPORTS)


def unpack(packed: str | list[Case]) -> Sequence[Case]:
    """Tests as they stand in a file. Raises ``ValueError``."""
    if isinstance(packed, list):
        return packed
    text: str | bytes = packed.strip()
    if not text:
        return ()
    if not packed.lstrip().startswith("["):
        try:
            text = _text_in(zlib.decompress(base64.b64decode(packed, validate=True)))
        except (binascii.Error, zlib.error) as error:
            raise ValueError(f"tests are neither JSON nor zipped and in base64 ({error})") from None
    try:
        return msgspec.json.decode(text, type=list[Case])
    except msgspec.DecodeError as error:
        raise ValueError(f"tests are not JSON as expected ({error})") from None


_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
_HARMLESS = ("PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP")


def _text_in(data: bytes) -> str | bytes:
    """The data itself, or the text that a pickle of a text holds, without loading it."""
    if not data.startswith(b"\x80"):
        return data
    texts: list[str] = []
    try:
        for instruction, argument, _ in pickletools.genops(data):
            if instruction.name in _TEXTS:
                texts.append(str(argument))
            elif instruction.name not in _HARMLESS:
                raise ValueError(f"holds {instruction.name}")
    except ValueError as error:
        raise ValueError(f"a pickle that is more than a text is not read, since it could run code ({error})") from None
    if len(texts) != 1:
        raise ValueError(f"a pickle of {len(texts)} texts is not read")
    return texts[0]


_METHOD = re.compile(r"\bdef\s+([A-Za-z_]\w{0,100})\s*\(\s*self\b")


def _method_name(tests: Tests) -> str:
    about = tests.metadata
    if isinstance(about, str):
        try:
            about = msgspec.json.decode(about or "{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ValueError(f"metadata is not JSON ({error})") from None
    name = about.get("func_name")
    if name is None:
        found = _METHOD.search(tests.starter_code)
        name = found[1] if found else None
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"no method to call: func_name is {name!r}")
    return name


_IMPORTS = (
    "import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string, sys\n"
    "from bisect import *\nfrom collections import *\nfrom functools import *\nfrom heapq import *\n"
    "from itertools import *\nfrom math import *\nfrom typing import *\nfrom builtins import *\n"
)
"""What the site where these problems come from has imported already; ``pow`` is the built-in one."""

_CALLS = """
import json as _json
for _number, (_given, _wanted) in enumerate(_json.loads({cases!r}), 1):
    _got = _json.loads(_json.dumps(Solution().{method}(*_given)))
    assert _got == _wanted, "test " + str(_number)
"""


def _assertions(method: str, cases: Sequence[Case]) -> str:
    """Assertions on a method. Results go through JSON: a tuple is a list there, and nothing equals everything."""
    try:
        plain = [[list(map(json.loads, case.input.splitlines())), json.loads(case.output)] for case in cases]
    except ValueError as error:
        raise ValueError(f"a test of a method is not JSON ({error})") from None
    return _CALLS.format(cases=json.dumps(plain), method=method)


_equal_numbers = close_numbers(0)


def same_lines_or_numbers(expected: str, output: str) -> bool:
    """The same lines, white space around them aside; or lines of the same numbers (``1.50`` is ``1.5``)."""
    wanted, given = (text.strip().splitlines() for text in (expected, output))
    return len(wanted) == len(given) and all(
        one.strip() == other.strip() or _equal_numbers(one, other) for one, other in zip(wanted, given, strict=True)
    )
