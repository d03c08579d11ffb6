"""`apply`: exactly what was shown is sent, and nothing at all when anything stands in its way."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.apply.pace import Pacing
from reconciler.commands import apply, plan
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.shell import (
    ABSENT,
    ADMIN,
    BACKUP_2023,
    BACKUP_2024,
    BENCH,
    GATEWAY,
    GRAFANA,
    INGEST,
    LAPTOP,
    MANAGER,
    OPERATOR,
    Done,
    Shell,
    manager_who_sees_all,
    shell_on,
    texts,
)  # fmt: skip

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'
DEACTIVATE = f'id: "{BACKUP_2023}", name: backup-2023, status: inactive'
ACTIVATE = f'id: "{BACKUP_2024}", name: backup-2024, status: active'


def applied(shell: Shell, *files: str, flags: Flags | None = None, **request: object) -> Done:
    """Run `apply`; what starts with `with_` belongs to the surroundings."""
    around = {key.removeprefix("with_"): request.pop(key) for key in list(request) if key.startswith("with_")}
    sources = Sources(files=files, select=request.pop("select", ()), allow=request.pop("allow", ()))  # type: ignore[arg-type]
    options = SendingOptions(**request)  # type: ignore[arg-type]
    return shell.call(lambda context: apply.run(sources, flags or Flags(), options, context), **around)  # type: ignore[arg-type]


def saved(shell: Shell, *tokens: str, allow: tuple[Guard, ...] = (), name: str = "plan.json") -> str:
    """Save the plan for these declarations and give its path."""
    path = str(shell.folder / name)
    sources = Sources(files=[shell.declare(*tokens)], allow=allow)
    shell.call(lambda context: plan.run(plan.PlanRequest(sources=sources, flags=Flags(), out=path), context))
    shell.sent()
    return path


def digest(shell: Shell, *tokens: str) -> str:
    """The digest of the plan for these declarations."""
    found: str = json.loads(Path(saved(shell, *tokens)).read_text())["digest"]
    return found


def test_as_many_patches_are_sent_as_there_are_changes_and_the_report_names_each(shell: Shell) -> None:
    file = shell.declare(DESCRIBE, DEACTIVATE, ACTIVATE, f'id: "{GATEWAY}", status: inactive')
    done = applied(shell, file, yes=True, allow=(Guard.REACTIVATION,))
    sent = shell.sent()
    named = (BACKUP_2023, BACKUP_2024, GATEWAY, GRAFANA)
    assert sorted(sent[:4]) == sorted(f"GET /api/v2/authorizations/{each}" for each in named)
    assert sent[4:] == [
        "GET /api/v2/authorizations",
        *(f"PATCH /api/v2/authorizations/{each}" for each in (BACKUP_2024, GRAFANA, BACKUP_2023)),
        "GET /api/v2/authorizations",
    ]
    assert done == Done(
        ExitCode.OK,
        "acme · URL · InfluxDB 2.7.12 · 12 tokens, 4 declared\n"
        "\n"
        f"  + activate    backup-2024  {BACKUP_2024}  ci-bot   DIR/tokens.yaml:5\n"
        '      described    "backup 2024"\n'
        "      status       inactive → active\n"
        "      rights       reads all buckets of acme\n"
        f"  ~ describe    grafana      {GRAFANA}  grafana  DIR/tokens.yaml:3\n"
        '      description  "grafana dashbord" → "dashboard"\n'
        "      rights       reads all buckets of acme\n"
        f"  - deactivate  backup-2023  {BACKUP_2023}  ci-bot   DIR/tokens.yaml:4\n"
        '      described    "backup 2023"\n'
        "      status       active → inactive\n"
        "      rights       reads all buckets of acme\n"
        "\n"
        "Warning: DIR/tokens.yaml:5:49: guard `reactivation` is waived: nobody reviewed this run, and it would activate "
        f"`backup-2024` (`backup 2024`) {BACKUP_2024}: somebody may have switched that off on purpose\n"
        "\n"
        "Plan: 1 to activate, 1 to deactivate, 1 to describe, 1 unchanged.\n"
        "Digest DIGEST\n"
        "\n"
        "Done:\n"
        f'  + activate    backup-2024  {BACKUP_2024}  "backup 2024"\n'
        f'  ~ describe    grafana      {GRAFANA}  "grafana dashbord"\n'
        f'  - deactivate  backup-2023  {BACKUP_2023}  "backup 2023"\n'
        "\n"
        "Apply: 3 done, 0 failed, 0 unverified, 0 not attempted.\n"
        f"Journal DIR/state/tokenctl/{_journal(shell).name}\n",
        "",
    )
    again = applied(shell, file, yes=True)
    assert (again.code, len(shell.sent())) == (ExitCode.OK, len(named))
    assert "No changes: 4 managed tokens as declared." in again.out


def _journal(shell: Shell) -> Path:
    (found,) = (shell.folder / "state" / "tokenctl").iterdir()
    return found


def test_the_journal_has_the_run_and_lies_where_it_is_told_to(shell: Shell, tmp_path: Path) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True, journal=str(tmp_path / "here"))
    (path,) = (tmp_path / "here").iterdir()
    header, *events = [json.loads(line) for line in path.read_text().splitlines()]
    assert (header["event"], header["files"], header["server"]["url"]) == (
        "header",
        [str(tmp_path / "tokens.yaml")],
        shell.sandbox.url,
    )
    assert [each["event"] for each in events] == ["intent", "result", "summary"]
    assert not (tmp_path / "state").exists()


def test_without_a_usable_state_folder_the_journal_lies_in_the_users_home(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True, with_environment={"XDG_STATE_HOME": "relative"})
    assert len(list((shell.folder / "home" / ".local" / "state" / "tokenctl").iterdir())) == 1


@pytest.fixture(params=["saved", "expected"])
def reviewed(request: pytest.FixtureRequest) -> Callable[..., Done]:
    """Apply a plan that was reviewed: from its file, or by its digest."""

    def run(shell: Shell, *tokens: str) -> Done:
        path = saved(shell, *tokens)
        expected = json.loads(Path(path).read_text())["digest"]
        if request.param == "saved":
            return applied(shell, path, yes=True)
        return applied(shell, str(shell.folder / "tokens.yaml"), expect=expected, yes=True)

    return run


def test_a_run_that_nobody_reviewed_undoes_no_emergency(shell: Shell, reviewed: Callable[..., Done]) -> None:
    declaration = f'id: "{INGEST}", name: ingest, status: active'
    shell.sandbox.change(INGEST, status="inactive")
    done = applied(shell, shell.declare(declaration), yes=True)
    assert (done.code, shell.patches()) == (ExitCode.REFUSED, [])
    assert (
        f"Refused by guard `reactivation`: DIR/tokens.yaml:3:44: nobody reviewed this run, and it would activate "
        f"`ingest` {INGEST}: somebody may have switched that off on purpose\n" in done.out
    )
    assert done.err == "nothing was sent: refused by `reactivation`\n  hint: each way out is named above\n"
    assert reviewed(shell, declaration).code == ExitCode.OK
    assert shell.patches() == [INGEST]


def test_a_person_who_looks_at_the_plan_reviews_it(shell: Shell) -> None:
    done = applied(shell, shell.declare(ACTIVATE), with_interactive=True, with_stdin=b" yes\n")
    assert (done.code, shell.patches()) == (ExitCode.OK, [BACKUP_2024])
    assert done.err == "Send 1 change to URL? Only `yes` does it: "


@pytest.mark.parametrize("answer", [b"no\n", b"y\n", b"YES\n", b"\n", b"", b"\xff\n", b"yes please\n"])
def test_anything_but_yes_sends_nothing(shell: Shell, answer: bytes) -> None:
    done = applied(shell, shell.declare(DESCRIBE), with_interactive=True, with_stdin=answer)
    assert (done.code, shell.patches()) == (ExitCode.CANCELLED, [])
    assert done.err.endswith("nothing was sent: the answer was not `yes`\n")


def test_nobody_to_ask_sends_nothing(shell: Shell) -> None:
    done = applied(shell, shell.declare(DESCRIBE), with_stdin=b"yes\n")
    assert (done.code, shell.patches()) == (ExitCode.CANCELLED, [])
    assert done.err == (
        "nothing was sent: there is no terminal to ask on\n  hint: agree beforehand with `--yes`\n"
    )  # fmt: skip


def test_nothing_to_do_needs_nobody_to_ask(shell: Shell) -> None:
    assert applied(shell, shell.declare(f'id: "{INGEST}", status: active')).code == ExitCode.OK


CHANGES_MEANWHILE: list[tuple[Callable[[Shell], object], str]] = [
    (
        lambda shell: shell.sandbox.change(GRAFANA, description="theirs"),
        "description was `grafana dashbord` and is `theirs`; updatedAt was `BEFORE` and is `AFTER`",
    ),
    (
        lambda shell: shell.sandbox.change(GRAFANA, status="inactive"),
        "status was `active` and is `inactive`; updatedAt was `BEFORE` and is `AFTER`",
    ),
    (lambda shell: shell.sandbox.change(GRAFANA), "updatedAt was `BEFORE` and is `AFTER`"),
    (lambda shell: shell.sandbox.delete(GRAFANA), "it is absent now (authorization not found)"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES_MEANWHILE)
def test_a_saved_plan_that_fits_no_more_sends_nothing_and_says_why(
    shell: Shell, change: Callable[[Shell], object], reason: str
) -> None:
    path = saved(shell, DESCRIBE, DEACTIVATE)
    change(shell)
    done = applied(shell, path, yes=True)
    assert (done.code, done.out, shell.patches()) == (ExitCode.STALE, "", [])
    told = done.err.replace("2024-06-03T08:34:57.001Z", "BEFORE").replace("2026-01-01T00:00:04Z", "AFTER")
    assert told == (
        f"`grafana` (`grafana dashbord`) {GRAFANA} is not as it was planned: {reason}\n  hint: make a new plan and review it\n"
    )
    assert not (shell.folder / "state").exists()


@pytest.mark.parametrize(("change", "_"), CHANGES_MEANWHILE)
def test_a_digest_that_fits_no_more_sends_nothing(shell: Shell, change: Callable[[Shell], object], _: str) -> None:
    expected = digest(shell, DESCRIBE, DEACTIVATE)
    change(shell)
    done = applied(shell, str(shell.folder / "tokens.yaml"), expect=expected, yes=True)
    assert done.code in (ExitCode.STALE, ExitCode.INVALID)  # a deleted token is absent before it is stale
    assert shell.patches() == []


def test_a_saved_plan_names_every_token_that_moved(shell: Shell) -> None:
    path = saved(shell, DESCRIBE, DEACTIVATE, f'id: "{INGEST}", description: x')
    shell.sandbox.change(GRAFANA, description="theirs")
    shell.sandbox.delete(BACKUP_2023)
    done = applied(shell, path, yes=True)
    assert shell.sent() == ["GET /api/v2/authorizations", f"GET /api/v2/authorizations/{BACKUP_2023}"]
    assert done.code == ExitCode.STALE
    assert [each in done.err for each in (GRAFANA, BACKUP_2023, INGEST)] == [True, True, False]


def test_a_plan_other_than_the_expected_one_sends_nothing(shell: Shell) -> None:
    expected = digest(shell, DESCRIBE)
    done = applied(shell, shell.declare(DESCRIBE, DEACTIVATE), expect=expected, yes=True)
    assert (done.code, shell.patches()) == (ExitCode.STALE, [])
    assert done.err.startswith("this is not the plan that was reviewed: its digest is DIGEST, not DIGEST\n")
    assert applied(shell, saved(shell, DESCRIBE), expect=expected, yes=True).code == ExitCode.OK
    assert applied(shell, saved(shell, DEACTIVATE), expect=expected, yes=True).code == ExitCode.STALE


@pytest.mark.parametrize("name", ["tfplan", "plan.out", "PLAN.JSON", "plan.toml"])
def test_a_saved_plan_is_known_whatever_it_is_called(shell: Shell, name: str) -> None:
    assert applied(shell, saved(shell, DESCRIBE, name=name), yes=True).code == ExitCode.OK
    assert shell.patches() == [GRAFANA]
    done = applied(shell, saved(shell, DESCRIBE, name=name), shell.declare(DESCRIBE), yes=True)
    assert (done.code, done.err) == (ExitCode.USAGE, "a saved plan stands alone: name one, or only manifests\n")


def test_a_saved_plan_that_was_written_anew_or_broken_is_told_as_one(shell: Shell) -> None:
    text = Path(saved(shell, DESCRIBE)).read_text()
    sorted_keys = shell.write("\ufeff" + json.dumps(json.loads(text), sort_keys=True), "sorted")
    cut = shell.write(text[:300], "cut")
    assert applied(shell, sorted_keys, yes=True).code == ExitCode.OK
    done = applied(shell, cut, yes=True)
    assert (done.code, done.err.splitlines()[0]) == (ExitCode.INVALID, "DIR/cut is no plan: it is not JSON")


def test_a_manifest_that_is_json_is_one_whatever_it_is_called(shell: Shell) -> None:
    content = {"version": 1, "tokens": [{"id": GRAFANA, "description": '"format_version": 1'}]}
    for name in ("tokens.json", "tokens"):
        assert applied(shell, shell.write(json.dumps(content), name), yes=True).code == ExitCode.OK
    assert shell.patches() == [GRAFANA]


def test_a_manifest_that_became_a_plan_is_not_sent_unless_somebody_agrees_to_that_plan(shell: Shell) -> None:
    path = str(Path(saved(shell, DESCRIBE, allow=(Guard.SELF,))).replace(shell.folder / "plan.yaml"))
    done = applied(shell, path, yes=True)
    assert (done.code, shell.sent()) == (ExitCode.USAGE, [])
    assert done.err == (
        "DIR/plan.yaml is a saved plan that is called like a manifest, and nobody is asked\n"
        "  hint: say which plan was reviewed with `--expect DIGEST`, or call it `plan.json`\n"
    )
    assert applied(shell, path, with_interactive=True, with_stdin=b"no\n").code == ExitCode.CANCELLED
    assert applied(shell, path, yes=True, expect=json.loads(Path(path).read_text())["digest"]).code == ExitCode.OK


def test_a_saved_plan_on_standard_input_is_named_and_a_pipe_is_not_waited_for(shell: Shell) -> None:
    content = Path(saved(shell, DESCRIBE)).read_bytes()
    done = applied(shell, "-", yes=True, with_stdin=content)
    assert (done.code, done.err) == (
        ExitCode.INVALID,
        "<stdin>:1:1: this is a saved plan and no manifest\n"
        "  hint: `tokenctl apply FILE` sends it, `tokenctl show FILE` draws it\n",
    )
    os.mkfifo(shell.folder / "pipe")
    assert applied(shell, str(shell.folder / "pipe"), yes=True).code == ExitCode.INVALID
    assert shell.sent() == []


def test_a_plan_for_another_server_sends_nothing(shell: Shell, tmp_path: Path) -> None:
    path = saved(shell, DESCRIBE)
    with shell_on(tmp_path) as other:
        done = applied(other, path, yes=True)
        assert other.sent() == []
    assert done.code == ExitCode.STALE
    assert "but this run would talk to URL" in done.err


BAD_INPUT: list[tuple[Callable[[Shell], Done], ExitCode]] = [
    (lambda shell: applied(shell, shell.write("version: 2\n"), yes=True), ExitCode.INVALID),
    (lambda shell: applied(shell, shell.write("{}", "plan.json"), yes=True), ExitCode.INVALID),
    (lambda shell: applied(shell, str(shell.folder / "none.json"), yes=True), ExitCode.ERROR),
    (lambda shell: applied(shell, shell.declare(f'id: "{ABSENT}"'), yes=True), ExitCode.INVALID),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, DESCRIBE), yes=True), ExitCode.INVALID),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, "match: {user: user2}"), yes=True), ExitCode.INVALID),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, f'id: "{OPERATOR}", status: inactive'), yes=True), ExitCode.REFUSED),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, DEACTIVATE + ", protected: true"), yes=True), ExitCode.REFUSED),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, head="unmanaged: fail\n"), yes=True), ExitCode.REFUSED),
    (lambda shell: applied(shell, shell.declare(DESCRIBE, DEACTIVATE, head="guards: {max_deactivations: 0}\n"), yes=True), ExitCode.REFUSED),
    (lambda shell: applied(shell, saved(shell, DESCRIBE), "tokens.yaml", yes=True), ExitCode.USAGE),
    (lambda shell: applied(shell, saved(shell, DESCRIBE), select=("grafana",), yes=True), ExitCode.USAGE),
    (lambda shell: applied(shell, saved(shell, DESCRIBE), allow=(Guard.SELF,), yes=True), ExitCode.USAGE),
    (lambda shell: applied(shell, shell.declare(DESCRIBE), flags=Flags(self_id="x"), yes=True), ExitCode.USAGE),
    (lambda shell: applied(shell, shell.declare(DESCRIBE), yes=True, with_environment={"INFLUX_TOKEN": "FAKE"}), ExitCode.AUTH),
    (lambda shell: applied(shell, shell.declare(DESCRIBE), yes=True, journal="/dev/null/x"), ExitCode.ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("run", "code"), BAD_INPUT)
def test_bad_input_sends_nothing_and_loses_nothing(shell: Shell, run: Callable[[Shell], Done], code: ExitCode) -> None:
    done = run(shell)
    assert (done.code, shell.patches()) == (code, [])
    assert done.err


def test_the_own_token_goes_last_when_that_is_allowed(shell: Shell) -> None:
    file = shell.declare(f'id: "{OPERATOR}", status: inactive', DEACTIVATE, DESCRIBE)
    done = applied(shell, file, yes=True, allow=(Guard.SELF, Guard.MIN_MANAGERS))
    assert (done.code, shell.patches()) == (ExitCode.OK, [GRAFANA, BACKUP_2023, OPERATOR])
    assert applied(shell, file, yes=True).code == ExitCode.AUTH


@pytest.mark.parametrize(
    ("self_id", "code", "patched"),
    [(OPERATOR, ExitCode.OK, [GRAFANA, MANAGER, OPERATOR]), ("", ExitCode.PARTIAL, [GRAFANA, OPERATOR])],
    ids=["known", "not known"],
)
@pytest.mark.parametrize("reviewed", [False, True])
def test_the_own_token_is_last_of_the_managers_or_ends_the_run(
    tmp_path: Path, self_id: str, code: ExitCode, patched: list[str], reviewed: bool
) -> None:
    with shell_on(tmp_path, version="2.9.1") as shell:
        both = [f'id: "{each}", status: inactive' for each in (OPERATOR, MANAGER)]
        allow, flags = (Guard.SELF, Guard.MIN_MANAGERS), Flags(self_id=self_id)
        if reviewed:
            done = applied(shell, saved(shell, *both, DESCRIBE, allow=allow), yes=True, flags=flags)
        else:
            done = applied(shell, shell.declare(*both, DESCRIBE), yes=True, allow=allow, flags=flags)
        assert (done.code, shell.patches()) == (code, patched), done
    assert ("Stopped early: " in done.out) == (code is ExitCode.PARTIAL)
    if code is ExitCode.PARTIAL:
        assert f" {OPERATOR} was the token that this run signs in with\n" in done.out
        assert "Not attempted:\n  - deactivate  " in done.out.replace(MANAGER, "")


def reader_of_all() -> Seed:
    """The world in which acme's manager may see everything, and change nothing."""
    seed = default_seed()
    rights = tuple(Permission("read", kind, "", "") for kind in ("authorizations", "users", "orgs"))
    return replace(
        seed, tokens=tuple(replace(each, permissions=rights) if each.id == MANAGER else each for each in seed.tokens)
    )


