"""How much one command may spend.

A budget counts what this command spends, over all its runs; replies kept from earlier sessions are
free. It is looked at before each attempt, so it is overrun by at most what is in flight at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.engine.job import Job


@dataclass(frozen=True)
class Budget:
    """Limits; ``None`` is no limit."""

    cost: float | None = None
    """US dollars."""
    tokens: int | None = None
    """Input and output together."""
    seconds: float | None = None
    """Wall time since the command began."""

    def spent(self, jobs: Iterable[Job], began: float) -> str | None:
        """Which limit is reached, in words, or ``None``. ``began`` is a monotonic time."""
        jobs = tuple(jobs)
        if self.cost is not None and (cost := sum(job.cost for job in jobs)) >= self.cost:
            return f"the budget of ${self.cost:g} (spent ${cost:.4f})"
        if self.tokens is not None:
            tokens = sum(job.input_tokens + job.output_tokens for job in jobs)
            if tokens >= self.tokens:
                return f"the budget of {self.tokens:,} tokens (spent {tokens:,})"
        if self.seconds is not None and monotonic() - began >= self.seconds:
            return f"the time limit of {self.seconds:g} s"
        return None
