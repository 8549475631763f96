"""What a sample costs each engine when the model costs nothing.

Assay, a bare client (``floor.py``) and whichever of lm-eval and Inspect are installed put the same
questions to the same mock server, each run in a fresh process and folder, in turns, so that whatever
else the machine does meets all of them. Costs are the kernel's account of the whole command (``wait4``):
start-up, load, prompts, calls, journal, scores, sealing. See perf/README.md for how to read the figures.

    python perf/engine.py                       # all that is installed, 10,000 questions, 3 turns
    python perf/engine.py --only assay --json   # a quick look, for scripts
    python perf/engine.py --only assay --million
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from peers.engines import ENGINES, Engine, WrongResult
from peers.questions import write_questions
from peers.server import Server

LIMIT_SECONDS = 3600.0
MILLION = 1_000_000
CURVE_SECONDS = 2.0

Watch = Callable[[int], None]
"""Called over and over with the process id of a command that runs."""

FIGURES = ("cpu_ms_per_sample", "samples_per_s", "peak_rss_mb", "startup_cpu_s", "bytes_per_sample")


@dataclass(frozen=True)
class Condition:
    """How the questions are asked."""

    name: str
    latency_ms: float
    connections: int
    single: bool = False
    """One question only: what is left is start-up."""


CONDITIONS = (
    Condition("start-up", 0, 100, single=True),
    Condition("cpu", 0, 100),
    Condition("rate 100", 50, 100),
    Condition("rate 500", 50, 500),
)


@dataclass(frozen=True)
class Cost:
    """What a command cost."""

    wall_s: float
    cpu_s: float
    """User and system time of the process and of the children that it waited for."""
    peak_rss_mb: float


@dataclass(frozen=True)
class Run(Cost):
    """One run of an engine, checked."""

    condition: str
    samples: int
    accuracy: float
    bytes: int
    """Left on the disk."""
    requests_s: float
    """From the first request to arrive at the server to the last answered."""
    most_in_flight: int
    load: float
    """Load average (1 minute) before."""


def spend(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    watch: Watch | None = None,
) -> Cost:
    """Run a command in ``folder`` and account for it.

    Raises ``WrongResult`` where it fails, or where its peak memory is not its own.
    """
    variables = {**os.environ, "NO_PROXY": "127.0.0.1", **environment}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        began = perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=out, stderr=err)
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                wall = perf_counter() - began
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                if wall > LIMIT_SECONDS:
                    raise WrongResult(f"still running after {LIMIT_SECONDS:.0f} s: {' '.join(command)}")
                if watch is not None:
                    watch(process.pid)
                sleep(0.005)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode:
        words = "\n".join((folder / "stderr").read_text(errors="replace").splitlines()[-15:])
        raise WrongResult(f"exit code {process.returncode}: {' '.join(command)}\n{words}")
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        # A child starts out in a copy of its parent's memory, and the kernel counts that.
        raise WrongResult("a peak below this script's own cannot be told")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def ask(
    engine: Engine,
    condition: Condition,
    server: Server,
    questions: Path,
    samples: int,
    watch: Watch | None = None,
) -> Run:
    """Run an engine once and check that every sample was asked once and scored. Raises ``WrongResult``."""
    with tempfile.TemporaryDirectory(prefix="assay-perf-") as name:
        folder = Path(name)
        (folder / "questions.jsonl").symlink_to(questions)
        engine.prepare(folder)
        load = os.getloadavg()[0]
        server.facts(forget=True)
        cost = spend(
            engine.command(server.url, condition.connections), folder, engine.environment(server.url, folder), watch
        )
        facts = server.facts()
        try:
            accuracy = engine.accuracy(folder, samples)
        except (WrongResult, ValueError, KeyError) as error:
            raise WrongResult(f"{engine.name}, {condition.name}: {type(error).__name__}: {error}") from None
        if facts["served"] != samples:
            raise WrongResult(f"{engine.name}, {condition.name}: {facts['served']} requests for {samples} samples")
        kept = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
        return Run(
            **asdict(cost),
            condition=condition.name,
            samples=samples,
            accuracy=accuracy,
            bytes=kept,
            requests_s=facts["seconds"],
            most_in_flight=facts["most_in_flight"],
            load=load,
        )


def summary(runs: Sequence[Run], samples: int) -> dict[str, Any]:
    """The medians of one engine's runs, for ``samples`` samples.

    Where an engine was asked fewer, CPU and wall time are carried on in a straight line from one sample
    and as many as it was asked. Raises ``WrongResult`` where equal questions scored differently.
    """
    by_condition: dict[str, list[Run]] = {}
    for run in runs:
        by_condition.setdefault(run.condition, []).append(run)
    for count in {run.samples for run in runs}:
        scores = {run.accuracy for run in runs if run.samples == count}
        if len(scores) > 1:
            raise WrongResult(f"the same {count} questions scored {', '.join(map(str, sorted(scores)))}")
    asked = by_condition["cpu"][0].samples

    def middle(condition: str, figure: str) -> float:
        return float(median(getattr(run, figure) for run in by_condition[condition]))

    def whole(condition: str, figure: str) -> float:
        start, found = middle("start-up", figure), middle(condition, figure)
        return found if asked == samples else start + (found - start) * (samples - 1) / (asked - 1)

    return {
        "cpu_ms_per_sample": 1000 * whole("cpu", "cpu_s") / samples,
        "samples_per_s": samples / whole("rate 100", "wall_s"),
        "samples_per_s_500": samples / whole("rate 500", "wall_s"),
        "requests_per_s": asked / middle("rate 100", "requests_s"),
        "requests_per_s_500": asked / middle("rate 500", "requests_s"),
        "peak_rss_mb": middle("cpu", "peak_rss_mb"),
        "startup_cpu_s": middle("start-up", "cpu_s"),
        "startup_wall_s": middle("start-up", "wall_s"),
        "bytes_per_sample": middle("cpu", "bytes") / asked,
        "accuracy": by_condition["cpu"][0].accuracy,
        "asked": asked,
        "runs": [asdict(run) for run in runs],
    }


def compare(engines: Sequence[Engine], samples: int, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run all engines in turns; name -> summary."""
    runs: dict[str, list[Run]] = {engine.name: [] for engine in engines}
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-perf-")))
        servers = {latency: stack.enter_context(Server(latency)) for latency in {c.latency_ms for c in CONDITIONS}}
        for turn in range(repeats):
            for condition in CONDITIONS:
                for engine in engines:
                    asked = 1 if condition.single else min(samples, engine.most or samples)
                    questions = work / f"{asked}.jsonl"
                    if not questions.exists():
                        write_questions(questions, asked)
                    run = ask(engine, condition, servers[condition.latency_ms], questions, asked)
                    runs[engine.name].append(run)
                    say(
                        f"turn {turn + 1}/{repeats}  {condition.name:<9} {engine.name:<8} {asked:>6} samples  "
                        f"cpu {run.cpu_s:7.2f} s  wall {run.wall_s:7.2f} s  peak {run.peak_rss_mb:6.1f} MB  "
                        f"in flight {run.most_in_flight:>3}  load {run.load:.1f}"
                    )
    return {name: summary(found, samples) for name, found in runs.items()}


