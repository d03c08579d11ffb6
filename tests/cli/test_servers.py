"""The options that say which servers of a fleet are meant."""

from __future__ import annotations

import pytest

from reconciler.errors import ExitCode
from tests.shell import Shell


@pytest.mark.parametrize("option", ["--server=lyon", "--shard=1/2"])
def test_a_choice_among_servers_needs_a_fleet(shell: Shell, option: str) -> None:
    done = shell.cli("plan", option, environment={})
    assert (done.code, done.err) == (
        ExitCode.USAGE,
        f"{option.partition('=')[0]} chooses servers of a fleet\n  hint: name it: --fleet DIR\n",
    )


def test_a_part_that_is_none_is_told(shell: Shell) -> None:
    done = shell.cli("plan", "--fleet", "servers", "--shard", "/10", environment={})
    assert (done.code, done.err.partition("\n")[0]) == (
        ExitCode.USAGE,
        "--shard takes a part of the servers, and `/10` is none",
    )
