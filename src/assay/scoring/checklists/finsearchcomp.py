"""FinSearchComp (arXiv 2509.13160): key points of which all must be right, else the answer is worth 0.

A subset's average is the unweighted mean of its three tasks' accuracies: ``nested_mean``. A judge's "null"
(the quote to compare with has no number) is no verdict, hence no value.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.scoring.checklist import Fact, Group


def finsearchcomp(name: str, key_points: Iterable[str]) -> Group:
    """The checklist of an answer: its key points, each required. One wrong decides, whatever else is missing."""
    return Group(name, tuple(Fact(point, gate="required") for point in key_points))