def test_credentials_that_may_only_read_change_nothing_and_the_report_says_so(tmp_path: Path) -> None:
    with shell_on(tmp_path, seed=reader_of_all(), caller=MANAGER) as shell:
        ids = [each.id for each in shell.sandbox.tokens if each.id != MANAGER]
        before = shell.sandbox.tokens
        done = applied(shell, shell.declare(*(f'id: "{each}", description: x' for each in ids)), yes=True)
        assert (done.code, shell.sandbox.tokens) == (ExitCode.AUTH, before)
        assert 0 < len(shell.patches()) <= Pacing().parallelism
    assert "\nStopped early: your token lacks `write` on `authorizations`" in done.out
    assert " 0 done, " in done.out
    assert " not attempted. Nothing was changed.\n" in done.out
    (path,) = (tmp_path / "state" / "tokenctl").iterdir()
    assert json.loads(path.read_text().splitlines()[-1])["reason"] == "auth"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("too-many-requests", ExitCode.UNREACHABLE),
        ("error-before", ExitCode.UNREACHABLE),
        ("overloaded", ExitCode.UNREACHABLE),
        ("bad-gateway", ExitCode.PARTIAL),  # behind a proxy that says so the change may still be made
    ],
)
def test_a_server_that_refuses_each_change_has_changed_nothing(shell: Shell, fault: str, code: ExitCode) -> None:
    shell.sandbox.fail(Fault(fault, "PATCH", 1000))
    done = applied(shell, shell.declare(DESCRIBE), yes=True)
    assert done.code == code
    assert ("Nothing was changed." in done.out) == (code is not ExitCode.PARTIAL)


