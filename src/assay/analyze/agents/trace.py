"""A record of every step of the agents, as JSON lines, so that a diagnosis can be audited afterwards.

Prompts are kept by digest (they hold case texts that the run has anyway); replies, tool calls and results are kept
bounded. The invariant: nothing that looks like a credential, and no value of an environment variable that is named
like one, is ever written.
"""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from pathlib import Path
from time import time
from typing import Any

import msgspec

from assay.errors import StorageFailed
from assay.records import Request

MOST = 8_000
"""Characters of a text that a line keeps."""
HIDDEN = "[secret]"
_NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
_LOOKS = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|hf|xox[abprs]|glpat)[-_][A-Za-z0-9_\-]{12,200}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w\-]{30,60}"
    r"|\beyJ[\w\-]{10,2000}\.[\w\-]{10,2000}\.[\w\-]{6,2000}|(?<=Bearer )[\w\-.~+/=]{8,2000}"
)


class Trace:
    """Writes the steps; without a path it forgets them."""

    def __init__(self, path: Path | None) -> None:
        """Start a new trace. Raises ``StorageFailed``."""
        self.path = path
        self.steps = 0
        self._secrets = _secrets()
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            except OSError as error:
                raise StorageFailed(f"cannot write the trace {path}: {error.strerror}") from None

    def step(self, who: str, kind: str, **what: Any) -> None:
        """Add a line. Raises ``StorageFailed``."""
        self.steps += 1
        if self.path is None:
            return
        line = {"step": self.steps, "time": round(time(), 3), "who": who, "kind": kind, **what}
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(self._safe(line)) + b"\n")
        except OSError as error:
            raise StorageFailed(f"cannot write the trace {self.path}: {error.strerror}") from None

    def _safe(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, dict):
            return {self._clean(str(key)): self._safe(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._safe(one) for one in value]
        return value

    def _clean(self, text: str) -> str:
        text = text.encode("utf-8", "replace").decode()
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _LOOKS.sub(HIDDEN, text[: 4 * MOST])
        return text if len(text) <= MOST else f"{text[:MOST]} [... {len(text) - MOST} more characters]"


def digest(request: Request) -> str:
    """A short name of a prompt."""
    text = msgspec.json.encode([(m.role, m.text.encode("utf-8", "replace").decode()) for m in request.messages])
    return blake2b(text, digest_size=8).hexdigest()


def _secrets() -> list[str]:
    """Values of the environment that nobody should read in a trace, the longest first."""
    found = {value for name, value in os.environ.items() if _NAMED.search(name) and len(value) >= 8}
    return sorted(found, key=len, reverse=True)
