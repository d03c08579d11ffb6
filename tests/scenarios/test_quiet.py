"""With --quiet a run that has nothing to do says nothing in text, and a run that has says what it says without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.branch import Branch
from tests.session.test_locking import locked
from tests.shell import ABSENT, GRAFANA, OPERATOR, Done, Shell

SETTLED = f'id: "{GRAFANA}", description: grafana dashbord'
CHANGED = f'id: "{GRAFANA}", description: dashboard'
NOTHING = Done(0, "", "")


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell in whose folder there is nothing to do, in this process."""
    shell.here = True
    shell.declare(SETTLED)
    shell.environment["TOKENCTL_SELF_ID"] = OPERATOR
    return shell


def told(shell: Shell, line: str) -> str:
    """What text a command prints with --quiet, which is all or nothing of what it prints without."""
    loud, quiet = shell.run(*line.split()), shell.run(*line.split(), "--quiet")
    assert (quiet.code, quiet.err) == (loud.code, "")
    assert loud.out
    assert quiet.out in ("", loud.out)
    return quiet.out


def test_a_run_without_anything_to_do_is_silent(shell: Shell) -> None:
    assert shell.run("plan", "-o", "plan.json").code == 0
    shell.declare(CHANGED, name="other.yaml")
    assert shell.run("apply", "other.yaml", "--yes").code == 0
    assert shell.run("undo", "--apply", "--yes").code == 0
    (shell.folder / "other.yaml").unlink()
    for line in (
        "plan", "plan --format text", "plan --detailed-exitcode", "show plan.json", "apply", "apply --yes", "apply --lock",
        "validate", "validate --by-folder .", "unlock", "doctor",
    ):  # fmt: skip
        assert told(shell, line) == "", line


def test_what_undo_finds_undone_is_silent_too(shell: Shell) -> None:
    shell.declare(CHANGED)
    assert shell.run("apply", "--yes").code == 0
    shell.declare(SETTLED)
    assert shell.run("apply", "--yes").code == 0
    (first, _) = sorted((shell.folder / "state" / "tokenctl").iterdir())
    assert "left to undo" in shell.run("undo", str(first)).out
    assert shell.run("undo", str(first), "--quiet") == NOTHING
    assert shell.run("undo", str(first), "--apply", "--quiet") == NOTHING


@pytest.mark.parametrize(
    ("head", "token", "line", "code"),
    [
        ("", CHANGED, "plan", 0),
        ("", CHANGED, "apply", 8),
        ("unmanaged: warn\n", SETTLED, "plan", 0),
        ("unmanaged: fail\n", SETTLED, "plan", 4),
        ("unmanaged: fail\n", SETTLED, "apply --yes", 4),
        ("absent: warn\n", f'{SETTLED}}}\n  - {{id: "{ABSENT}", status: active', "apply --yes", 0),
    ],
)
def test_what_there_is_to_do_or_to_look_at_is_shown(shell: Shell, head: str, token: str, line: str, code: int) -> None:
    shell.declare(token, head=head)
    loud, quiet = shell.run(*line.split()), shell.run(*line.split(), "--quiet")
    assert (quiet.code, quiet.out) == (code, loud.out)
    assert quiet.out


def test_a_review_is_silent_only_where_it_is_as_reviewed(shell: Shell) -> None:
    assert shell.run("plan", "-o", "plan.json").code == 0
    assert told(shell, "plan --reviewed plan.json") == ""
    shell.declare(CHANGED)
    assert shell.run("plan", "-o", "plan.json").code == 0
    shell.declare(SETTLED)
    assert told(shell, "plan --reviewed plan.json")
    assert told(shell, f"plan --reviewed {'0' * 64}")


def test_what_the_files_change_beside_tokens_is_shown(branch: Branch) -> None:
    shell = branch.shell
    shell.here = True
    branch.base(SETTLED, head="guards: {max_deactivations: 1}\n")
    assert told(shell, "plan --base main") == ""
    assert told(shell, "plan --offline --base main") == ""
    shell.declare(SETTLED, head="guards: {max_deactivations: 99}\n")
    assert told(shell, "plan --base main")
    assert told(shell, "plan --offline --base main")


def test_warnings_notes_and_locks_are_shown(shell: Shell) -> None:
    locked(shell)
    loud, quiet = shell.run("doctor"), shell.run("doctor", "--quiet")
    assert (quiet.code, "is locked by" in quiet.out, quiet.out.count("\n")) == (0, True, loud.out.count("\n"))
    shell.write(f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n    description: rotate (ticket #4711)\n')
    assert shell.run("validate", "--quiet").out == "1 file, 1 declaration: no problems\n"


def test_other_formats_and_files_are_as_without(shell: Shell) -> None:
    for form in ("json", "markdown", "github", "junit", "ops"):
        assert shell.run("plan", "--format", form, "--quiet") == shell.run("plan", "--format", form), form
    assert shell.run("plan", "--quiet", "--output=text=plan.txt", "--output=text", "--output=github") == NOTHING
    assert (shell.folder / "plan.txt").read_text().startswith("acme · ")
    assert shell.run("list", "--quiet") == replace(shell.run("list"), err="")
    assert "\nNo changes: 9 managed tokens as declared.\nDigest DIGEST\n" in shell.run("demo", "--quiet").out
    assert (
        shell.run("apply", "--yes", "--format=json", "--quiet").out == shell.run("apply", "--yes", "--format=json").out
    )
    assert shell.run("doctor", "--quiet", "--format=json").out == shell.run("doctor", "--format=json").out
