"""`show`: a saved plan in any format, as it was planned, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.commands import show
from reconciler.errors import ExitCode
from reconciler.render.formats import DRAWN, PlanFormat
from tests.commands.test_plan import DEACTIVATE, DESCRIBE, planned
from tests.shell import Done, Shell


def shown(shell: Shell, saved: Path, form: PlanFormat | None, *wanted: str) -> Done:
    """Run `show` with these outputs."""
    return shell.call(lambda context: show.run([str(saved)], form, wanted, context))


@pytest.mark.parametrize("form", DRAWN)
def test_a_saved_plan_is_shown_as_it_was_planned_without_a_server(shell: Shell, form: PlanFormat) -> None:
    saved = shell.folder / "plan.json"
    done = planned(shell, shell.declare(DESCRIBE, DEACTIVATE), form=form, out=str(saved))
    shell.sent()
    assert shown(shell, saved, form) == Done(ExitCode.OK, done.out, "")
    assert shell.sent() == []


def test_a_saved_plan_is_shown_in_several_formats_at_once(shell: Shell) -> None:
    saved, page = shell.folder / "plan.json", shell.folder / "plan.html"
    planned(shell, shell.declare(DESCRIBE), out=str(saved))
    done = shown(shell, saved, None, "github", f"html={page}")
    assert (done.code, done.err) == (ExitCode.OK, "Saved to DIR/plan.html\n")
    assert done.out.startswith("::notice title=")
    assert page.read_text().startswith("<!doctype html>")
    over = shown(shell, saved, None, f"json={saved}")
    assert over == Done(
        ExitCode.USAGE,
        "",
        "the output DIR/plan.json is a file that this run reads, or has credentials\n  hint: write it to another file\n",
    )


def test_plans_of_one_server_are_shown_one_at_a_time(shell: Shell) -> None:
    saved = shell.folder / "plan.json"
    planned(shell, shell.declare(DESCRIBE), out=str(saved))
    done = shell.call(lambda context: show.run([str(saved), str(saved)], None, [], context))
    message = "only plans of a fleet can be shown together\n  hint: show one plan at a time\n"
    assert done == Done(ExitCode.USAGE, "", message)
    done = shell.call(lambda context: show.run([str(saved)], None, [], context, globs=["lyon"]))
    message = "--server chooses servers of a fleet\n  hint: leave it out: these are plans of one server\n"
    assert done == Done(ExitCode.USAGE, "", message)
