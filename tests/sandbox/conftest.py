"""Every sandbox of this host, in turn."""

from __future__ import annotations

import pytest

from assay.sandbox.base import LocalSandbox
from assay.sandbox.bubblewrap import Bubblewrap
from assay.sandbox.landlock import Landlock
from assay.sandbox.probe import choose
from assay.sandbox.program import SandboxUnavailable

KINDS: dict[str, type[LocalSandbox]] = {"bubblewrap": Bubblewrap, "sandlock": Landlock}
_probed: dict[str, LocalSandbox | str] = {}


@pytest.fixture(params=KINDS)
async def box(request: pytest.FixtureRequest) -> LocalSandbox:
    """A sandbox that the probe accepts; skips with the probe's reason where it does not."""
    name = request.param
    if name not in _probed:
        try:
            found = await choose(name)
            assert isinstance(found, LocalSandbox)
            _probed[name] = found
        except SandboxUnavailable as error:
            _probed[name] = str(error)
    found_or_why = _probed[name]
    if isinstance(found_or_why, str):
        pytest.skip(found_or_why)
    return found_or_why
