"""What the action says of a run, whatever became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from action.report import REASONS, brief, keep, markdown, outputs, read
from action.run import CODES, KEPT, SHOWN
from reconciler.errors import ExitCode

SHOWN_PLAN = {
    "digest": "d" * 64,
    "counts": {"activate": 1, "deactivate": 2, "describe": 0, "unchanged": 9},
    "review": {"verdict": "as-reviewed"},
}


def _left(
    folder: Path, code: int | None = 0, shown: dict[str, Any] | None = None, *, step: str = "plan", **files: str
) -> dict[str, str]:
    """A run's folder, whose step left this exit code, and the environment of a step after it."""
    (folder / KEPT).mkdir()
    if code is not None:
        (folder / CODES[step]).write_text(str(code))
    if shown:
        (folder / SHOWN).write_text(json.dumps(shown))
    for name, text in files.items():
        (folder / KEPT / name.replace("_", ".")).write_text(text)
    return {"TOKENCTL_FOLDER": str(folder), "INPUT_COMMAND": "plan"}


def test_the_reasons_are_those_of_the_exit_codes() -> None:
    assert {code: REASONS[code] for code in ExitCode} == {code: code.reason for code in ExitCode}


def test_a_plan_is_told_by_outputs_and_shown_as_it_was_drawn(tmp_path: Path) -> None:
    run = read(_left(tmp_path, 0, SHOWN_PLAN, plan_json="{}", plan_md="### a plan\n"))
    kept = tmp_path / KEPT
    assert outputs(run) == {
        "changes": "3",
        "to_activate": "1",
        "to_deactivate": "2",
        "to_describe": "0",
        "digest": "d" * 64,
        "reviewed": "as-reviewed",
        "reason": "ok",
        "plan": str(kept / "plan.json"),
        "markdown": str(kept / "plan.md"),
        "journal": "",
        "folder": str(kept),
    }
    assert markdown(run) == "### a plan\n"
    keep(run, "something else")
    assert (kept / "plan.md").read_text() == "### a plan\n"


def test_a_run_without_a_plan_replaces_what_a_comment_shows(tmp_path: Path) -> None:
    run = read(_left(tmp_path, 65))
    assert {outputs(run)[name] for name in ("changes", "to_activate", "digest", "plan")} == {""}
    assert (outputs(run)["reason"], outputs(run)["reviewed"]) == ("invalid", "unknown")
    text = markdown(run)
    assert text == "### tokenctl: invalid\n\nThe log says why.\n"
    keep(run, text)
    assert (tmp_path / KEPT / "plan.md").read_text() == text


def test_a_run_that_could_not_even_install_has_outputs() -> None:
    run = read({"INPUT_COMMAND": "plan"})
    assert (outputs(run)["reason"], outputs(run)["folder"]) == ("error", "")
    keep(run, markdown(run))


@pytest.mark.parametrize(
    ("command", "planned", "applied", "outcomes", "reason"),
    [
        ("plan", 4, None, "failure skipped", "refused"),
        ("plan", 77, None, "failure skipped", "error"),
        ("plan", None, None, "cancelled skipped", "interrupted"),
        ("plan", None, None, "failure skipped", "error"),
        ("apply", 0, 5, "success failure", "stale"),
        ("apply", 0, 0, "success success", "ok"),
        ("apply", 65, None, "failure skipped", "invalid"),
        ("apply", 0, None, "success cancelled", "interrupted"),
        ("apply", 0, None, "success skipped", "interrupted"),  # cancelled between the two
        ("apply", 0, None, "success failure", "error"),  # killed
        ("apply", None, None, "failure skipped", "error"),
        ("apply", None, None, "cancelled skipped", "interrupted"),
    ],
)
def test_the_reason_is_that_of_the_last_step(
    tmp_path: Path, command: str, planned: int | None, applied: int | None, outcomes: str, reason: str
) -> None:
    environment = _left(tmp_path, planned) | {"INPUT_COMMAND": command}
    if applied is not None:
        (tmp_path / CODES["apply"]).write_text(str(applied))
    ended = dict(zip(("PLAN_OUTCOME", "APPLY_OUTCOME"), outcomes.split(), strict=True))
    assert read(environment | ended).reason == reason


@pytest.mark.parametrize(
    ("outcome", "journal", "sentence"),
    [
        ("failure", True, "**It is not known what was applied.** The journal says what was sent; "),
        ("failure", False, "Nothing was applied; the log says why."),
        ("cancelled", True, "**It was interrupted.** The journal says what was sent; "),
        ("cancelled", False, "**It was interrupted.** Nothing was sent."),
    ],
)
def test_an_apply_that_left_no_code_is_told_by_its_journal(
    tmp_path: Path, outcome: str, journal: bool, sentence: str
) -> None:
    environment = _left(tmp_path, 0, SHOWN_PLAN, plan_md="### a plan\n")
    if journal:
        (tmp_path / KEPT / "journal").mkdir()
    run = read(environment | {"INPUT_COMMAND": "apply", "PLAN_OUTCOME": "success", "APPLY_OUTCOME": outcome})
    assert sentence in markdown(run)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (0, "Everything is applied and was read back."),
        (3, "**Something was changed, and not all of it is verified.** The log and the journal say what."),
        (5, "**Nothing was sent: this is no longer the plan that was agreed to.** Review the new one."),
        (6, "Nothing was applied; the log says why."),
    ],
)
def test_an_apply_shows_the_plan_and_what_became_of_it(tmp_path: Path, code: int, sentence: str) -> None:
    left = _left(tmp_path, code, SHOWN_PLAN, step="apply", plan_md="### a plan\n")
    run = read(left | {"INPUT_COMMAND": "apply"})
    assert markdown(run) == f"### a plan\n\n### Apply: {REASONS[code]}\n\n{sentence}\n"
    assert sentence in brief(run)


@pytest.mark.parametrize(
    ("code", "shown", "drawn", "sentence"),
    [
        (0, SHOWN_PLAN, "### a plan\n", f"The artifact has it. Digest `{'d' * 64}`"),
        (65, {"problems": []}, "### tokenctl plan: invalid\n", "The artifact has it."),
        (7, None, "", "The log says why."),
    ],
)
def test_the_brief_text_says_the_same(
    tmp_path: Path, code: int, shown: dict[str, Any] | None, drawn: str, sentence: str
) -> None:
    run = read(_left(tmp_path, code, shown, **({"plan_md": drawn} if drawn else {})))
    assert brief(run) == f"### tokenctl plan: {REASONS[code]}\n\n{sentence}\n"
    assert outputs(run)["digest"] == (shown or {}).get("digest", "")
    assert markdown(run) == (drawn or f"### tokenctl: {REASONS[code]}\n\n{sentence}\n")
    keep(run, "x")
    assert (tmp_path / KEPT / "plan.md").read_text() == (drawn or "x")


def test_what_was_compared_without_a_server_is_shown_though_it_is_no_plan(tmp_path: Path) -> None:
    run = read(_left(tmp_path, 0, plan_md="### what it means\n"))
    assert markdown(run) == "### what it means\n"
    keep(run, "something else")
    assert (tmp_path / KEPT / "plan.md").read_text() == "### what it means\n"
    assert (outputs(run)["changes"], outputs(run)["reason"]) == ("", "ok")


def test_an_apply_without_a_plan_says_that_nothing_was_applied(tmp_path: Path) -> None:
    run = read(_left(tmp_path, 65) | {"INPUT_COMMAND": "apply"})
    assert markdown(run) == "### tokenctl: invalid\n\nNothing was applied; the log says why.\n"
