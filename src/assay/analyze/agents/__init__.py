"""Language models as analysts: a planner, analysts and a writer over the tools of ``tools``, within a budget.

They add suspicions to those of the statistician and nothing more: what they return are unjudged findings. The
invariant: nothing that an agent says or reads reaches a report except as a ``Finding`` whose numbers code has
written, and no agent sees the half of the cases on which the gate will test them.
"""

from assay.analyze.agents.analysis import Analysis, analyse
from assay.analyze.agents.budget import AgentBudget

__all__ = ["AgentBudget", "Analysis", "analyse"]
