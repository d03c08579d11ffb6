"""What options mean: how to send, and durations."""

from __future__ import annotations

import pytest

from reconciler.apply.pace import Pacing
from reconciler.cli.options import duration, pacing, sending_options
from reconciler.errors import UsageError
from reconciler.session.sending import SendingOptions


def test_without_options_it_is_sent_as_usual() -> None:
    assert pacing(parallelism=None, rate="", canary=None, max_failures=None) == Pacing()
    assert pacing(parallelism=3, rate="10/s", canary=2, max_failures=1) == Pacing(
        parallelism=3, per_s=10.0, canary=2, max_failures=1
    )


def sent(expect: str) -> SendingOptions:
    """How a plan is sent with this `--expect`."""
    return sending_options(
        expect=expect, lock=False, lock_timeout="", yes=True, json=False, journal="", rate="", parallelism=None
    )


def test_a_digest_may_be_in_capital_letters_and_has_to_be_whole() -> None:
    assert sent("AB" * 32).expect == "ab" * 32
    assert sent("") == SendingOptions(yes=True)
    for part in ("12ab", "0" * 63, "0" * 65, "x" * 64):
        with pytest.raises(UsageError, match=r"^--expect takes a whole digest: 64 hex digits, as `plan` prints them$"):
            sent(part)


@pytest.mark.parametrize(("rate", "per_s"), [("1/s", 1.0), ("0.5/s", 0.5), ("0.001/s", 0.001), ("999999/s", 999999.0)])
def test_a_rate_is_so_many_a_second(rate: str, per_s: float) -> None:
    assert pacing(parallelism=None, rate=rate, canary=None, max_failures=None).per_s == per_s


@pytest.mark.parametrize("rate", ["10", "10/m", "/s", "0/s", "0.000/s", "-1/s", "1e3/s", "1/s ", "٣/s", "1.2345/s"])
def test_what_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(UsageError) as caught:
        pacing(parallelism=None, rate=rate, canary=None, max_failures=None)
    assert str(caught.value) == (
        f"--rate takes so many changes a second, and `{rate}` is none\n  hint: write it like 10/s or 0.5/s"
    )


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("250ms", 0.25)])
def test_a_duration_is_a_number_and_perhaps_a_unit(text: str, seconds: float) -> None:
    assert duration("--timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1 s", "1e3", "٣s", "1s\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration("--timeout", text)
    assert caught.value.problems[0].message == f"--timeout takes a duration, and `{text}` is none"
