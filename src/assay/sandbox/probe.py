"""Which sandbox this host has: tried, not assumed.

Each candidate is attacked with ``attacks`` before any model's program runs in it, once a process; the one
that contains most is taken, and what speaks against the others is kept for the record. ``ASSAY_SANDBOX``
names one instead: ``bubblewrap``, ``sandlock``, ``container`` (of the image ``ASSAY_SANDBOX_IMAGE``), or the
address of a SandboxFusion server. Where none holds there is no sandbox: nothing is ever run without one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from functools import cache

import msgspec

from assay.sandbox.attacks import ATTACKS, ESSENTIAL, LIMITS, contained, scene
from assay.sandbox.base import LocalSandbox, Sandbox
from assay.sandbox.bubblewrap import Bubblewrap
from assay.sandbox.container import Container
from assay.sandbox.landlock import Landlock
from assay.sandbox.program import Program, SandboxUnavailable
from assay.sandbox.remote import Remote

CANDIDATES: dict[str, type[LocalSandbox]] = {"container": Container, "bubblewrap": Bubblewrap, "sandlock": Landlock}
"""Strongest kind first: of two that contain as much, the earlier is taken."""
_one_at_a_time = threading.Lock()


async def sandbox() -> Sandbox:
    """The strongest sandbox of this host, probed once a process. Raises ``SandboxUnavailable``."""
    found = await asyncio.to_thread(_probed)
    if isinstance(found, str):
        raise SandboxUnavailable(found)
    return found


def _probed() -> Sandbox | str:
    with _one_at_a_time:
        return _probed_once(os.environ.get("ASSAY_SANDBOX", ""))


@cache
def _probed_once(wanted: str) -> Sandbox | str:
    try:
        return asyncio.run(choose(wanted))
    except SandboxUnavailable as error:
        return str(error)


async def choose(wanted: str = "") -> Sandbox:
    """Probe what ``wanted`` names, or everything. Raises ``SandboxUnavailable`` with all the reasons."""
    if wanted.startswith(("http://", "https://")):
        return Remote(wanted)
    if wanted and wanted not in CANDIDATES:
        raise SandboxUnavailable(f"ASSAY_SANDBOX={wanted!r}: there are {', '.join(CANDIDATES)}, or an http address")
    if not sys.platform.startswith("linux") and wanted != "container":
        raise SandboxUnavailable("programs are confined by Linux's own means only: set ASSAY_SANDBOX to a server")
    working: list[tuple[int, Sandbox]] = []
    against: dict[str, str] = {}
    for name in [wanted] if wanted else CANDIDATES:
        kind = CANDIDATES[name]
        why_not = kind.missing()
        if why_not is None:
            found = kind()
            holds, why_not = await attacked(found)
            if why_not is None:
                found.description = msgspec.structs.replace(found.description, holds=holds)
                working.append((len(holds), found))
                continue
        against[name] = why_not
    if not working:
        reasons = "; ".join(f"{name}: {why}" for name, why in against.items())
        raise SandboxUnavailable(f"no sandbox works on this host ({reasons})")
    most = max(count for count, _ in working)
    best = next(found for count, found in working if count == most)
    for count, other in working:
        if other is not best:
            against[other.description.name] = f"contains {count} of {len(ATTACKS)} attacks, no more than the one taken"
    best.description = msgspec.structs.replace(best.description, others=against)
    return best


async def attacked(candidate: Sandbox) -> tuple[tuple[str, ...], str | None]:
    """The attacks that a sandbox contains, and why it must not be used (``None`` where it may be)."""
    held: list[str] = []
    why = ""
    with scene() as around:
        for attack in ATTACKS:
            try:
                run = await candidate.run(Program("python", attack.source(around), "", LIMITS))
            except SandboxUnavailable as error:
                return (), str(error)
            if contained(attack, around, run):
                held.append(attack.name)
            elif attack.name in ESSENTIAL:
                said = (run.stderr.strip() or run.stdout.strip())[-200:]
                why = why or f"does not contain an attack by {attack.name} ({run.end}: {said})"
    return tuple(held), why or None
