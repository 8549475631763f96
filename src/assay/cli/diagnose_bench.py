"""``assay diagnose-bench``: how good is diagnosis, where the truth is planted or known?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Json, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.analyze.bench.cells import Advance, Cell, Sizes
    from assay.analyze.bench.plan import BenchReport

_LETTERS = "abcdef"


def diagnose_bench(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with korbench/ and mmlu_pro/; without it, generated questions alone."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="PART,...",
            help="weaknesses (a), null (b), behaviours (c), contrasts (d), stability (e), guessing (f).",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few of everything, to see that it works.")] = False,
    seeds: Annotated[int | None, typer.Option(min=2, help="Planted worlds of each kind, and splits.")] = None,
    cases: Annotated[int | None, typer.Option(min=200, help="Questions of a world at most.")] = None,
    reports: Annotated[int | None, typer.Option(min=1, help="Reports on each kind of null data.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Tables with each behaviour at each strength.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    alpha: Annotated[float, typer.Option("--alpha", help="False discovery rate of what is published.")] = 0.05,
    json: Json = False,
) -> None:
    """Try diagnosis where the truth is known: planted weaknesses and behaviours, null data, known contrasts.

    Runs the statistician and the gate as assay diagnose does, without any language model. --json has every cell
    with its single values.

    \b
    assay diagnose-bench --quick
    assay diagnose-bench --data DATA --only weaknesses,null
    """
    from assay.analyze.bench.plan import run

    if not 0 < alpha < 1:
        raise UsageError(f"--alpha takes a share between 0 and 1, not {alpha:g}")
    if data is not None and not any((data / name).is_dir() for name in ("korbench", "mmlu_pro")):
        raise UsageError(f"--data {data}: no folder korbench or mmlu_pro in it")
    found = run(_parts(only), data, _sizes(quick, seeds, cases, reports, repeats), seed=seed, alpha=alpha, display=_bar)
    if json:
        print_json(found)
    else:
        _tell(found)


def _parts(only: str | None) -> list[str]:
    """The parts that are asked for, by name or letter, in the bench's order. Raises ``UsageError``."""
    from assay.analyze.bench.plan import PARTS

    if only is None:
        return list(PARTS)
    by_letter = dict(zip(_LETTERS, PARTS, strict=True))
    wanted = [by_letter.get(name.strip(), name.strip()) for name in only.split(",")]
    for name in wanted:
        if name not in PARTS:
            raise UsageError(f"--only: no part {name!r}; there are: {', '.join(PARTS)} (or a to f)")
    return [part for part in PARTS if part in wanted]


def _sizes(quick: bool, seeds: int | None, cases: int | None, reports: int | None, repeats: int | None) -> Sizes:
    from assay.analyze.bench.cells import QUICK, Sizes

    given = {"seeds": seeds, "cases": cases, "reports": reports, "repeats": repeats}
    return (QUICK if quick else Sizes())._replace(**{name: n for name, n in given.items() if n is not None})


@contextmanager
def _bar(part: str, steps: int) -> Iterator[Advance]:
    from assay.cli.progress import Bar

    with Bar(part, steps) as bar:
        yield bar.advance


def _tell(found: BenchReport) -> None:
    out = console()
    worlds = ", ".join(f"{name} ({size:,} questions)" for name, size in found.worlds.items())
    out.print(f"diagnose-bench: {worlds}; seed {found.seed}, false discovery rate {found.alpha:g}", markup=False)
    for part in dict.fromkeys(cell.part for cell in found.cells):
        cells = [cell for cell in found.cells if cell.part == part]
        table = plain_table(
            part, ["on", "case", "method", "measure", "value", "interval", "over", "target"], right=["value"]
        )
        for cell in cells:
            table.add_row(*map(str, _row(cell)))
        out.print(table, markup=False)
        for note in dict.fromkeys(cell.note for cell in cells if cell.note):
            out.print(f"  {note}", markup=False)
    for note in found.notes:
        out.print(f"note: {note}", markup=False)


def _row(cell: Cell) -> tuple[str, ...]:
    value = "–" if cell.value is None else f"{cell.value:.3f}"
    interval = "–" if cell.lower is None or cell.upper is None else f"{cell.lower:.3f} to {cell.upper:.3f}"
    target = "" if cell.target is None else f"{'≤' if cell.at_most else '≥'} {cell.target:g}"
    if cell.met is not None:
        target += " met" if cell.met else " missed"
    return cell.world, cell.case, cell.method, cell.measure, value, interval, f"{cell.n} {cell.unit}", target
