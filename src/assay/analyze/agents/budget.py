"""What the agents may spend, and what they have spent.

The invariant: a call is made only when its prompt, by a generous estimate, and the longest reply that it may
bring still fit, so that a limit is kept and not merely noticed. Where a provider counts no tokens the estimate
stands for them: an uncounted call is not a free one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

import msgspec

from assay.analyze.findings import Cost
from assay.models.prices import cost
from assay.records import Price, Request, Response, Usage

BYTES_A_TOKEN = 3
"""UTF-8 bytes: English has more to a token, Chinese about as many."""


@dataclass(frozen=True)
class AgentBudget:
    """Limits of one diagnosis; ``None`` is no limit."""

    tokens: int | None = None
    """Input and output together."""
    calls: int | None = 2_000
    dollars: float | None = None
    """Needs a price of the analyst (``UsageError`` without one)."""
    seconds: float | None = None
    """Wall time."""


class BudgetSpent(Exception):
    """The next call does not fit the budget; says which limit."""


@dataclass
class Purse:
    """What is left of a budget."""

    budget: AgentBudget
    price: Price | None = None
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    promised_calls: int = 0
    promised_tokens: int = 0
    """Of calls that are under way, at most."""
    promised_dollars: float = 0.0
    began: float = field(default_factory=monotonic)

    def admit(self, request: Request, longest: int) -> int:
        """How many tokens the reply may have, at most ``longest``, which are then kept for it until ``pay``.

        Raises ``BudgetSpent`` where none fit.
        """
        budget = self.budget
        if budget.calls is not None and self.calls + self.promised_calls >= budget.calls:
            raise BudgetSpent(f"{budget.calls:,} calls")
        if self.seconds_left() <= 0:
            raise BudgetSpent(f"{budget.seconds:g} seconds")
        asked = estimated_tokens(request)
        if budget.tokens is not None:
            spoken_for = self.input_tokens + self.output_tokens + self.promised_tokens
            longest = min(longest, budget.tokens - spoken_for - asked)
            if longest < 1:
                raise BudgetSpent(f"{budget.tokens:,} tokens")
        if budget.dollars is not None and self.price is not None:
            left = budget.dollars - self.dollars - self.promised_dollars - cost(self.price, Usage(asked, 0))
            if self.price.output > 0:
                longest = min(longest, int(left * 1e6 / self.price.output))
            if left < 0 or longest < 1:
                raise BudgetSpent(f"${budget.dollars:g}")
        self._promise(asked, longest, 1)
        return longest

    def give_back(self, request: Request) -> None:
        """Free what ``admit`` has kept for a call: it is over, or never was."""
        self._promise(estimated_tokens(request), request.sampling.max_tokens or 0, -1)

    def _promise(self, asked: int, longest: int, sign: int) -> None:
        self.promised_calls += sign
        self.promised_tokens += sign * (asked + longest)
        if self.price is not None:
            self.promised_dollars += sign * cost(self.price, Usage(asked, longest))

    def pay(self, request: Request, response: Response) -> Usage:
        """Count a call; returns its tokens as counted, or as estimated where the provider did not count."""
        counted = response.usage or Usage()
        said = response.text + (response.reasoning or "") + "".join(call.arguments for call in response.tool_calls)
        asked = estimated_tokens(request) if counted.input_tokens is None else counted.input_tokens
        replied = tokens_in(said) if counted.output_tokens is None else counted.output_tokens
        usage = Usage(asked, replied, cached_tokens=counted.cached_tokens)
        self.calls += 1
        self.input_tokens += asked
        self.output_tokens += replied
        if self.price is not None:
            self.dollars += cost(self.price, usage)
        return usage

    def tokens_left(self) -> int | None:
        """Tokens still to be had; ``None``: no limit."""
        limit = self.budget.tokens
        return None if limit is None else max(0, limit - self.input_tokens - self.output_tokens)

    def seconds_left(self) -> float:
        """Seconds still to be had, infinite without a limit."""
        limit = self.budget.seconds
        return float("inf") if limit is None else limit - (monotonic() - self.began)

    def cost(self) -> Cost:
        """What was spent so far."""
        dollars = None if self.price is None else self.dollars
        return Cost(monotonic() - self.began, self.calls, self.input_tokens, self.output_tokens, dollars)


def estimated_tokens(request: Request) -> int:
    """Tokens of a prompt, rather too many than too few."""
    texts = [message.text + "".join(call.arguments for call in message.tool_calls) for message in request.messages]
    tools = msgspec.json.encode(request.tools).decode() if request.tools else ""
    return sum(tokens_in(text) + 8 for text in texts) + tokens_in(tools)


def tokens_in(text: str) -> int:
    """Tokens of a text by its bytes, rather too many than too few."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)
