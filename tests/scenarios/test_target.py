"""Which organisation and which profile a run is about: as the server takes it, or refused, and never nothing instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.commands import doctor, unlock
from reconciler.commands import list as listing
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat, PlanFormat, TokensFormat
from reconciler.sandbox.seed import Org, Seed, default_seed
from reconciler.settings import Flags
from tests.commands.test_apply import applied, saved
from tests.commands.test_plan import planned
from tests.commands.test_undo import undone
from tests.session.test_locking import EDGE, locked
from tests.shell import BENCH, GRAFANA, OPERATOR, Done, Shell, secret, shell_on

ACME = "5f2c9e1a77b0d3c4"
DESCRIBE = f'id: "{GRAFANA}", description: dashboard'


def listed(shell: Shell, flags: Flags | None = None, form: TokensFormat = TokensFormat.TEXT) -> Done:
    """Run `list`."""
    return shell.call(lambda context: listing.run(listing.ListRequest(form=form), flags or Flags(), context))


def nothing(shell: Shell, head: str) -> str:
    """A manifest that declares no token."""
    return shell.write(f"version: 1\n{head}tokens: []\n")


@pytest.mark.parametrize("name", ["acme", "acme ", "\racme\n", "acme\u3000", ACME, ACME.upper() + "\n"])
def test_a_blank_around_an_organisation_empties_nothing(shell: Shell, name: str) -> None:
    shell.environment["INFLUX_ORG"] = name
    done = applied(shell, shell.declare(DESCRIBE, head="server: {org: acme}\n"), yes=True)
    assert (done.code, shell.patches()) == (ExitCode.OK, [GRAFANA])
    assert BENCH not in listed(shell).out
    assert planned(shell, nothing(shell, "unmanaged: fail\n")).code == ExitCode.REFUSED


@pytest.mark.parametrize("org", ["acme", " acme\u00a0", ACME, ACME.upper()])
def test_a_file_may_name_an_organisation_so_too(shell: Shell, org: str) -> None:
    head = f'server: {{org: "{org}"}}\nunmanaged: fail\n'
    assert "Refused by guard `unmanaged`" in planned(shell, nothing(shell, head)).out
    selected = f'match: {{org: "{org}", user: grafana}}, pick: first, description: dashboard'
    for flags in (Flags(), Flags(org="acme"), Flags(org=ACME)):
        done = planned(shell, shell.declare(selected, head=f'server: {{org: "{org}"}}\n'), flags=flags)
        assert (done.code, f'  ~ describe    "grafana dashbord"  {GRAFANA}' in done.out) == (ExitCode.OK, True), done


def named(edge: str, acme: str = "acme") -> Seed:
    """The world in which the organisations are called so."""
    return replace(default_seed(), orgs=(Org(ACME, acme), Org(EDGE, edge)))


def test_a_name_with_a_blank_around_it_is_found_as_the_server_finds_it(tmp_path: Path) -> None:
    with shell_on(tmp_path, named("acme\u00a0 lab", " acme\t")) as shell:
        file = shell.declare(DESCRIBE, "match: {org: acme, user: ci-bot}, pick: first", head="server: {org: acme}\n")
        assert planned(shell, file, flags=Flags(org="acme")).code == ExitCode.OK
        assert planned(shell, file, flags=Flags(org="acme lab")).code == ExitCode.REFUSED


def test_a_name_that_looks_like_an_id_wins(tmp_path: Path) -> None:
    with shell_on(tmp_path, named(ACME)) as shell:
        assert [BENCH in listed(shell, Flags(org=ACME)).out, GRAFANA in listed(shell, Flags(org=ACME)).out] == [
            True,
            False,
        ]
        done = planned(shell, shell.declare(f'match: {{org: "{ACME}"}}, pick: first, description: x'))
        assert (BENCH in done.out, GRAFANA in done.out) == (True, False), done
        shell.environment["INFLUX_ORG_ID"] = ACME  # which is never a name
        assert [BENCH in listed(shell).out, GRAFANA in listed(shell).out] == [False, True]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("INFLUX_ORG", "Acme"), ("INFLUX_ORG", "acme\u200bx"), ("INFLUX_ORG", EDGE[::-1]), ("INFLUX_ORG_ID", EDGE[::-1])],
)
def test_an_organisation_that_is_none_is_a_wrong_setting(shell: Shell, variable: str, value: str) -> None:
    shell.environment[variable] = value
    file = nothing(shell, "unmanaged: fail\n")
    for done in (applied(shell, file, yes=True), planned(shell, file), listed(shell)):
        assert (done.code, done.out) == (ExitCode.USAGE, "")


def test_an_asserted_organisation_that_nothing_is_of_is_refused(shell: Shell) -> None:
    done = planned(shell, nothing(shell, "server: {org: acme corp}\nunmanaged: fail\n"))
    assert (done.code, done.err) == (
        ExitCode.REFUSED,
        "no live token belongs to organisation `acme corp`\n"
        "  hint: the file's `server.org` says that every declared token belongs to it\n",
    )


@pytest.mark.parametrize("declared", [DESCRIBE, "match: {user: grafana}, description: x"])
def test_a_run_that_its_organisation_leaves_nothing_of_is_wrong(shell: Shell, declared: str) -> None:
    file = shell.declare(declared, head="absent: warn\n")
    for done in (
        applied(shell, file, flags=Flags(org="edge-lab"), yes=True),
        planned(shell, file, flags=Flags(org=EDGE)),
    ):
        assert (done.code, done.out) == (ExitCode.INVALID, "")
        assert done.err.startswith(
            "nothing of what is declared is a token of organisation `edge-lab`, to which this run is limited\n"
            "  hint: correct --org, INFLUX_ORG or INFLUX_ORG_ID, or leave it out\n"
        )
    gone = planned(shell, shell.declare('id: "0123456789abcdef"', head="absent: warn\n"), flags=Flags(org="edge-lab"))
    assert gone.code == ExitCode.OK  # the server knows no such token at all


def test_a_saved_plan_and_an_undo_are_held_to_the_organisation_too(shell: Shell) -> None:
    plan = saved(shell, DESCRIBE)
    done = applied(shell, plan, flags=Flags(org="edge-lab"), yes=True)
    assert (done.code, done.out, shell.patches()) == (ExitCode.STALE, "", [])
    assert "it is not of organisation `edge-lab`, to which this run is limited\n" in done.err
    applied(shell, plan, flags=Flags(org="acme"), yes=True)
    done = undone(shell, flags=Flags(org="edge-lab"))
    assert (done.code, done.out) == (ExitCode.INVALID, "")


def test_a_lock_is_found_by_the_id_of_its_organisation(shell: Shell) -> None:
    locked(shell, EDGE)
    locked(shell)
    done = shell.call(lambda context: unlock.run(Flags(org=EDGE), context, yes=True))
    assert (done.code, "Removed the lock of organisation `edge-lab`." in done.out) == (ExitCode.OK, True)


PROFILES = """
[prod]
url = "{url}"
token = "{token}"
org = "edge-lab"
active = true
["st\\u001baging"]
url = "{url}"
token = "{token}"
"""


@pytest.fixture
def profiled(shell: Shell) -> Shell:
    """A shell that has only profiles of the influx CLI."""
    shell.write(PROFILES.format(url=shell.sandbox.url, token=secret(OPERATOR)), "home/.influxdbv2/configs")
    shell.environment = {"INFLUX_HOST": shell.sandbox.url, "XDG_STATE_HOME": shell.environment["XDG_STATE_HOME"]}
    return shell


@pytest.mark.parametrize(
    ("flags", "environment", "shown"),
    [
        (Flags(), {}, "prod"),
        (Flags(profile="st\x1baging"), {}, "st\\x1baging"),
        (Flags(), {"INFLUX_ACTIVE_CONFIG": "st\x1baging"}, "st\\x1baging"),
        (Flags(), {"INFLUX_TOKEN": secret(OPERATOR)}, ""),
    ],
)
def test_the_profile_that_is_in_use_stands_in_the_title(
    profiled: Shell, flags: Flags, environment: Mapping[str, str], shown: str
) -> None:
    profiled.environment |= environment
    title = f'URL (profile "{shown}")' if shown else "URL"
    file = profiled.declare(DESCRIBE)
    assert planned(profiled, file, flags=flags).out.startswith(f"acme · {title} · InfluxDB 2.7.12 · 1 declared\n")
    assert title in planned(profiled, file, flags=flags, form=PlanFormat.MARKDOWN).out
    done = applied(profiled, file, flags=flags, yes=True)
    assert (done.code, done.out.startswith(f"acme · {title} · ")) == (ExitCode.OK, True)
    found = listed(profiled, flags).out
    assert found.startswith(f"{title} · InfluxDB 2.7.12\n\n  STATUS" if shown else "  STATUS")
    assert BENCH in found  # the profile's `org` limits nothing, as in `influx auth list`
    examined = profiled.call(lambda context: doctor.run((), flags, ListFormat.TEXT, context)).out
    assert examined.startswith(
        f"ok    profile    `{shown}` of the influx CLI is in use, for URL\n" if shown else "ok    server"
    )


def test_a_profile_is_no_part_of_a_saved_plan_or_of_its_digest(profiled: Shell) -> None:
    path = Path(saved(profiled, DESCRIBE))
    document = path.read_text()
    assert "prod" not in document
    profiled.environment["INFLUX_TOKEN"] = secret(OPERATOR)
    assert Path(saved(profiled, DESCRIBE)).read_text() == document


def test_the_profile_that_led_to_the_wrong_server_is_named(profiled: Shell) -> None:
    done = planned(profiled, profiled.declare(*(f'id: "0123456789abcd{number}"' for number in range(10, 30))))
    assert (done.code, "20 of 20 declarations find no token on URL (profile `prod`) (20 absent): " in done.err) == (
        ExitCode.INVALID, True,
    )  # fmt: skip
