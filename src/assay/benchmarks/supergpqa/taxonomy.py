"""How many questions the published dataset has of each kind, and whether a copy is that dataset.

A copy with all 26,529 rows must have the published counts, or else it is another file under the same name. A
smaller copy is taken for a part of the dataset, and the run says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from assay.benchmarks.supergpqa.data import FIXED, read_questions
from assay.errors import DatasetMalformed

QUESTIONS = 26_529
SUBFIELDS = 285
DIFFICULTIES = {"easy": 7_731, "middle": 11_747, "hard": 7_051}
"""Estimated from published accuracies, so that only a share of ``_ROUNDING`` of the questions may be elsewhere."""
_ROUNDING = 0.005

FIELDS: dict[str, dict[str, int]] = {
    "Agronomy": {
        "Crop Science": 145,
        "Forestry": 131,
        "Animal Husbandry": 103,
        "Aquaculture": 56,
        "Veterinary Medicine": 50,
    },
    "Economics": {"Applied Economics": 723, "Theoretical Economics": 150},
    "Education": {"Education": 247, "Physical Education": 150, "Psychology": 87},
    "Engineering": {
        "Mechanics": 908,
        "Computer Science and Technology": 763,
        "Power Engineering and Engineering Thermophysics": 684,
        "Electrical Engineering": 556,
        "Information and Communication Engineering": 504,
        "Chemical Engineering and Technology": 410,
        "Optical Engineering": 376,
        "Civil Engineering": 358,
        "Materials Science and Engineering": 289,
        "Metallurgical Engineering": 255,
        "Transportation Engineering": 251,
        "Electronic Science and Technology": 246,
        "Hydraulic Engineering": 218,
        "Control Science and Engineering": 190,
        "Environmental Science and Engineering": 189,
        "Mechanical Engineering": 176,
        "Surveying and Mapping Science and Technology": 168,
        "Architecture": 162,
        "Naval Architecture and Ocean Engineering": 138,
        "Aeronautical and Astronautical Science and Technology": 119,
        "Petroleum and Natural Gas Engineering": 112,
        "Food Science and Engineering": 109,
        "Nuclear Science and Technology": 107,
        "Agricultural Engineering": 104,
        "Forestry Engineering": 100,
        "Weapon Science and Technology": 100,
        "Mining Engineering": 100,
        "Textile Science and Engineering": 100,
        "Geological Resources and Geological Engineering": 50,
        "Instrument Science and Technology": 50,
    },
    "History": {"History": 674},
    "Law": {"Law": 591, "Political Science": 65},
    "Literature and Arts": {
        "Art Studies": 603,
        "Language and Literature": 440,
        "Musicology": 426,
        "Journalism and Communication": 207,
    },
    "Management": {
        "Public Administration": 151,
        "Library, Information and Archival Management": 150,
        "Business Administration": 142,
        "Management Science and Engineering": 58,
    },
    "Medicine": {
        "Clinical Medicine": 1_218,
        "Basic Medicine": 567,
        "Public Health and Preventive Medicine": 292,
        "Pharmacy": 278,
        "Traditional Chinese Medicine": 268,
        "Stomatology": 132,
    },
    "Military Science": {"Military Science": 205},
    "Philosophy": {"Philosophy": 347},
    "Science": {
        "Physics": 2_845,
        "Mathematics": 2_622,
        "Chemistry": 1_769,
        "Biology": 1_120,
        "Astronomy": 405,
        "Geology": 341,
        "Atmospheric Science": 203,
        "Oceanography": 200,
        "Geography": 133,
        "Geophysics": 100,
        "Systems Science": 50,
        "Physical Oceanography": 50,
    },
    "Sociology": {"Sociology": 143},
}
"""Discipline -> field -> questions: 13 disciplines, 72 fields."""


class Census(Struct, frozen=True):
    """What a copy of the dataset holds."""

    questions: int
    fixed: int
    """Of the questions that the owners corrected."""
    notes: tuple[str, ...]
    """What a reader of its numbers should know."""


def take_census(path: Path) -> Census:
    """Count a copy's questions. Raises ``DatasetMalformed`` where it has all rows, and others than were published."""
    fields: Counter[tuple[str, str]] = Counter()
    subfields: set[str] = set()
    difficulties: Counter[str] = Counter()
    fixed = 0
    for question in read_questions(path):
        fields[question.discipline, question.field] += 1
        subfields.add(question.subfield_path)
        difficulties[question.difficulty] += 1
        fixed += question.uuid in FIXED
    total = fields.total()
    if total == QUESTIONS:
        differing = list(_differences(fields, subfields, difficulties))
        if differing:
            shown = "; ".join(differing[:5]) + (f"; and {len(differing) - 5} more" if len(differing) > 5 else "")
            raise DatasetMalformed(f"{path} is not the published dataset: {shown}")
    return Census(total, fixed, tuple(_notes(total, len(subfields), fixed)))


def _differences(fields: Counter[tuple[str, str]], subfields: set[str], difficulties: Counter[str]) -> Iterator[str]:
    published = {(discipline, field): n for discipline, inside in FIELDS.items() for field, n in inside.items()}
    for discipline, field in sorted(published.keys() | fields.keys()):
        found, expected = fields[discipline, field], published.get((discipline, field), 0)
        if found != expected:
            yield f"{discipline}/{field} has {found} questions, not {expected}"
    if len(subfields) != SUBFIELDS:
        yield f"{len(subfields)} subfields, not {SUBFIELDS}"
    for difficulty, expected in DIFFICULTIES.items():
        if abs(difficulties[difficulty] - expected) > _ROUNDING * QUESTIONS:
            yield f"{difficulties[difficulty]} {difficulty} questions, not about {expected}"


def _notes(total: int, subfields: int, fixed: int) -> Iterator[str]:
    if total != QUESTIONS:
        yield (
            f"{total} of the dataset's {QUESTIONS:,} questions, {subfields} of its {SUBFIELDS} subfields: "
            "macro means are over the groups that are there"
        )
    if fixed:
        yield (
            f"the owners corrected three questions on 2025-04-30 ({', '.join(sorted(u[:8] for u in FIXED))}): "
            f"{fixed} of them are here, and a copy's rows do not say from before or after"
        )
