"""How all tests run: reproducibly, from any folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, so that a change that passes here passes everywhere. HYPOTHESIS_PROFILE=explore draws
# new ones and more of them, to look for what nobody thought of. No deadline: the machine may be busy.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds README.md and examples."""
    return Path(__file__).resolve().parent.parent
