"""`plan`: what it asks for, what it says, and that it cannot write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.commands import plan, show
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.render.formats import PROBLEM_FORMATS
from reconciler.sandbox.faults import Fault
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.canary import LISTED
from tests.liar import Exchange, liar
from tests.shell import (
    ABSENT,
    ADMIN,
    BACKUP_2023,
    BENCH,
    CI_BOT,
    GRAFANA,
    INGEST,
    LAPTOP,
    MANAGER,
    OPERATOR,
    PHONE,
    Done,
    Shell,
    secret,
    shell_on,
)  # fmt: skip

LIST = "GET /api/v2/authorizations"
DESCRIBE = f'id: "{GRAFANA}", description: dashboard'
DEACTIVATE = f'id: "{BACKUP_2023}", status: inactive'


def planned(shell: Shell, *files: str, flags: Flags | None = None, **request: object) -> Done:
    """Run `plan`."""
    sources = Sources(files=files, select=request.pop("select", ()), allow=request.pop("allow", ()))  # type: ignore[arg-type]
    made = plan.PlanRequest(sources=sources, flags=flags or Flags(), **request)  # type: ignore[arg-type]
    return shell.call(lambda context: plan.run(made, context))


@pytest.mark.parametrize(
    ("name", "waits", "said"),
    [
        ("bad-gateway", [0.25, 0.5], "answered 502 with a web page"),
        ("too-many-requests", [1.0, 1.0], "limits requests: 429 org has exceeded its rate limit"),
    ],
)
def test_a_plan_reads_again_what_failed_and_may_pass(tmp_path: Path, name: str, waits: list[float], said: str) -> None:
    with shell_on(tmp_path, faults=[Fault(name, "GET", 2)]) as shell:
        done = planned(shell, shell.declare(DESCRIBE))
        assert (done.code, shell.sent(), shell.waits) == (ExitCode.OK, [f"{LIST}/{GRAFANA}"] * 3, waits)
    assert done.err == "".join(f"URL {said}; asking again in {wait:.1f} s\n" for wait in waits)


def test_a_plan_that_deactivates_takes_a_list_and_shows_what_would_change(shell: Shell) -> None:
    file = shell.declare(DESCRIBE + ", name: grafana", DEACTIVATE, f'id: "{LAPTOP}", status: active')
    done = planned(shell, file)
    assert sorted(shell.sent()) == [LIST, *(f"{LIST}/{each}" for each in (LAPTOP, GRAFANA, BACKUP_2023))]
    assert done == Done(
        ExitCode.OK,
        "acme · URL · InfluxDB 2.7.12 · 12 tokens, 3 declared\n"
        "\n"
        f"  ~ describe    grafana        {GRAFANA}  grafana  DIR/tokens.yaml:3\n"
        '      description  "grafana dashbord" → "dashboard"\n'
        "      rights       reads all buckets of acme\n"
        f'  - deactivate  "backup 2023"  {BACKUP_2023}  ci-bot   DIR/tokens.yaml:4\n'
        "      status       active → inactive\n"
        "      rights       reads all buckets of acme\n"
        "\n"
        "Plan: 0 to activate, 1 to deactivate, 1 to describe, 1 unchanged.\n"
        "Digest DIGEST\n",
        "",
    )


def test_what_cannot_be_read_is_told_apart(tmp_path: Path) -> None:
    with shell_on(tmp_path, caller=MANAGER) as shell:
        file = shell.declare(f'id: "{ABSENT}", status: active', f'id: "{BENCH}", status: active')
        done = planned(shell, file)
        assert shell.sent() == [f"{LIST}/{ABSENT}", f"{LIST}/{BENCH}", LIST]  # no id is asked for twice
    assert done.code == ExitCode.AUTH
    assert done.out == ""
    assert "DIR/tokens.yaml:3:" in done.err
    assert "DIR/tokens.yaml:4:" in done.err


def test_whose_credentials_these_are_is_asked_once_and_only_when_it_matters(tmp_path: Path) -> None:
    with shell_on(tmp_path, version="2.9.1") as shell:
        planned(shell, shell.declare(DEACTIVATE))
        assert shell.sent() == [f"{LIST}/{BACKUP_2023}", LIST]
        done = planned(shell, shell.declare(f'id: "{OPERATOR}", status: inactive'))
        owners = [f"GET /api/v2/users/{each}" for each in (ADMIN, CI_BOT)]  # of the one that goes, of one that stays
        assert shell.sent() == [f"{LIST}/{OPERATOR}", LIST, "GET /api/v2/me", *owners]
        assert done.code == ExitCode.REFUSED
        assert "Refused by guard `self`" in done.out
        told = planned(shell, str(tmp_path / "tokens.yaml"), flags=Flags(self_id=MANAGER))
        named = [f"{LIST}/{each}" for each in (OPERATOR, MANAGER)]
        assert shell.sent() == [*named, "GET /api/v2/me", LIST, *owners]
        assert "Refused by guard `self`" not in told.out


def test_changes_may_be_told_by_the_exit_code(shell: Shell) -> None:
    file = shell.declare(DESCRIBE)
    assert planned(shell, file).code == ExitCode.OK
    assert planned(shell, file, detailed_exitcode=True).code == ExitCode.CHANGES
    assert planned(shell, shell.declare(f'id: "{GRAFANA}"'), detailed_exitcode=True).code == ExitCode.OK


def test_a_refused_plan_is_shown_and_saved_and_ends_with_that_code(shell: Shell) -> None:
    file = shell.declare(f'id: "{OPERATOR}", status: inactive')
    saved = shell.folder / "plan.json"
    done = planned(shell, file, out=str(saved), detailed_exitcode=True)
    assert done.code == ExitCode.REFUSED
    assert done.err == "Saved to DIR/plan.json\n"
    assert json.loads(saved.read_text())["reason"] == "refused"
    again = shell.call(lambda context: show.run([str(saved)], None, (), context))
    assert again == Done(ExitCode.REFUSED, done.out, "")
    waived = planned(shell, file, allow=(Guard.SELF, Guard.MIN_MANAGERS))
    assert waived.code == ExitCode.OK
    assert "guard `self` is waived" in waived.out


def test_a_selection_plans_a_part(shell: Shell) -> None:
    file = shell.declare(DESCRIBE + ", labels: {team: web}", DEACTIVATE, head="unmanaged: fail\n")
    done = planned(shell, file, select=("team=web",))
    assert done.code == ExitCode.OK
    assert "Plan: 0 to activate, 0 to deactivate, 1 to describe, 0 unchanged.\n" in done.out
    assert planned(shell, file).code == ExitCode.REFUSED
    assert planned(shell, file, select=("nobody",)).code == ExitCode.USAGE


def test_a_run_may_be_limited_to_one_organisation(shell: Shell) -> None:
    file = shell.declare("match: {user: mira, description: lab bench}, pick: all, status: inactive")
    done = planned(shell, file, flags=Flags(org="edge-lab"))
    assert shell.sent() == [LIST + "?org=edge-lab"]
    assert done.out.startswith("edge-lab · URL · InfluxDB 2.7.12 · 3 tokens, 1 declared\n")
    assert planned(shell, file, flags=Flags(org="nobody")).code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("head", "flags", "message"),
    [
        (
            "server: {url: https://other.example}\n",
            Flags(),
            "the file is for https://other.example, but this run would talk to URL\n"
            "  hint: the file never chooses the server: set INFLUX_HOST or --url, or correct `server.url`\n",
        ),
        (
            "server: {org: acme}\n",
            Flags(org="edge-lab"),
            "the file is for organisation `acme`, but this run is limited to `edge-lab`\n"
            "  hint: set INFLUX_ORG or --org accordingly, or correct `server.org`\n",
        ),
    ],
)
def test_a_file_for_another_server_is_refused_before_anything_is_sent(
    shell: Shell, head: str, flags: Flags, message: str
) -> None:
    assert planned(shell, shell.declare(DESCRIBE, head=head), flags=flags) == Done(ExitCode.REFUSED, "", message)
    assert shell.sent() == []


def test_the_servers_url_is_compared_and_not_its_spelling(shell: Shell) -> None:
    head = f"server: {{url: '{shell.sandbox.url}/', org: acme}}\n"
    assert planned(shell, shell.declare(DESCRIBE, head=head), flags=Flags(org="acme")).code == ExitCode.OK


@pytest.mark.parametrize(("policy", "code"), [("ignore", 0), ("warn", 0), ("fail", 4)])
def test_a_list_that_lacks_what_can_be_read_says_nothing_of_other_tokens(shell: Shell, policy: str, code: int) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path.partition("?")[0] != "/api/v2/authorizations":
            return None
        kept = [each for each in exchange.document["authorizations"] if each["id"] == INGEST]
        return [exchange.answer(body={**exchange.document, "authorizations": kept})]

    file = shell.declare(*(f'id: "{each}"' for each in (INGEST, GRAFANA)), head=f"unmanaged: {policy}\n")
    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        done = planned(shell, file)
        other = planned(shell, file, flags=Flags(org="edge-lab"))
    said = f"the list of tokens lacks 1 token that can be read by id: {GRAFANA}"
    assert (done.code, said in done.out) == (code, policy != "ignore")
    assert said not in other.out


def test_a_warning_of_the_file_is_talk(shell: Shell) -> None:
    done = planned(shell, shell.declare("id: 1234567812345678, status: active", head="absent: warn\n"))
    assert done.err.startswith("Warning: DIR/tokens.yaml:4:10: ")


def test_a_wrong_secret_is_named_by_nothing_of_it(shell: Shell) -> None:
    file = shell.declare(DESCRIBE)
    shell.environment["INFLUX_TOKEN"] = "FAKE-wrong"
    done = planned(shell, file)
    assert done.code == ExitCode.AUTH
    assert "FAKE" not in done.out + done.err
    assert secret(OPERATOR) not in done.err


def test_phone_and_laptop_are_one_users(shell: Shell) -> None:
    done = planned(shell, shell.declare("match: {user: user2}, status: inactive"))
    assert done.code == ExitCode.INVALID
    assert f"`match` finds 2 tokens: `laptop` {LAPTOP}, `phone` {PHONE}" in done.err


@pytest.mark.parametrize("entry", [
    'id: "{id}", description: "<{secret}>"', 'id: "{id}", name: "{secret}"', 'id: "{id}", labels: {{team: "{secret}"}}',
    'match: {{user: "{secret}"}}', 'match: {{org: acme, description: "{secret}"}}',
])  # fmt: skip
def test_a_file_with_the_token_to_sign_in_with_is_refused_without_it(shell: Shell, entry: str) -> None:
    secret = shell.environment["INFLUX_TOKEN"] = "my-admin-token-of-docker-compose"
    done = planned(shell, shell.declare(f'id: "{GRAFANA}"', entry.format(id=INGEST, secret=secret)))
    assert (done.code, done.out, shell.sent()) == (ExitCode.INVALID, "", [])
    column = Path(shell.folder, "tokens.yaml").read_text().splitlines()[3].index(secret) + 1
    assert done.err == (
        f"DIR/tokens.yaml:4:{column}: this is the token that you sign in with\n"
        "  hint: remove it here and from the history, and replace that token on the server\n"
    )


@pytest.mark.parametrize(("text", "place"), [
    ("# {own}\nversion: 1\ntokens: []\n", "1:3"),
    ("version: 1\ntokens: []  # {own}\n", "2:15"),
    ("version: 1\n# {own:.20}\n#   {rest}\ntokens: []\n", "2:7"),
    ("version: 1\nserver: {{org: {own}}}\ntokens: []\n", "2:15"),
])  # fmt: skip
def test_the_token_to_sign_in_with_may_stand_nowhere_in_a_file(shell: Shell, text: str, place: str) -> None:
    shell.here = True
    own = shell.environment["INFLUX_TOKEN"] = "my-admin-token-of-docker-compose-with-many-words"
    file = shell.write(text.format(own=own, rest=own[20:]))
    problem = "this is the token that you sign in with"
    assert planned(shell, file).err.startswith(f"DIR/tokens.yaml:{place}: {problem}\n")
    assert shell.run("plan", file).code == shell.run("apply", file, "--yes").code == ExitCode.INVALID
    assert f"{place}: {problem}" in shell.run("doctor", file).out
    assert shell.patches() == []


def test_an_escape_hides_no_token_to_sign_in_with(shell: Shell) -> None:
    own = shell.environment["INFLUX_TOKEN"] = "my-admin-token-of-docker-compose"
    done = planned(shell, shell.declare(f'id: "{GRAFANA}", description: "{own.replace("-", chr(92) + "u002D")}"'))
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert done.err.startswith("DIR/tokens.yaml:3:5: this declaration holds the token that you sign in with\n")


@pytest.mark.parametrize(("typed", "where"), [
    ("{}.yaml", "DIR/a: a name in this folder"), ("", "DIR/a: a name in this folder"),
    ("{}/tokens.yaml", "the path of a file"),
])  # fmt: skip
@pytest.mark.parametrize("held", [LISTED[0], LISTED[0][:-2], "my-admin-token-of-docker-compose"])
def test_a_file_whose_name_holds_a_secret_is_refused_without_it(
    shell: Shell, typed: str, where: str, held: str
) -> None:
    shell.here = True
    if held not in LISTED[0]:
        shell.environment["INFLUX_TOKEN"] = held
    shell.declare(f'id: "{GRAFANA}"', name=f"a/{(typed or '{}.yaml').format(held)}")
    path = f"{shell.folder}/a/{typed.format(held)}".rstrip("/")
    more = [f"--output={form}=report.{form}" for form in PROBLEM_FORMATS]
    done = shell.run("plan", path, "-o", "plan.json", "--quiet", *more)
    assert (done.code, done.out, shell.sent()) == (ExitCode.INVALID, "", [])
    assert done.err.startswith(f"{where} holds a token's secret\n")
    reports = [each.read_text() for each in shell.folder.glob("report.*")]
    assert len(reports) == len(PROBLEM_FORMATS)
    said = [done.err, *reports, shell.run("doctor", path).out]
    assert [text for text in said if held in text] == []
    assert not (shell.folder / "plan.json").exists()


def test_a_typed_name_with_a_secret_is_refused_where_it_stands_alone(shell: Shell) -> None:
    shell.here = True
    done = shell.run("validate", f"{LISTED[0]}.yaml")
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert done.err.startswith("the name of a file holds a token's secret\n")


def test_a_file_for_another_server_is_told_in_two_lines_that_name_the_server(shell: Shell) -> None:
    file = shell.declare(
        *(f'id: "0d3a5f0c1be4e{number:03x}", status: active' for number in range(30)), f'id: "{GRAFANA}"'
    )
    done = planned(shell, file)
    assert (done.code, len(done.err.splitlines())) == (ExitCode.INVALID, 2)
    assert done.err.startswith(
        "DIR/tokens.yaml:3:5: 30 of 31 declarations find no token on URL (30 absent): 0d3a5f0c1be4e000, "
    )
    assert "\n  hint: is that the right server? " in done.err
