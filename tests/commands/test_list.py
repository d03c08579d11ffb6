"""`list`: the inventory, of whom it is, what a filter leaves of it, and what an empty one may mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.commands import list as listing
from reconciler.errors import ExitCode
from reconciler.sandbox.seed import default_seed
from reconciler.settings import Flags
from tests.shell import BENCH, GRAFANA, INGEST, LAPTOP, MANAGER, PHONE, Done, Shell, shell_on

GOLDEN = Path(__file__).parent / "golden"
OTHERS = ["0d989b89a8006000", "0d9c9ef720c06000"]  # of edge-lab, beside BENCH


def listed(shell: Shell, *arguments: str, stdin: str = "") -> Done:
    """Run `list`."""
    shell.here = True
    return shell.run("list", *arguments, stdin=stdin)


def ids(shell: Shell, *arguments: str) -> list[str]:
    """The ids that it shows."""
    return [each["id"] for each in json.loads(listed(shell, "--format", "json", *arguments).out)["tokens"]]


def test_the_inventory_is_one_request(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = listed(shell)
    counted = "12 of 12 tokens, 2 inactive\n"
    assert (done.code, done.err, shell.sent()) == (ExitCode.OK, counted, ["GET /api/v2/authorizations"])
    golden(GOLDEN / "list.txt", done.out)
    golden(GOLDEN / "list.json", listed(shell, "--format", "json").out)
    golden(GOLDEN / "list.csv", listed(shell, "--format", "csv").out)


def test_an_inventory_may_be_of_one_organisation(shell: Shell) -> None:
    assert ids(shell, "--org", "edge-lab") == [BENCH, *OTHERS]


def test_an_empty_inventory_says_what_that_may_mean(tmp_path: Path) -> None:
    with shell_on(tmp_path, caller=GRAFANA) as shell:
        done = listed(shell)
    assert done == Done(
        ExitCode.OK,
        "  STATUS  ID  ORG  USER  UPDATED  DESCRIPTION\n",
        "0 of 0 tokens, 0 inactive\n"
        "The list is empty. A server leaves out what these credentials may not read: see `tokenctl doctor`.\n",
    )


def test_a_server_that_hides_secrets_needs_to_be_told_which_token_is_the_callers(tmp_path: Path) -> None:
    with shell_on(tmp_path, version="2.9.1", caller=MANAGER) as shell:
        assert "* " not in listed(shell).out
        assert f"* active    {MANAGER}" in listed(shell, "--self-id", MANAGER).out


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["LAPTOP"], [LAPTOP]),
        (["user2"], [LAPTOP, PHONE]),
        (["user2", "pho"], [PHONE]),
        (["user2 laptop"], []),
        (["Edge", "bench"], [BENCH, OTHERS[0]]),
        ([GRAFANA[3:9].upper()], [GRAFANA]),
        (["ｌａｐ"], [LAPTOP]),
        (["STRASSE"], [INGEST]),
        (["ﬁne", "Ⅷ"], [INGEST]),
        (["--user", "user2"], [LAPTOP, PHONE]),
        (["--user", "g*"], [GRAFANA]),
        (["--user", "G*"], []),
        (["--user", "[gm]?[ar]a"], [*[BENCH], *OTHERS]),
        (["--user", "[*"], []),
        (["--user", "ci-bot", "--status", "inactive"], ["0d2efd00d0006000", "0e0c5c07a0006000"]),
        (["--status", "active", "hall"], []),
    ],
)
def test_every_word_and_every_filter_leaves_less(shell: Shell, arguments: list[str], found: list[str]) -> None:
    shell.sandbox.change(INGEST, description="Straße ﬁne Ⅷ")
    assert ids(shell, *arguments) == found


def test_what_files_declare_is_left_out_as_plan_takes_them(shell: Shell) -> None:
    shell.declare(f'id: "{GRAFANA}"', "match: {user: mira}", "match: {user: user2}, pick: first")
    shell.declare('id: "0d1184f120006000"', name="more/b.yaml")
    left = [each for each in ids(shell) if each not in (GRAFANA, LAPTOP, BENCH, *OTHERS)]
    assert ids(shell, "--not-in", "tokens.yaml") == left
    assert shell.sent() == ["GET /api/v2/authorizations"] * 2
    both = ["--not-in", "more", "--not-in", "tokens.yaml"]
    assert ids(shell, *both) == [each for each in left if each != MANAGER]
    done = listed(shell, *both, "ci-bot", "--format", "csv")
    assert done.err == "4 of 12 tokens, 2 inactive\n"
    from_stdin = listed(shell, "--not-in", "-", "user2", stdin=f'version: 1\ntokens: [{{id: "{PHONE}"}}]\n')
    assert (from_stdin.err, PHONE in from_stdin.out) == ("1 of 12 tokens, 0 inactive\n", False)


def test_a_file_of_an_organisation_that_has_no_token_declares_none_of_them(shell: Shell) -> None:
    shell.write("version: 1\nserver: {org: nobody}\ntokens: [{match: {user: user2}, pick: all}]\n", "nobody.yaml")
    said = "no live token belongs to organisation `nobody`\n  hint: correct `server.org`, or name another file\n"
    assert listed(shell, "--not-in", "nobody.yaml") == Done(4, "", said)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--not-in", "none.yaml"], 65, "none.yaml: no such file or directory\n"),
        (["--not-in", "other.yaml"], 4, "the file is for https://influx.example, but this run would talk to URL\n"),
        (["--not-in", "mine.yaml"], 65, "mine.yaml:1:3: this looks like a token's secret\n"),
        (["x", ""], 64, "a word is empty\n"),
        (["--not-in", ""], 64, "--not-in is empty\n"),
        (["--not-in", "-", "--token-file", "-"], 64,
            "standard input cannot be both a manifest (`-`) and the token (`--token-file -`)\n"),
        (["--status", "off"], 64, "invalid value for '--status': 'off' is not one of 'active', 'inactive'\n"),
        (["--form"], 64, "no such option: --form. Did you mean '--format', '--org'?\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_listed_is_said_before_anything_is_asked(
    shell: Shell, arguments: list[str], code: int, said: str
) -> None:
    shell.write("version: 1\nserver: {url: 'https://influx.example'}\ntokens: []\n", "other.yaml")
    shell.write(f"# {shell.environment['INFLUX_TOKEN']}\nversion: 1\n", "mine.yaml")
    done = listed(shell, *arguments)
    assert (done.code, done.out, done.err.splitlines(keepends=True)[0], shell.sent()) == (code, "", said, [])


def test_a_list_fits_a_terminal_and_nothing_else_cuts_it(tmp_path: Path) -> None:
    seed = default_seed()
    tokens = tuple(replace(each, description="d" * 300) if each.id == INGEST else each for each in seed.tokens)
    with shell_on(tmp_path, replace(seed, tokens=tokens)) as shell:
        assert f'"{"d" * 300}"' in listed(shell).out
        drawn = shell.call(lambda context: listing.run(listing.ListRequest(), Flags(), context), columns=80).out
    assert max(map(len, drawn.splitlines())) == 80
    assert re.search('"d+…d+"', drawn)


def test_csv_tells_of_what_went_wrong_on_stderr_alone(shell: Shell) -> None:
    assert listed(shell, "--format", "csv", "--org", "nobody").out == ""
