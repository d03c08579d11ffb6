"""Where a server is, and the secret that is not shown by accident."""

from __future__ import annotations

import pytest

from reconciler.core.endpoint import Secret, Speed, address, is_loopback


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


UNLISTED, LISTED = Speed(), Speed().after_list(1_000, 0.1)
SLOW_TO_LIST = Speed().after_list(10_000, 0.9)


def read(speed: Speed, *seconds: float) -> Speed:
    for each in seconds:
        speed = speed.after_read(each)
    return speed


@pytest.mark.parametrize(
    ("speed", "at_most"),
    [
        # No list was made: nobody knows how many tokens there are.
        (UNLISTED, 1_000),
        (read(UNLISTED, *[0.001] * 9), 1_000),
        # What was read one by one tells too little: by the number of tokens.
        (LISTED, 200),
        (SLOW_TO_LIST, 2_000),
        (read(LISTED, *[0.05] * 7), 200),
        # By the fastest of eight reads and more.
        (read(LISTED, *[0.05] * 7, 0.001), 100),
        (read(LISTED, *[0.05] * 8), 2),
        (read(SLOW_TO_LIST, 0.0005, *[0.05] * 7), 1_800),
        (read(SLOW_TO_LIST, *[0.0003] * 9), 3_000),
        # The latest list counts.
        (read(SLOW_TO_LIST, *[0.001] * 8).after_list(1_000, 0.1), 100),
    ],
)
def test_a_list_is_made_once_it_costs_less_than_single_reads(speed: Speed, at_most: int) -> None:
    assert [speed.favours_list(tokens) for tokens in (0, at_most, at_most + 1)] == [False, False, True]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8086", "localhost:8086"),
        ("https://influx.example/base", "influx.example:443"),
        ("http://influx.example", "influx.example:80"),
        ("https://[::1]", "[::1]:443"),
    ],
)
def test_an_address_has_its_port(url: str, expected: str) -> None:
    assert address(url) == expected
