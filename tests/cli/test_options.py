"""What options mean: how to send, and durations."""

from __future__ import annotations

import pytest

from reconciler.apply.pace import Pacing
from reconciler.cli.options import duration, pacing, sending_options
from reconciler.errors import UsageError
from reconciler.session.sending import SendingOptions
from tests.shell import Done, Shell


def test_without_options_it_is_sent_as_usual() -> None:
    assert pacing(parallelism=None, rate="", canary=None, max_failures=None) == Pacing()
    assert pacing(parallelism=3, rate="10/s", canary=2, max_failures=1) == Pacing(
        parallelism=3, per_s=10.0, canary=2, max_failures=1
    )


def sent(expect: str) -> SendingOptions:
    """How a plan is sent with this `--expect`."""
    return sending_options(expect=expect, lock=False, lock_timeout="", yes=True, journal="", rate="", parallelism=None)


def test_a_digest_may_be_in_capital_letters_and_has_to_be_whole() -> None:
    assert sent("AB" * 32).expect == "ab" * 32
    assert sent("") == SendingOptions(yes=True)
    for part in ("12ab", "0" * 63, "0" * 65, "x" * 64):
        with pytest.raises(UsageError, match=r"^--expect takes a whole digest: 64 hex digits, as `plan` prints them$"):
            sent(part)


@pytest.mark.parametrize(("rate", "per_s"), [("1/s", 1.0), ("0.5/s", 0.5), ("0.001/s", 0.001), ("999999/s", 999999.0)])
def test_a_rate_is_so_many_a_second(rate: str, per_s: float) -> None:
    assert pacing(parallelism=None, rate=rate, canary=None, max_failures=None).per_s == per_s


@pytest.mark.parametrize("rate", ["10/m", "/s", "0/s", "0.000/s", "-1/s", "1e3/s", "1/s ", "٣/s", "1.2345/s"])
def test_what_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(UsageError) as caught:
        pacing(parallelism=None, rate=rate, canary=None, max_failures=None)
    assert str(caught.value) == (
        f"--rate takes a number of changes with its unit, and `{rate}` is none\n  hint: write it like 10/s or 0.5/s"
    )


def test_a_number_without_its_unit_is_refused_with_the_one_that_it_lacks() -> None:
    for text in ("10", "0.5"):
        with pytest.raises(UsageError) as caught:
            pacing(parallelism=None, rate=text, canary=None, max_failures=None)
        assert str(caught.value) == (
            f"--rate takes a number of changes with its unit, and `{text}` is none\n"
            f"  hint: write `{text}/s` for so many a second"
        )
        with pytest.raises(UsageError) as caught:
            duration("--lock-timeout", text)
        assert str(caught.value) == (
            f"--lock-timeout takes a duration with its unit, and `{text}` is none\n"
            f"  hint: write `{text}s` for seconds, or like 10m, 1h or 7d"
        )


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("250ms", 0.25), ("7d", 604800)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration("--timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "-1s", "1w", "1 s", "1e3", "٣s", "1s\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration("--timeout", text)
    assert str(caught.value) == (
        f"--timeout takes a duration with its unit, and `{text}` is none\n  hint: write it like 90s, 10m, 1h or 7d"
    )


@pytest.mark.parametrize(("command", "environment"), [
    ("plan - --token-file -", {}), ("apply - --yes --token-file -", {}), ("doctor a.yaml - --token-file -", {}),
    ("plan -", {"INFLUX_TOKEN_FILE": "-"}), ("apply --yes -", {"INFLUX_TOKEN_FILE": "-"}), ("doctor -", {"INFLUX_TOKEN_FILE": "-"}),
])  # fmt: skip
def test_standard_input_is_not_both_the_manifest_and_the_token(
    shell: Shell, command: str, environment: dict[str, str]
) -> None:
    shell.here = True
    source = "INFLUX_TOKEN_FILE=-" if environment else "--token-file -"
    assert shell.run(*command.split(), stdin="version: 1\n", **environment) == Done(
        64,
        "",
        f"standard input cannot be both a manifest (`-`) and the token (`{source}`)\n"
        "  hint: give one of them another way: the manifest as a file, or the token with INFLUX_TOKEN\n",
    )
    assert shell.run("validate", "-", stdin="version: 1\n", **environment).code == 0
