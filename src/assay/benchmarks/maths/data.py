r"""The owners' files of mathematical problems, in the layouts in which they are handed round.

One place knows all spellings of the columns, so that the tasks see problems only: an id that is stable, a
question, a gold answer and tags. A row that does not hold them is an error with file and line, never a
problem left out. ``local_copy`` and ``pick_file`` are shared by the other benchmarks that read their
owners' files as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from assay.benchmarks.files import digest_files
from assay.benchmarks.maths.score import owners_answer, whole_number
from assay.benchmarks.mcq.data import SUFFIXES, UserFile, open_file, text_of
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.places import cache_dir
from assay.scoring.brackets import last_boxed

Row = Mapping[str, Any]


class Problem(Struct, frozen=True):
    """A problem with a short answer."""

    id: str
    question: str
    answer: str
    tags: dict[str, Any] = {}


class Copy(Struct, frozen=True):
    """A local copy: where it is, which bytes it is made of, and how to stream its problems."""

    path: Path
    digest: str
    read: Callable[[], Iterator[Problem]]


def local_copy(name: str, data: Path | None) -> Path | None:
    """Where the files of a benchmark lie: what the user named, else in ``ASSAY_DATA``, else in the cache.

    ``None`` where there is no copy. Raises ``DatasetNotFound`` where the user named something that is not there.
    """
    if data is not None:
        if not data.exists():
            raise DatasetNotFound(f"{name}: no file or folder {data}")
        return data / name if (data / name).is_dir() else data
    env = os.environ.get("ASSAY_DATA")
    folders = [Path(env) / name] if env else []
    folders.append(cache_dir() / "data" / name)
    return next((folder for folder in folders if folder.is_dir()), None)


def not_found(name: str, what: str) -> DatasetNotFound:
    """The error of a benchmark whose data the user must get: ``what`` says which files, and from whom."""
    return DatasetNotFound(f"{name}: get {what}, then pass --data PATH or put it into {cache_dir() / 'data' / name}")


def pick_file(name: str, place: Path, file: str | None, stem: str = "test") -> UserFile:
    """The file of a copy: ``place`` itself, the one named, that of the split ``stem``, or the only one."""
    if place.is_dir() and file is None:
        shards = [path for suffix in SUFFIXES for path in (place / f"{stem}{suffix}",) if path.is_file()]
        shards += sorted(place.glob(f"{stem}-*.parquet"))
        if len(shards) == 1:
            return open_file(name, shards[0], None)
    return open_file(name, place, file)


def math_copy(place: Path, file: str | None, split: str) -> Copy:
    """MATH as a JSON file a problem (``SPLIT/SUBJECT/N.json``), or as one file such as that of MATH-500."""
    folder = place / split if (place / split).is_dir() else place
    paths = sorted(folder.glob("*/*.json"), key=_subject_and_number) if folder.is_dir() and file is None else []
    if paths:
        return Copy(folder, digest_files(paths), lambda: map(_math_in_file, paths))
    source = pick_file("math", place, file, split)
    return Copy(source.path, source.digest, lambda: _rows(source, _math_problem))


def gsm8k_copy(place: Path, file: str | None) -> Copy:
    """GSM8K: ``{question, answer}``, the answer being a solution that ends in ``#### N``."""
    source = pick_file("gsm8k", place, file)
    return Copy(source.path, source.digest, lambda: _rows(source, _gsm8k_problem))


def beyond_aime_copy(place: Path, file: str | None) -> Copy:
    """BeyondAIME: ``{problem, answer}``."""
    source = pick_file("beyondaime", place, file)
    return Copy(source.path, source.digest, lambda: _rows(source, _integer_problem))


def aime_copy(place: Path, file: str | None, year: str | None) -> Copy:
    """AIME papers in one file or several; with ``year``, the problems of that year only.

    Rows that do not say their year, in a file whose name does not, are taken to be of the year asked for.
    """
    if place.is_file() or file is not None:
        sources = [open_file("aime", place, file)]
    else:
        paths = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES)
        if not paths:
            raise DatasetNotFound(f"aime: {place} holds no {', '.join(SUFFIXES)} file")
        sources = [open_file("aime", path, None) for path in paths]

    def read() -> Iterator[Problem]:
        seen: set[str] = set()
        for source in sources:
            for number, problem in enumerate(_rows(source, _integer_problem), 1):
                paper = _paper(source.path, problem)
                if year is not None and paper.setdefault("year", year) != year:
                    continue
                found = Problem(_aime_id(paper, problem, source, sources), problem.question, problem.answer, paper)
                if found.id in seen:
                    raise source.malformed(number, f"problem {found.id} was there before")
                seen.add(found.id)
                yield found

    return Copy(place, digest_files(source.path for source in sources), read)


