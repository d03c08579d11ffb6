"""`unlock`: shows whose the lock is, asks, and removes that one and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.commands import unlock
from reconciler.core.lock import LockProperties
from reconciler.errors import ExitCode, Problem
from reconciler.sandbox.faults import Fault
from reconciler.settings import Flags
from tests.session.test_locking import ACME, EDGE, LABELS, LIST, NOW, locked, send, sequence
from tests.shell import LAPTOP, Done, Shell, secret, shell_on

GOLDEN = Path(__file__).parent / "golden"
QUESTION = "Remove it? A run that still holds it may be changing tokens. Only `yes` does it: "
HOSTILE = LockProperties(
    nonce="n", holder="\x1b]0;title\x07::error::x\nOrganisation `x` is locked.", run="##[add-mask]x", since="\u202e", expires="never",
)  # fmt: skip


def unlocked(shell: Shell, *, yes: bool = False, org: str = "", **around: object) -> Done:
    """Run `unlock`."""
    around.setdefault("now", lambda: NOW)
    return shell.call(lambda context: unlock.run(Flags(org=org), context, yes=yes), **around)  # type: ignore[arg-type]


def plain(shell: Shell, done: Done) -> str:
    """What was shown, without the ids that differ from run to run."""
    shown = done.out
    for number, label in enumerate(shell.sandbox.labels):
        shown = shown.replace(label.id, f"LABEL-{number}")
    return shown


def test_who_holds_the_lock_is_shown(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    said = []
    for name, claim, now in (
        ("a lock", None, NOW),
        ("a stale lock", None, NOW + timedelta(hours=1)),
        ("made by hand", LockProperties(), NOW),
        ("what somebody wrote to do harm", HOSTILE, NOW),
    ):
        label = locked(shell, properties=claim) if claim else locked(shell)
        done = unlocked(shell, interactive=True, stdin=b"yes\n", now=lambda now=now: now)
        assert (done.code, shell.sandbox.labels) == (ExitCode.OK, ())
        said.append(f"# {name}\n" + done.out.replace(label, "LABEL"))
        assert done.err.replace(label, "LABEL") == (
            QUESTION + "lock: deleting the label `tokenctl.lock` LABEL of organisation `acme`\n"
        )
    golden(GOLDEN / "unlock.txt", "\n".join(said))


def test_the_lock_is_read_again_before_it_is_removed(shell: Shell) -> None:
    locked(shell)
    assert unlocked(shell, yes=True).code == ExitCode.OK
    assert sequence(shell) == [LIST, LABELS, "GET /api/v2/labels/ID", "DELETE /api/v2/labels/ID"]


def test_where_nothing_is_locked_nothing_is_asked(shell: Shell) -> None:
    assert unlocked(shell) == Done(ExitCode.OK, "No organisation is locked, as far as these credentials may see.\n", "")
    locked(shell)
    assert unlocked(shell, org="edge-lab").out.startswith("No organisation is locked")
    shell.environment["INFLUX_TOKEN"] = secret(LAPTOP)
    assert unlocked(shell).out.startswith("No organisation is locked")


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ({"interactive": True, "stdin": b"no\n"}, QUESTION + "nothing was removed: the answer was not `yes`\n"),
        ({"interactive": True}, QUESTION + "nothing was removed: the answer was not `yes`\n"),
        (
            {"stdin": b"yes\n"},
            "nothing was removed: there is no terminal to ask on\n  hint: agree beforehand with `--yes`\n",
        ),
        (
            {"stdin": b"yes\n", "unasked": True},
            "nothing was removed: CI is set, so nobody is asked\n  hint: agree beforehand with `--yes`, or unset CI\n",
        ),
    ],
)
def test_nobody_who_agrees_removes_nothing(shell: Shell, around: dict[str, object], said: str) -> None:
    locked(shell)
    done = unlocked(shell, **around)  # type: ignore[arg-type]
    assert (done.code, done.err, len(shell.sandbox.labels)) == (ExitCode.CANCELLED, said, 1)


def test_a_label_whose_name_only_looks_like_that_of_the_lock_stays(shell: Shell) -> None:
    other = send(shell, "POST", "", {"orgID": ACME, "name": "tokenctl.loc\u212a"}).json()["label"]["id"]
    assert unlocked(shell, yes=True).out.startswith("No organisation is locked")
    locked(shell)
    assert unlocked(shell, yes=True).code == ExitCode.OK
    assert [label.id for label in shell.sandbox.labels] == [other]


def test_one_lock_is_removed_at_a_time(shell: Shell) -> None:
    locked(shell)
    locked(shell, EDGE)
    done = unlocked(shell, yes=True)
    assert (done.code, done.out.count("is locked."), len(shell.sandbox.labels)) == (ExitCode.USAGE, 2, 2)
    assert done.err == "several organisations are locked\n  hint: name one of them with --org or INFLUX_ORG\n"
    assert unlocked(shell, yes=True, org="edge-lab").code == ExitCode.OK
    assert [each.org_id for each in shell.sandbox.labels] == [ACME]


def test_a_lock_of_an_organisation_without_tokens_goes_by_its_id(shell: Shell) -> None:
    locked(shell, "0123456789abcdef")
    assert unlocked(shell, yes=True).out.endswith("Removed the lock of organisation `0123456789abcdef`.\n")


def test_a_lock_that_cannot_be_removed_is_an_error(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault.parse("error-before:DELETE:9")]) as shell:
        locked(shell)
        done = unlocked(shell, yes=True)
        assert (done.code, len(shell.sandbox.labels)) == (ExitCode.UNREACHABLE, 1)
        assert "Removed" not in done.out


def test_who_interrupts_it_while_it_removes_hears_that_it_may_have(shell: Shell) -> None:
    locked(shell)
    interrupt = Interrupt()
    unlocked(shell, yes=True, interrupt=interrupt)
    assert interrupt.problem == Problem("interrupted: the lock may have been removed", "run it again to go on")
