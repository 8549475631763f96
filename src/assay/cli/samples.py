"""``assay samples``: read transcripts in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.common import Json, print_json
from assay.records import Outcome, Score, Trajectory

RULE = "─" * 100


def samples(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    outcome: Annotated[list[Outcome] | None, typer.Option(help="Only attempts that ended so. Repeatable.")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="Only scored attempts below full marks.")] = False,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only this sample. Repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most N attempts.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="Long texts whole, not just their ends.")] = False,
    json: Json = False,
) -> None:
    """Read what was asked, what was answered, and why it was scored so.

    \b
    assay samples RUN --wrong --limit 5
    assay samples RUN --outcome unparsed
    assay samples RUN --id cipher/17 --full
    """
    from assay.store.frames import trajectories

    wanted = set(outcome or ())
    shown: list[dict[str, Any]] = []
    for sample, trajectory, line in trajectories(run):
        score = line.score
        if (wanted and score.outcome not in wanted) or (ids and sample.id not in ids):
            continue
        if wrong and (score.outcome is not Outcome.SCORED or score.value is None or score.value >= 1):
            continue
        if json:
            shown.append({"sample": sample, "trajectory": trajectory, "score": score})
        else:
            _print(sample.target, trajectory, score, full=full)
        limit -= 1
        if not limit:
            break
    if json:
        print_json(shown)


def _print(target: str | tuple[str, ...], trajectory: Trajectory, score: Score, *, full: bool) -> None:
    value = "" if score.value is None else f" {score.value:g}"
    _write(f"{RULE}\n{trajectory.sample_id} · epoch {trajectory.epoch} · {score.outcome}{value}")
    for message in trajectory.messages:
        _write(f"\n[{message.role}]\n{_ends(message.text, full=full)}")
        for call in message.tool_calls:
            _write(f"  -> {call.name}({call.arguments})")
    if trajectory.calls and (reasoning := trajectory.response.reasoning):
        _write(f"\n[reasoning]\n{_ends(reasoning, full=full)}")
    _write(f"\nanswer: {score.answer}\ngold:   {target if isinstance(target, str) else ' | '.join(target)}")
    if score.explanation:
        _write(f"why:    {score.explanation}")


def _ends(text: str, *, full: bool, keep: int = 1500) -> str:
    if full or len(text) <= 2 * keep:
        return text
    return f"{text[:keep]}\n… {len(text) - 2 * keep} characters left out (--full shows them) …\n{text[-keep:]}"


def _write(text: str) -> None:
    # Model text may hold terminal escapes, bidirectional overrides and lone surrogates: none may act here.
    sys.stdout.write("".join(_harmless(char) for char in text) + "\n")


def _harmless(char: str) -> str:
    code = ord(char)
    if char in "\n\t" or (0x20 <= code < 0x7F) or (0xA0 <= code < 0x2028):
        return char
    hidden = code < 0xA0 or 0x2028 <= code <= 0x202E or 0x2066 <= code <= 0x2069 or 0xD800 <= code <= 0xDFFF
    return f"\\u{code:04x}" if hidden else char
