"""Where Assay keeps what is not a run: fetched data, logs, the response cache."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """``ASSAY_CACHE``, or ``assay`` in the user's cache folder."""
    explicit = os.environ.get("ASSAY_CACHE")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay"


def response_cache() -> Path:
    """The file of the response cache."""
    return cache_dir() / "responses.sqlite"