def test_a_server_that_is_gone_when_it_is_to_be_changed_was_not_changed(shell: Shell) -> None:
    class Leaving(io.BytesIO):
        """While the question waits for its answer the server goes away."""

        def readline(self, size: int | None = -1, /) -> bytes:
            shell.sandbox.close()
            return b"yes\n"

    done = applied(shell, shell.declare(DESCRIBE, DEACTIVATE), with_interactive=True, with_stdin=Leaving())
    assert done.code == ExitCode.UNREACHABLE
    assert "Nothing was changed." in done.out


def test_whose_credentials_these_are_is_asked_again_when_a_saved_plan_is_applied(tmp_path: Path) -> None:
    with shell_on(tmp_path, version="2.9.1") as shell:
        path = saved(shell, f'id: "{OPERATOR}", status: inactive', allow=(Guard.SELF, Guard.MIN_MANAGERS))
        done = applied(shell, path, yes=True)
        assert (done.code, shell.sent()[:3]) == (
            ExitCode.OK,
            ["GET /api/v2/authorizations", "GET /api/v2/me", f"GET /api/v2/users/{ADMIN}"],
        )


def test_what_the_server_refuses_midway_is_reported_by_name(tmp_path: Path) -> None:
    with shell_on(tmp_path, seed=manager_who_sees_all(), caller=MANAGER) as shell:
        file = shell.declare(DESCRIBE, DEACTIVATE, f'id: "{BENCH}", name: bench, description: x')
        done = applied(shell, file, yes=True, pacing=Pacing(parallelism=1))  # else the refusal may come first
    assert done.code == ExitCode.PARTIAL
    assert f'Done:\n  ~ describe    grafana      {GRAFANA}  acme      "grafana dashbord"\n' in done.out
    assert f'Failed:\n  ~ describe    bench        {BENCH}  edge-lab  "lab bench"\n' in done.out
    assert f'Not attempted:\n  - deactivate  backup-2023  {BACKUP_2023}  acme      "backup 2023"\n' in done.out
    assert "\nApply: 1 done, 1 failed, 0 unverified, 1 not attempted.\n" in done.out


