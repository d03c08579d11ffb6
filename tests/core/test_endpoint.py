"""Where a server is, and the secret that is not shown by accident."""

from __future__ import annotations

import pytest

from reconciler.core.endpoint import Secret, is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("127.0.0.1.x", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_known_by_its_name(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_secret_is_shown_only_to_who_asks() -> None:
    secret = Secret("FAKE")
    assert (repr(secret), str(secret), f"{secret}", secret.reveal()) == ("***", "***", "***", "FAKE")
