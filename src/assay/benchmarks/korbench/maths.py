"""The way to the computer algebra that mathematical items need.

Sympy's LaTeX parser works with one release of its run-time library only; with any other, and without
sympy, the benchmark's own scorer quietly compared strings. Here that is an error that says what to
install, raised before anything is scored. A comparison that does not end is given up, and is no verdict.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from assay.errors import MissingDependency
from assay.scoring.workers import CallRaised, shared_pool

_TIMEOUT_S = 10.0
"""CPU time for one comparison; the slowest of the published responses takes less than a second."""
_RUNTIME = "4.11"


@cache
def require_parser() -> None:
    """Raise ``MissingDependency`` where no LaTeX parser can work."""
    try:
        version("sympy")
        runtime = version("antlr4-python3-runtime")
    except PackageNotFoundError as error:
        raise _missing(f"{error.name} is not installed") from None
    if not runtime.startswith(_RUNTIME):
        raise _missing(f"antlr4-python3-runtime is {runtime}, and must be {_RUNTIME}")


async def structurally_equal(ours: list[str], golds: list[str]) -> bool:
    """Whether expressions in LaTeX (or sets of them) simplify to the same; false where one cannot be read.

    Raises ``WorkerFailed`` where no answer came in time, and ``MissingDependency``.
    """
    return bool(await _in_worker("structurally_equal", ours, golds))


async def equivalent(ours: list[str], golds: list[str]) -> bool | None:
    """Whether expressions, in LaTeX or plain notation and in any order, have the gold ones' values.

    ``None`` where one cannot be read. Raises as ``structurally_equal`` does.
    """
    found: bool | None = await _in_worker("equivalent", ours, golds)
    return found


async def _in_worker(function: str, *arguments: object) -> bool | None:
    try:
        found: bool | None = await shared_pool().call(
            f"assay.scoring.latex:{function}", *arguments, timeout_s=_TIMEOUT_S
        )
    except CallRaised as error:
        if error.kind in ("ImportError", "ModuleNotFoundError"):
            raise _missing(str(error)) from None
        raise
    return found


def _missing(why: str) -> MissingDependency:
    return MissingDependency(
        f"korbench: mathematical answers need sympy's LaTeX parser ({why}): pip install 'assay[math]', "
        "or --mode official-string to compare them as strings"
    )
