"""`list`: the inventory, of whom it is, and what an empty one may mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.commands import list as listing
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat
from reconciler.settings import Flags
from tests.shell import BENCH, GRAFANA, MANAGER, Done, Shell, shell_on

ROOT = Path(__file__).parent.parent.parent


def listed(shell: Shell, form: ListFormat = ListFormat.TEXT, flags: Flags | None = None) -> Done:
    """Run `list`."""
    return shell.call(lambda context: listing.run(flags or Flags(), form, context))


def test_the_inventory_is_one_request(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = listed(shell)
    assert (done.code, done.err, shell.sent()) == (ExitCode.OK, "", ["GET /api/v2/authorizations"])
    golden(Path(__file__).parent / "golden" / "list.txt", done.out)
    golden(Path(__file__).parent / "golden" / "list.json", listed(shell, ListFormat.JSON).out)


def test_an_inventory_may_be_of_one_organisation(shell: Shell) -> None:
    assert [line.split()[1] for line in listed(shell, flags=Flags(org="edge-lab")).out.splitlines()[1:]] == [
        BENCH, "0d989b89a8006000", "0d9c9ef720c06000",
    ]  # fmt: skip


def test_an_empty_inventory_says_what_that_may_mean(tmp_path: Path) -> None:
    with shell_on(tmp_path, caller=GRAFANA) as shell:
        done = listed(shell)
    assert done == Done(
        ExitCode.OK,
        "  STATUS  ID  ORG  USER  DESCRIPTION\n",
        "The list is empty. A server leaves out what these credentials may not read, and says nothing.\n",
    )


def test_a_server_that_hides_secrets_needs_to_be_told_which_token_is_the_callers(tmp_path: Path) -> None:
    with shell_on(tmp_path, version="2.9.1", caller=MANAGER) as shell:
        assert "* " not in listed(shell).out
        assert f"* active    {MANAGER}" in listed(shell, flags=Flags(self_id=MANAGER)).out
