"""What the base guards holds whatever the files of a change say: when planning, applying, and applying a saved plan."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.settings import Flags
from tests.branch import Branch
from tests.shell import ABSENT, BACKUP_2023, GATEWAY, GRAFANA, INGEST, MANAGER, OPERATOR, Done

OFF = f'id: "{BACKUP_2023}", status: inactive'
NO_MANAGER = f'id: "{MANAGER}", status: inactive'


def planned_and_applied(branch: Branch, **request: object) -> Done:
    """What `plan` says, after `apply` and `apply` of the saved plan refused the same and sent nothing."""
    done = branch.plan(out=str(branch.shell.folder / "plan.json"), **request)
    applied = branch.apply(**request)
    saved = branch.apply("plan.json", base=None)
    assert (applied.code, saved.code) == (done.code, done.code)
    if done.code == ExitCode.REFUSED:
        assert applied.out == saved.out == done.out
        assert branch.shell.patches() == []
    return done


@pytest.mark.parametrize(
    ("guard", "base", "token", "change", "said"),
    [
        (
            Guard.MAX_DEACTIVATIONS, "guards: {max_deactivations: 0}\n", "", ("guards: {max_deactivations: 9}\n", OFF),
            "1 of 1 managed tokens would be deactivated: the limit is 0 at `main`\n"
            "  hint: apply in smaller steps with `--select`, raise `guards.max_deactivations` in a change of its own, "
            "or use `--allow max_deactivations`",
        ),
        (
            Guard.MIN_MANAGERS, "guards: {min_managers: 2}\n", "", ("guards: {min_managers: 0}\n", NO_MANAGER),
            "at least 2 must stay at `main`\n  hint: keep or activate another manager whose owner is active, lower "
            "`guards.min_managers` in a change of its own, or use `--allow min_managers`",
        ),
        (
            Guard.PROTECTED, "", f'id: "{BACKUP_2023}", protected: true', ("", OFF),
            f"`backup 2023` {BACKUP_2023} is protected and may not be deactivated\n"
            "  hint: remove `protected: true` in a change of its own, or use `--allow protected`",
        ),
        (
            Guard.PROTECTED, "", "match: {user: ci-bot, description: backup 2023}, protected: true", ("", OFF),
            f"`backup 2023` {BACKUP_2023} is protected and may not be deactivated\n"
            "  hint: remove `protected: true` in a change of its own, or use `--allow protected`",
        ),
        (
            Guard.UNMANAGED, "unmanaged: fail\n", "", ("unmanaged: warn\n", OFF),
            "no declaration names 11 live tokens: ",
        ),
        (
            Guard.UNMANAGED, "unmanaged: fail\n", "", ("unmanaged: fail\nserver: {org: acme}\n", OFF),
            "no declaration names 8 live tokens: ",
        ),
    ],
)  # fmt: skip
def test_a_guard_of_the_base_holds_whatever_the_files_say(
    branch: Branch, guard: Guard, base: str, token: str, change: tuple[str, str], said: str
) -> None:
    head, entry = change
    branch.shell.write("version: 1\n" + base + (f"tokens: [{{{token}}}]\n" if token else ""))
    branch.checkout.commit()
    branch.shell.declare(entry, head=head)
    done = planned_and_applied(branch)
    assert done.code == ExitCode.REFUSED
    refused = [each for each in done.out.split("\n\n") if each.startswith(f"Refused by guard `{guard}`: ")]
    assert said in refused[0]
    waived = branch.plan(allow=(guard,))
    assert (waived.code, f"guard `{guard}` is waived" in waived.out) == (ExitCode.OK, True)


def test_without_a_base_the_files_set_their_own_guards(branch: Branch) -> None:
    branch.base(OFF, head="guards: {max_deactivations: 0}\n")
    branch.shell.declare(OFF, head="guards: {max_deactivations: 9}\n")
    assert branch.plan(base=None).code == ExitCode.OK
    assert branch.plan().code == ExitCode.REFUSED


def test_a_loosened_guard_holds_once_it_is_merged_in_a_change_of_its_own(branch: Branch) -> None:
    branch.base(f'id: "{BACKUP_2023}", protected: true')
    branch.shell.declare(f'id: "{BACKUP_2023}"')
    done = branch.plan()
    assert done.code == ExitCode.OK
    assert "! loosens a guard of the base" in done.out
    branch.checkout.commit()
    branch.shell.declare(OFF)
    assert branch.plan().code == ExitCode.OK


def test_more_declarations_do_not_raise_what_a_share_comes_to(branch: Branch) -> None:
    tokens = branch.shell.sandbox.tokens
    few, rest = tokens[:10], tokens[10:]
    branch.base(*(f'id: "{each.id}"' for each in few), head="guards: {max_deactivations: 10%}\n")
    off = {BACKUP_2023, GRAFANA}
    assert off <= {each.id for each in few}
    branch.shell.declare(
        *(f'id: "{each.id}"' + ", status: inactive" * (each.id in off) for each in (*few, *rest)),
        head="guards: {max_deactivations: 17%}\n",
    )
    assert branch.plan(base=None).code == ExitCode.OK
    done = planned_and_applied(branch)
    assert "2 of 12 managed tokens would be deactivated: the limit is 10% at `main`" in done.out
    branch.shell.sandbox.delete(rest[-1].id)
    branch.base(*(f'id: "{each.id}"' for each in few), head="guards: {max_deactivations: 19%}\n")
    branch.shell.declare(
        *(f'id: "{each.id}"' + ", status: inactive" * (each.id in off) for each in (*few, *rest[:-1])),
        head="guards: {max_deactivations: 100%}\n",
    )
    assert "2 of 10 managed tokens would be deactivated: the limit is 19% at `main`" in planned_and_applied(branch).out


def test_what_is_absent_is_as_grave_as_the_base_says(branch: Branch) -> None:
    branch.base(f'id: "{GRAFANA}"')
    branch.shell.declare(f'id: "{ABSENT}"', head="absent: warn\n")
    assert branch.plan(base=None).code == ExitCode.OK
    done = branch.plan()
    assert (done.code, f"the server has no token {ABSENT}" in done.err) == (ExitCode.INVALID, True)


@pytest.mark.parametrize(
    ("block", "flags", "said"),
    [
        (
            "{url: https://other.example}", Flags(),
            "the file at `main` is for https://other.example, but this run would talk to URL\n"
            "  hint: the file never chooses the server: set INFLUX_HOST or --url, or change `server.url` in a change of "
            "its own\n",
        ),
        (
            "{org: acme}", Flags(org="edge-lab"),
            "the file at `main` is for organisation `acme`, but this run is limited to `edge-lab`\n"
            "  hint: set INFLUX_ORG or --org accordingly, or change `server.org` in a change of its own\n",
        ),
    ],
)  # fmt: skip
def test_the_server_is_the_one_that_the_base_asserts(branch: Branch, block: str, flags: Flags, said: str) -> None:
    branch.base(OFF, head=f"server: {block}\n")
    branch.shell.declare(OFF)
    assert branch.plan(flags=flags) == Done(ExitCode.REFUSED, "", said)
    if not flags.org:
        assert branch.apply() == Done(ExitCode.REFUSED, "", said)
    assert branch.shell.sent() == []


def test_declared_tokens_belong_to_the_organisation_that_the_base_asserts(branch: Branch) -> None:
    branch.base(OFF, head="server: {org: edge-lab}\n")
    branch.shell.declare(OFF)
    done = branch.plan()
    assert (done.code, done.err) == (
        ExitCode.REFUSED,
        f"DIR/tokens.yaml:3:5: token {BACKUP_2023} belongs to organisation `acme`, not to `edge-lab`\n"
        "  hint: `server.org` at `main` says so: change it in a change of its own\n",
    )


def test_a_base_that_is_refused_leaves_the_guards_that_hold_by_themselves(branch: Branch) -> None:
    branch.base("id: x")
    tokens = branch.shell.sandbox.tokens[:10]
    branch.shell.declare(
        *(f'id: "{each.id}"' + ", status: inactive" * (number > 3) for number, each in enumerate(tokens)),
        head="guards: {max_deactivations: 100%}\n",
    )
    done = branch.plan()
    assert done.code == ExitCode.REFUSED
    assert (
        "Refused by guard `base`: main:DIR/tokens.yaml:3:10: the files of main are refused, so they count as empty: "
    ) in done.out
    assert ": the limit is 30% at `main`\n" in done.out


def test_while_the_base_is_refused_no_token_is_changed_unless_whoever_runs_it_says_so(branch: Branch) -> None:
    branch.base("id: x")
    branch.shell.declare(f'id: "{GRAFANA}", description: mended')
    done = planned_and_applied(branch)
    assert (
        "\n  hint: its guards are not known: fix them in a change that changes no token, or use `--allow base`\n"
    ) in done.out
    assert branch.plan(allow=(Guard.BASE,)).code == ExitCode.OK
    branch.shell.declare(f'id: "{GRAFANA}"')
    mending = branch.plan()
    assert (mending.code, "Warning: main:DIR/tokens.yaml:3:10: the files of main are" in mending.out) == (0, True)


def test_what_any_declaration_of_the_base_protects_is_protected(branch: Branch) -> None:
    match = "match: {user: ci-bot, description: backup 2023}"
    branch.base(match, f'id: "{BACKUP_2023}", protected: true')
    branch.shell.declare(f"{match}, status: inactive")
    assert "Refused by guard `protected`: " in planned_and_applied(branch).out


def test_a_file_that_lies_outside_of_the_repository_has_no_base(branch: Branch, tmp_path_factory: Any) -> None:
    branch.base(OFF)
    outside = tmp_path_factory.mktemp("outside") / "tokens.yaml"
    outside.write_text("version: 1\n")
    (branch.shell.folder / "tokens.yaml").unlink()
    (branch.shell.folder / "tokens.yaml").symlink_to(outside)
    assert branch.plan() == Done(
        ExitCode.INVALID, "",
        "DIR/tokens.yaml: a link leads out of the repository\n"
        "  hint: the base has no such file: keep manifests inside of the repository\n",
    )  # fmt: skip
    assert branch.shell.sent() == []


def test_a_saved_plan_cannot_be_relieved_of_the_bases_guards(branch: Branch) -> None:
    branch.base(OFF, head="guards: {max_deactivations: 0}\n")
    branch.shell.declare(OFF, head="guards: {max_deactivations: 9}\n")
    saved = branch.shell.folder / "plan.json"
    branch.plan(out=str(saved))
    text = saved.read_text()
    saved.write_text(text.replace('"refusals": [\n', '"refusals": [], "x": [\n'))
    assert branch.apply("plan.json", base=None).code == ExitCode.INVALID
    saved.write_text(text)
    assert branch.apply("plan.json", base=None).code == ExitCode.REFUSED


def test_a_selection_is_guarded_as_the_whole_is(branch: Branch) -> None:
    branch.base(f'id: "{BACKUP_2023}", name: b, protected: true', f'id: "{INGEST}"', head="unmanaged: fail\n")
    branch.shell.declare(f'id: "{BACKUP_2023}", name: b, status: inactive', f'id: "{GATEWAY}"', f'id: "{OPERATOR}"')
    done = branch.plan(select=("b",))
    refused = [each for each in done.out.split("\n") if each.startswith("Refused")]
    assert (done.code, len(refused), f"`b` (`backup 2023`) {BACKUP_2023} is protected" in refused[0]) == (
        ExitCode.REFUSED,
        1,
        True,
    )


def test_a_lock_that_the_base_wants_is_taken_although_the_files_let_go_of_it(branch: Branch) -> None:
    branch.base(OFF, head="lock: true\n")
    branch.shell.declare(OFF)
    assert branch.document().get("lock") is True
    assert branch.apply().code == ExitCode.OK
    methods = [sent.partition(" ")[0] for sent in branch.shell.sent() if "/labels" in sent]
    assert (methods.count("POST"), methods[-1]) == (1, "DELETE")
