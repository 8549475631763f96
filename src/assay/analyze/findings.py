"""Findings: claims about a model with the evidence that they stand on, before and after the gate.

The shape follows the published worked reports (focus, finding, evidence; arXiv 2607.00248, Table 15). The
invariant: nothing here is trusted. A ``Finding`` is what somebody says; only a ``Judged`` finding with
``published`` set has had its numbers recomputed, its cases resolved and its difference tested on cases that
it was not found on.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from assay.analyze.claims import Combination, Expression, Selection
from assay.analyze.recompute import Recomputed

ClaimType = Literal["level", "rank", "difference", "contrast", "prevalence", "association", "behaviour"]
"""``level``: how good on a selection. ``difference``: one selection against another of the same model.
``contrast``: one model against another. ``prevalence``: how frequent a label is. ``association``: a
variable goes with right or wrong. ``behaviour``: how it answers."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One number that a claim states, and the expression that it claims to be."""

    name: str
    stated: float
    """As the claim writes it, shares as fractions (0.25 for 25 %)."""
    expression: Expression
    unit: Literal["share", "score", "points", "count", "tokens", "seconds", "dollars", "ratio", "rank", "number"] = (
        "number"
    )
    decimals: int | None = None
    """To how many decimals (of percent, for shares and points) it is stated; ``None``: as many as it shows."""


class CitedCase(Struct, frozen=True, omit_defaults=True):
    """A case that a claim points to, with what it is supposed to show."""

    case: str
    """A value of the column ``case``."""
    label: Selection = ()
    """Conditions that the case must fulfil."""
    quote: str | None = None
    """A passage that must occur in the case's output."""


class HeldOutTest(Struct, frozen=True, omit_defaults=True):
    """What a difference is tested by, on the half of the cases that it was not found on."""

    expression: Combination
    direction: Literal["lower", "higher"]
    """Which way the discovery half pointed; the test is two-sided and the sign must hold."""


class Probe(Struct, frozen=True, omit_defaults=True):
    """Fresh samples that isolate a suspected cause, with matched controls, put to the model."""

    question: str
    """What was varied and what was held."""
    treated: str
    """Folder of the run on samples with the suspected cause."""
    control: str
    difference: Recomputed
    """Mean score with the cause less mean score without it, paired where samples are matched."""
    p: float | None
    confirmed: bool


class Finding(Struct, frozen=True, omit_defaults=True):
    """A claim that wants to be published."""

    id: str
    focus: str
    """The scenario in a few words."""
    claim: str
    """One or two sentences; each number in them is the stated value of an ``Evidence``."""
    claim_type: ClaimType
    subjects: tuple[str, ...]
    """Models that it is about."""
    evidence: tuple[Evidence, ...] = ()
    cases: tuple[CitedCase, ...] = ()
    selection: Selection = ()
    """The cases that it is about."""
    test: HeldOutTest | None = None
    """Required of ``difference``, ``contrast`` and ``association``."""
    multi_label: bool | None = None
    """For ``prevalence``: whether a case may carry several of the labels. ``None``: not said."""
    denominator: str | None = None
    """For ``prevalence``: what the shares are shares of, in words."""
    probe: Probe | None = None
    counter_evidence: tuple[Evidence, ...] = ()
    """What speaks against it."""
    source: str = "statistician"
    """Who says so: ``statistician``, or ``analyst:MODEL``."""


class Check(Struct, frozen=True, omit_defaults=True):
    """One thing that the gate looked at."""

    what: str
    passed: bool
    reason: str = ""
    """Why it failed, or what was found."""


class Judged(Struct, frozen=True, omit_defaults=True):
    """A finding after the gate."""

    finding: Finding
    published: bool
    checks: tuple[Check, ...]
    recomputed: dict[str, Recomputed] = {}
    """By the evidence's name, over all cases."""
    held_out: Recomputed | None = None
    """The tested difference on the confirmation half."""
    p: float | None = None
    q: float | None = None
    """Adjusted for all the findings tested together (Benjamini-Yekutieli)."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not published."""
        return tuple(f"{check.what}: {check.reason}" for check in self.checks if not check.passed)


class Cost(Struct, frozen=True, omit_defaults=True):
    """What the diagnosis itself took."""

    seconds: float
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    """``None`` where no price is known."""


class Diagnosis(Struct, frozen=True, omit_defaults=True):
    """Everything that a report is written from."""

    models: tuple[str, ...]
    """The diagnosed model first."""
    against: tuple[str, ...]
    tasks: tuple[str, ...]
    cases: int
    created: str
    findings: tuple[Judged, ...]
    """Published and held back alike, in the order of importance."""
    profile: dict[str, Any] = {}
    """Capability profile: the tree and its statistics."""
    behaviour: dict[str, Any] = {}
    """Behaviour statistics by model."""
    cost: Cost | None = None
    analyst: str | None = None
    """The analysing model; ``None``: the statistician alone."""
    limits: tuple[str, ...] = ()
    """What a reader should know before believing any of it."""
    runs: tuple[dict[str, Any], ...] = ()
    """The runs that the cases came from: folder, task, version, digest, mode."""