def million(engine: Engine, say: Callable[[str], None]) -> dict[str, Any]:
    """Memory over a run of a million samples: the run, and ``curve`` of (samples done, MB)."""
    curve: list[tuple[int, float]] = []
    due = perf_counter()
    with tempfile.TemporaryDirectory(prefix="assay-perf-") as work, Server(0) as server:
        questions = Path(work) / "questions.jsonl"
        write_questions(questions, MILLION)

        def watch(pid: int) -> None:
            nonlocal due
            if perf_counter() >= due and (rss := _rss_mb(pid)) is not None:
                due = perf_counter() + CURVE_SECONDS
                curve.append((server.facts()["served"], rss))

        run = ask(engine, Condition("million", 0, 100), server, questions, MILLION, watch)
    say(f"{'samples done':>12}  RSS MB")
    for done, rss in curve[:: max(1, len(curve) // 30)] + curve[-1:]:
        say(f"{done:>12,}  {rss:6.1f}")
    each = f"{1000 * run.cpu_s / MILLION:.3f} ms CPU and {run.bytes / MILLION:.0f} bytes a sample"
    say(f"peak {run.peak_rss_mb:.1f} MB, {each}, {run.wall_s:.0f} s in all\n")
    return {**asdict(run), "curve": curve}


def _rss_mb(pid: int) -> float | None:
    """A process's memory at this moment; ``None`` where it is just ending."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None


def ratios(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """How many times as much the others take as Assay; of rates, how many times as slow they are."""
    ours = found["assay"]
    times: dict[str, dict[str, float]] = {}
    for name, theirs in found.items():
        if name != "assay":
            times[name] = {figure: theirs[figure] / ours[figure] for figure in FIGURES}
            for rate in ("samples_per_s", "samples_per_s_500"):
                times[name][rate] = ours[rate] / theirs[rate]
    return times


def goals(report: Mapping[str, Any]) -> list[tuple[str, float, str, float]]:
    """What Assay aims at: (what, figure, ``at most`` or ``at least``, bound)."""
    ours = report["assay"]
    aims = [
        ("CPU ms/sample", ours["cpu_ms_per_sample"], "at most", 0.6),
        ("samples/s on 100 connections, whole command", ours["samples_per_s"], "at least", 1700.0),
        ("samples/s on 100 connections, while requests ran", ours["requests_per_s"], "at least", 1700.0),
        ("samples/s on 500 connections, whole command", ours["samples_per_s_500"], "at least", 2500.0),
        ("samples/s on 500 connections, while requests ran", ours["requests_per_s_500"], "at least", 2500.0),
        ("bytes/sample", ours["bytes_per_sample"], "at most", 400.0),
    ]
    for name, bound in (("lm-eval", 4.0), ("inspect", 30.0)):
        if name in report["ratios"]:
            aims.append((f"times the CPU for {name}", report["ratios"][name]["cpu_ms_per_sample"], "at least", bound))
    if "million" in ours:
        peak = ours["million"]["peak_rss_mb"]
        aims.append(("peak MB over a million samples", peak, "at most", 400.0))
        aims.append((f"times the peak over {report['samples']:,}", peak / ours["peak_rss_mb"], "at most", 1.3))
    return aims


def show(report: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Print the medians, the ratios and the goals."""
    samples = report["samples"]
    say(f"\nThe whole command, {samples:,} samples; medians of {report['repeats']}. In brackets: while requests ran.\n")
    say(
        f"{'':<10}{'CPU ms/sample':>14}{'start-up CPU s':>16}{'samples/s x100':>20}{'samples/s x500':>20}"
        f"{'peak MB':>9}{'bytes/sample':>14}{'score':>9}"
    )
    engines = {engine.name: report[engine.name] for engine in ENGINES if engine.name in report}
    for name, found in engines.items():
        rates = [
            f"{found[f'samples_per_s{at}']:,.0f} ({found[f'requests_per_s{at}']:,.0f})".rjust(20) for at in ("", "_500")
        ]
        say(
            f"{name + ('*' if found['asked'] < samples else ''):<10}{found['cpu_ms_per_sample']:>14.3f}"
            f"{found['startup_cpu_s']:>16.2f}{rates[0]}{rates[1]}{found['peak_rss_mb']:>9.1f}"
            f"{found['bytes_per_sample']:>14.0f}{found['accuracy']:>9.4f}"
        )
    for name, times in report["ratios"].items():
        cells = (
            f"{times[key]:.1f}x".rjust(width)
            for key, width in (
                ("cpu_ms_per_sample", 14),
                ("startup_cpu_s", 16),
                ("samples_per_s", 20),
                ("samples_per_s_500", 20),
                ("peak_rss_mb", 9),
                ("bytes_per_sample", 14),
            )
        )
        say(f"{name + ' /':<10}{''.join(cells)}")
    say("/: as many times what Assay takes; for samples/s, as many times slower than Assay.")
    for asked in {found["asked"] for found in engines.values()} - {samples}:
        say(f"* asked {asked:,} samples: CPU and samples/s for {samples:,} lie on the straight line through one")
        say("  sample and these; memory and the rates in brackets are as measured.")
    say("")
    for what, figure, bound, value in goals(report):
        met = figure <= value if bound == "at most" else figure >= value
        say(f"{'met   ' if met else 'MISSED'}  {what}: {_short(figure)} ({bound} {value:,g})")


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def machine(engines: Sequence[Engine]) -> dict[str, Any]:
    """Where this is measured."""
    packages = sorted({package for engine in engines for package in engine.packages})
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in packages},
        "load_before": os.getloadavg(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main() -> None:
    """Command line."""
    names = [engine.name for engine in ENGINES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", action="append", choices=names, help="this engine only; repeatable")
    parser.add_argument("--million", action="store_true", help="also Assay's memory over a million samples (minutes)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write JSON (without FILE, to stdout)")
    args = parser.parse_args()
    if args.samples < 2 or args.repeats < 1:
        parser.error("at least 2 samples and 1 repeat")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    def say(text: str) -> None:
        print(text, file=sys.stderr if args.json == "-" else sys.stdout, flush=True)

    chosen = [engine for engine in ENGINES if engine.name in (args.only or names)]
    missing = [engine.name for engine in chosen if not engine.installed]
    if missing:
        say(f"not installed, left out: {', '.join(missing)} (extra `perf`)\n")
    engines = [engine for engine in chosen if engine.installed]
    if "assay" not in [engine.name for engine in engines]:
        parser.error("assay itself has to be among them")
    place = machine(engines)
    try:
        found = compare(engines, args.samples, args.repeats, say)
        if args.million:
            say("")
            found["assay"]["million"] = million(engines[0], say)
    except WrongResult as error:
        sys.exit(f"perf/engine.py: {error}")
    place["load_after"] = os.getloadavg()
    top = {figure: found["assay"][figure] for figure in FIGURES}
    sizes = {"samples": args.samples, "repeats": args.repeats}
    report = {**top, **sizes, "machine": place, **found, "ratios": ratios(found)}
    show(report, say)
    if args.json == "-":
        print(json.dumps(report, indent=2))
    elif args.json is not None:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