def _rows(source: UserFile, problem: Callable[[Row], Problem | str]) -> Iterator[Problem]:
    """Stream the problems of a file; ``problem`` says what is wrong with a row by returning text."""
    ids = source.ids()
    for number, row in source.rows():
        row = {key.lower().replace(" ", "_"): value for key, value in row.items()}
        given = next((row[key] for key in _ID if row.get(key) is not None), None)
        found = problem(row)
        if isinstance(found, str):
            raise source.malformed(number, found)
        yield msgspec.structs.replace(found, id=ids.of(number, {"id": given}))


_ID = ("unique_id", "id", "problem_id", "problem_idx")
_QUESTION = ("problem", "question")
_BOXED_WORD = re.compile(r"\\boxed\s+([^\s$.]{1,100})")


def _question(row: Row) -> str:
    found = next((row[key] for key in _QUESTION if isinstance(row.get(key), str)), "")
    return str(found).strip()


def _math_problem(row: Row) -> Problem | str:
    question, answer, solution = _question(row), text_of(row.get("answer")), text_of(row.get("solution")) or ""
    if not (answer or "").strip():
        box = last_boxed(solution)
        words = _BOXED_WORD.findall(solution)
        answer = box.text if box else words[-1] if words else None
    if not question or not answer:
        return "no problem" if not question else "no answer, and no \\boxed{} in the solution"
    level = str(row.get("level") or "").removeprefix("Level ")
    tags = {"subject": row.get("subject") or row.get("type"), "level": level}
    return Problem("", question, answer.strip(), {key: value for key, value in tags.items() if value})


def _math_in_file(path: Path) -> Problem:
    try:
        found = _math_problem(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not a JSON object ({error})") from None
    if isinstance(found, str):
        raise DatasetMalformed(f"{path}: {found}")
    return msgspec.structs.replace(found, id="/".join(path.parts[-3:]))


def _subject_and_number(path: Path) -> tuple[str, int, str]:
    return path.parent.name, int(path.stem) if path.stem.isdecimal() else 0, path.stem


def _gsm8k_problem(row: Row) -> Problem | str:
    question, answer = _question(row), owners_answer(str(row.get("answer")))
    if not question or answer is None:
        return "no question" if not question else 'no "#### N" in the answer'
    return Problem("", question, answer)


def _integer_problem(row: Row) -> Problem | str:
    """A problem whose answer is a whole number; the row's further columns are kept for its paper and number."""
    question, answer = _question(row), row.get("answer")
    number = whole_number((text_of(answer) or "").removesuffix(".0"))
    if not question or number is None:
        return "no problem" if not question else f"answer {answer!r} is no whole number"
    known = {key: row[key] for key in ("year", "url", "part", "problem_number", *_ID) if row.get(key) is not None}
    return Problem("", question, str(number), known)


_PAPER = re.compile(
    r"(?P<year>(?:19|20)\d\d)[-_ /]?(?:AIME)?[-_ ]?(?P<part>I{1,2})(?:[-_ ]|_Problems/Problem_)(?P<n>\d\d?)"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_FILE_YEAR = re.compile(r"aime[-_ ]?((?:19|20)?\d\d)(?!\d)", re.IGNORECASE)
_FILE_PART = re.compile(r"[-_ ](I{1,2})(?![A-Za-z])")


def _paper(path: Path, problem: Problem) -> dict[str, Any]:
    """Year, part and number of a problem, as far as its columns, its address or the file's name tell."""
    row, paper = problem.tags, {}
    for said in map(str, (row.get("id", ""), row.get("problem_id", ""), row.get("url", ""))):
        if found := _PAPER.search(said):
            paper = {"year": found["year"], "part": found["part"], "number": int(found["n"])}
            break
    if _YEAR.fullmatch(str(row.get("year", ""))):
        paper["year"] = str(row["year"])
    if str(row.get("part")) in ("I", "II"):
        paper["part"] = str(row["part"])
    if str(row.get("problem_number", "")).isdecimal():
        paper["number"] = int(row["problem_number"])
    named = _FILE_YEAR.search(path.name) or _FILE_YEAR.search(path.parent.name)
    if named and "year" not in paper:
        paper["year"] = named[1] if len(named[1]) == 4 else f"20{named[1]}"
    if (part := _FILE_PART.search(path.stem)) and "part" not in paper:
        paper["part"] = part[1]
    return paper


def _aime_id(paper: dict[str, Any], problem: Problem, source: UserFile, sources: Sequence[UserFile]) -> str:
    if {"year", "part", "number"} <= paper.keys():
        return f"{paper['year']}-{paper['part']}-{paper['number']}"
    return problem.id if len(sources) == 1 else f"{source.path.stem}/{problem.id}"
