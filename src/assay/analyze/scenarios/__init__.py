"""Scenario-adaptive analysis: what is asked of a result depends on the kind of task that it comes from.

``choose`` says which scenarios a task has, ``enrich`` adds what they derive to the case table, and ``ask`` turns
their questions into findings for the gate. One file a scenario.
"""

from assay.analyze.scenarios.ask import ask
from assay.analyze.scenarios.base import Derived, Label, Question, Scenario, Seen
from assay.analyze.scenarios.choose import SCENARIOS, choose
from assay.analyze.scenarios.enrich import enrich, scenarios_of, seen

__all__ = [
    "SCENARIOS",
    "Derived",
    "Label",
    "Question",
    "Scenario",
    "Seen",
    "ask",
    "choose",
    "enrich",
    "scenarios_of",
    "seen",
]
