"""The owners' base sets as items, and where their files lie.

An item is a question, what stands behind it (options, tests) and its gold answer; only the question is ever
encoded. The folder may be a flat copy, the owners' ``ori_data``, their ``data_construct``, or a checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from assay.benchmarks.cryptox.prompts import Hop
from assay.benchmarks.files import find_data, read_jsonl
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.scoring.choice import LETTERS

Dataset = Literal["math", "bbh", "mbpp", "mmlu", "mmlu-num", "mmlu-alpha", "needle"]

FILES: dict[Dataset, str] = {
    "math": "math_500.jsonl",
    "bbh": "bbh_405.jsonl",
    "mbpp": "mbpp_427.jsonl",
    "mmlu": "mmlu_dev_285_hop_1.jsonl",
    "mmlu-num": "mmlu_dev_285_hop_2.jsonl",
    "mmlu-alpha": "mmlu_dev_285_hop_3.jsonl",
}
"""The needle set has no file: it is made."""
ROWS: dict[Dataset, int] = {"math": 500, "bbh": 405, "mbpp": 427, "mmlu": 285, "mmlu-num": 285, "mmlu-alpha": 285}
"""Rows of the owners' files."""
HOPS: dict[Dataset, Hop] = {"mmlu": "none", "mmlu-num": "num", "mmlu-alpha": "alpha"}
ESSAYS = "PaulGrahamEssays"

_LAYOUTS = ("", "ori_data", "data_construct/ori_data")
_ANSWERS = {"none": "[A-Z]", "num": "[1-9][0-9]?", "alpha": r"[1-9][0-9]?[^\W_]?"}
"""What gold answers of the three hops look like."""


@dataclass(frozen=True)
class Item:
    """A question of a base set."""

    dataset: Dataset
    index: int
    """Its row, from 0, as the owners count."""
    question: str
    answer: str
    after: str = ""
    """What is shown behind the question, never encoded."""
    choices: tuple[str, ...] = ()
    guide: str = ""
    """What the task of its category is (BBH)."""
    solution: str = ""
    """How it is solved, for worked examples (MATH)."""
    category: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The same for items of one question: the three MMLU sets share theirs."""
        family = self.dataset.partition("-")[0]
        return f"{family}/{blake2b(self.question.encode(), digest_size=6).hexdigest()}"


class _Row(Struct):
    question: str
    answer: str | int | float
    options: str | list[str] | None = None
    guide: str | None = None
    solution: str | None = None
    cate: str | None = None
    level: str | int | float | None = None
    unique_id: str | int | None = None
    task_id: str | int | None = None
    test_list: list[str] = []
    test_imports: list[str] | str | None = None


@dataclass(frozen=True)
class Places:
    """Where the owners' files lie; ``None`` for what there is not."""

    sets: Path | None
    rules: Path | None
    """The folder of ``rules.json``."""
    essays: Path | None

    def files(self, datasets: Sequence[Dataset]) -> list[Path]:
        """The files of base sets."""
        return [self.sets / FILES[name] for name in datasets if self.sets is not None and name in FILES]


def locate(data: Path | None, datasets: Sequence[Dataset], *, offline: bool = False) -> Places:
    """Find the files of the sets, the codebooks and the essays. Raises ``DatasetNotFound`` for the sets."""
    needed = [FILES[name] for name in datasets if name in FILES]
    sets = _folder(data, needed) if needed else None
    if needed and sets is None and not offline:
        where = f"in {data}" if data is not None else "at hand"
        raise DatasetNotFound(
            f"cryptobench: no {', '.join(needed)} {where}: --data names a copy of the owners' files (data_construct of "
            "their repository CryptoX, or its ori_data)"
        )
    around = [folder for folder in (sets, data) if folder is not None]
    around += [folder.parent for folder in around if folder.name == "ori_data"]
    around += [folder / "data_construct" for folder in around]
    essays = [folder / part / ESSAYS for folder in around for part in ("", "special_encode")]
    if data is None and (found := find_data("cryptobench", None, [ESSAYS])):
        essays.append(found / ESSAYS)
    return Places(
        sets,
        next((folder for folder in around if (folder / "rules.json").is_file()), None),
        next((folder for folder in essays if any(folder.glob("*.txt"))), None),
    )


def _folder(data: Path | None, needed: Sequence[str]) -> Path | None:
    for layout in _LAYOUTS:
        try:
            found = find_data("cryptobench", data, [str(Path(layout, name)) for name in needed])
        except DatasetNotFound:
            continue
        if found is not None:
            return found / layout
    return None


def read_items(path: Path, dataset: Dataset) -> Iterator[Item]:
    """Stream the items of a base set. Raises ``DatasetMalformed`` with file and line."""
    for index, (number, row) in enumerate(read_jsonl(path, _Row)):
        try:
            yield _item(dataset, index, row)
        except ValueError as error:
            raise DatasetMalformed(f"{path}, line {number}: {error}") from None


def _item(dataset: Dataset, index: int, row: _Row) -> Item:
    answer = str(row.answer).strip()
    if not row.question.strip() or not answer:
        raise ValueError("no question, or no answer")
    options = ("\n".join(row.options) if isinstance(row.options, list) else row.options or "").strip()
    about: dict[str, Any] = {
        "difficulty": row.level,
        "unique_id": row.unique_id if row.unique_id is not None else row.task_id,
    }
    choices: tuple[str, ...] = ()
    if dataset == "mbpp":
        if not any(map(str.strip, row.test_list)):
            raise ValueError("no tests")
        imports = [row.test_imports] if isinstance(row.test_imports, str) else row.test_imports or []
        about |= {"tests": row.test_list, "imports": [line for line in imports if line.strip()]}
        options = _tests_text(row.test_list, about["imports"])
    elif dataset in HOPS:
        choices = split_options(options)
        if not re.fullmatch(_ANSWERS[HOPS[dataset]], answer):
            raise ValueError(f"{answer!r} is no answer of {dataset}")
        if not 0 <= _right(answer) < len(choices):
            raise ValueError(f"answer {answer!r} is none of {len(choices)} options")
    return Item(
        dataset=dataset,
        index=index,
        question=row.question,
        answer=answer,
        after=options,
        choices=choices,
        guide=(row.guide or "").strip(),
        solution=(row.solution or "").strip(),
        category=(row.cate or "").strip(),
        metadata={key: value for key, value in about.items() if value is not None},
    )


def _right(answer: str) -> int:
    """The place of the right option: of ``B``, ``2`` and ``2C`` the second."""
    return LETTERS.index(answer) if answer.isalpha() else int(answer[0]) - 1


def split_options(text: str) -> tuple[str, ...]:
    """The texts of options written as lines ``A) ...``, ``B) ...``. Raises ``ValueError`` for fewer than two."""
    starts: list[tuple[int, int]] = []
    for letter in LETTERS:
        label = re.compile(rf"^\(?{letter}\) ?", re.MULTILINE).search(text, starts[-1][1] if starts else 0)
        if label is None:
            break
        starts.append(label.span())
    if len(starts) < 2:
        raise ValueError("options are not lines 'A) ...', 'B) ...'")
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return tuple(text[start:end].strip() for (_, start), end in zip(starts, ends, strict=True))


def _tests_text(tests: Sequence[str], imports: Sequence[str]) -> str:
    text = "It has to pass these tests:\n" + "\n".join(tests)
    return text + "\nThey run after these imports:\n" + "\n".join(imports) if imports else text
