"""The fixture of the sandbox's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import NOW, SEED, Client


@pytest.fixture
def client() -> Iterator[Client]:
    """The world of the demo, at a time that stands still."""
    with Sandbox.start(seed=SEED, now=lambda: NOW) as sandbox:
        yield Client(sandbox)