def test_no_file_of_a_run_holds_a_secret(shell: Shell) -> None:
    applied(shell, saved(shell, DESCRIBE, DEACTIVATE), yes=True)
    assert len(texts(shell.folder)) == 3
    assert not [text for text in texts(shell.folder) if "FAKE-" in text]


def test_the_documentations_own_example_finds_the_first_of_user2_again(shell: Shell) -> None:
    file = shell.declare(
        "name: gone, match: {user: user2}, pick: first, description: deactivated_auth, status: inactive"
    )
    assert applied(shell, file, yes=True).code == ExitCode.OK
    assert shell.patches() == [LAPTOP]
    assert applied(shell, file, yes=True).code == ExitCode.OK
    assert shell.patches() == []


def test_a_run_that_does_not_come_to_its_end_says_how_it_goes_on(shell: Shell) -> None:
    refused = Fault("error-before", "PATCH", 9)
    with shell_on(shell.folder, faults=[refused]) as broken:
        file = saved(broken, DESCRIBE)
        told = [
            applied(broken, broken.declare(DESCRIBE), yes=True).out.splitlines()[-1],
            applied(broken, file, yes=True).out.splitlines()[-1],
        ]
    assert told == [
        "Run it again to go on: what is done is no longer in the plan.",
        "Make a new plan to go on: once anything is changed, this one fits no longer.",
    ]
    shell.environment["INFLUX_HOST"] = "http://127.0.0.1:1"
    gone = applied(shell, shell.declare(DESCRIBE), yes=True)
    assert gone.code == ExitCode.UNREACHABLE
    assert gone.err.splitlines()[-2:] == [
        "nothing was sent: no connection to URL: nothing listens there; given up after 4 attempts",
        "  hint: check the URL (--url, INFLUX_HOST) and that the server runs; run it again to go on",
    ]
