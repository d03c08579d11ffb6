"""What the action says of a run, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from action import fates
from action.report import REASONS, Run, approved, brief, keep, log_lines, markdown, outputs, read, result, told
from action.run import CODES, KEPT, SHOWN
from reconciler.errors import ExitCode

GOLDEN = Path(__file__).parent / "golden"
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
        "result": "",
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
    assert sentence in result(run)
    assert sentence in brief(run)


def _change(number: int, name: str, action: str = "deactivate") -> dict[str, Any]:
    return {
        "id": f"{number:016x}", "name": name or None, "action": action,
        "before": {"status": "active", "description": f"description | of {number}", "updatedAt": "2026-01-01T00:00:00Z"},
        "places": {"": {"file": "to,kens.yaml", "line": number, "column": 5}} if name else {},
    }  # fmt: skip


CHANGES = [
    _change(1, "grafana", "describe"),
    _change(2, ""),
    _change(3, "`old`"),
    _change(4, "last"),
    _change(5, "never"),
]
DIFFERS = {
    "verdict": "differs",
    "differences": [{"what": "waivers", "reviewed": None, "now": "self"}],
    "tokens": [
        {"id": "0" * 16, "name": "grafana", "description": "", "side": "other-values",
         "differences": [{"what": "description before", "reviewed": "a", "now": "b"}]},
        {"id": "1" * 16, "name": "", "description": "theirs", "side": "only-now",
         "differences": [{"what": "status before", "reviewed": None, "now": "active"},
                         {"what": "status after", "reviewed": None, "now": "inactive"}]},
    ],
}  # fmt: skip
JOURNAL = """{"event": "header"}
{"event": "intent", "id": "0000000000000001"}
{"event": "result", "id": "0000000000000001", "status": "done", "reason": ""}
{"event": "intent", "id": "0000000000000002"}
{"event": "result", "id": "0000000000000002", "status": "failed", "reason": "the server answers 404\\n::error::no"}
{"event": "intent", "id": "0000000000000003"}
{"event": "result", "id": "0000000000000005", "status": "not attempted", "reason": "a guard refuses it"}
{"event": "int"""
RUNNER = {
    "INPUT_COMMAND": "apply", "INPUT_ARTIFACT": "tokenctl-apply-production", "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "3", "GITHUB_REPOSITORY": "acme/tokens",
}  # fmt: skip


def _applied(folder: Path, code: int, journal: str = "", changes: Any = CHANGES, **more: Any) -> Run:
    """An apply that ended so."""
    shown = {**SHOWN_PLAN, "changes": changes, **more}
    left = _left(folder, 0, shown, plan_md="### tokenctl plan: 5 changes\n")
    (folder / CODES["apply"]).write_text(str(code))
    if journal:
        (folder / KEPT / "journal").mkdir()
        (folder / KEPT / "journal" / "apply-1.ndjson").write_text(journal)
    return read(left | RUNNER)


@pytest.mark.parametrize(
    ("name", "code", "journal", "more"),
    [
        ("done", 0, JOURNAL.partition('{"event": "intent", "id": "0000000000000002"}')[0], {"changes": CHANGES[:1]}),
        ("partial", 3, JOURNAL, {}),
        ("refused", 4, "", {}),
        ("stale", 5, "", {"review": DIFFERS}),
        ("unreachable", 7, "", {}),
        ("nothing", 0, "", {"changes": []}),
    ],
)
def test_the_summary_and_the_log_of_an_apply_begin_with_what_became_of_it(
    tmp_path: Path, golden: Callable[[Path, str], None], name: str, code: int, journal: str, more: dict[str, Any]
) -> None:
    run = _applied(tmp_path, code, journal, **more)
    text = markdown(run)
    assert text.startswith("### tokenctl apply: ")
    log = "".join(f"{line}\n" for line in log_lines(run))
    golden(GOLDEN / f"apply-{name}.md", f"{text}\n{'-' * 20} log\n{log}")
    keep(run, text)
    assert outputs(run)["result"] == str(tmp_path / KEPT / "result.md")
    assert text.startswith((tmp_path / KEPT / "result.md").read_text().rstrip())


FLEET = {
    "digest": "d" * 64,
    "counts": SHOWN_PLAN["counts"],
    "servers": [
        {"name": "lyon", "reason": "ok", "plan": {"changes": CHANGES[:2]}},
        {"name": "away", "reason": "unreachable", "url": "http://a", "problems": []},
        {"name": "oslo", "reason": "ok", "plan": {"changes": CHANGES[:2]}},
        {"name": "rome", "reason": "ok", "plan": {"changes": CHANGES[2:3]}},
        *({"name": f"edge-{number}", "reason": "ok", "plan": {"changes": [{**CHANGES[3], "id": f"{number:016x}"}]}} for number in range(300)),
    ],
}  # fmt: skip


def test_the_result_of_an_apply_to_several_servers_names_them(
    tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    environment = _left(tmp_path, 0, FLEET, plan_md="### tokenctl plan: 5 to do on 3 of 4 servers\n") | RUNNER
    environment["INPUT_PLAN"] = "plan.json"
    (tmp_path / CODES["apply"]).write_text("3")
    (tmp_path / KEPT / "journal").mkdir()
    for name, lines in (
        ("lyon", JOURNAL),
        ("oslo", JOURNAL.replace("done", "failed").replace('"reason": ""', '"reason": "no"')),
    ):
        journal = lines.replace('"header"', f'"header", "server_name": "{name}"')
        (tmp_path / KEPT / "journal" / f"apply-1-{name}.ndjson").write_text(journal)
    run = read(environment)
    assert len(list(log_lines(run))) == 1 + 4 + 300
    run = read(environment)
    log = "".join(f"{line}\n" for line in log_lines(run) if ": edge-" not in line and "::edge-" not in line)
    golden(GOLDEN / "apply-fleet.md", f"{markdown(run)}\n{'-' * 20} log\n{log}")


def test_many_servers_without_a_plan_are_counted() -> None:
    fleet = {"servers": [{"name": f"edge-{number}", "reason": "unreachable"} for number in range(1000)]}
    line = fates.not_planned(fleet)
    assert line.startswith("`edge-0` (unreachable), `edge-1` (unreachable), ")
    assert line.endswith(", `edge-19` (unreachable) and 980 more")
    assert fates.not_planned({"changes": []}) == ""


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ("D" * 64, "as-reviewed", "as reviewed"),
        ("e" * 64, "differs", "differs from what was reviewed"),
        (json.dumps({"digest": "d" * 64}), "as-reviewed", "as reviewed"),
        (json.dumps({"digest": "e" * 64}), "differs", "differs from what was reviewed"),
        (json.dumps({"digest": "::error::forged"}), "unknown", "not known"),
        ("[1]", "unknown", "not known"),
        ("<html>", "unknown", "not known"),
    ],
)
def test_plans_of_several_servers_are_as_reviewed_when_their_digest_is(
    tmp_path: Path, given: str, verdict: str, words: str
) -> None:
    environment = _left(tmp_path, 0, FLEET, plan_md="### plans\n")
    (tmp_path / "reviewed.json").write_text(given)
    reviewed = given if len(given) == 64 else str(tmp_path / "reviewed.json")
    run = read(environment | {"INPUT_REVIEWED": reviewed})
    assert outputs(run)["reviewed"] == verdict
    assert markdown(run) == f"### plans\n\nReview: `{words}`\n"
    assert markdown(read(environment)) == "### plans\n"


def test_a_saved_plan_that_is_stale_is_still_the_one_that_was_agreed_to(tmp_path: Path) -> None:
    _applied(tmp_path, 5)
    run = read({**RUNNER, "TOKENCTL_FOLDER": str(tmp_path), "INPUT_PLAN": "plan.json"})
    assert result(run).endswith(f"\n\nDigest `{'d' * 64}`\n")


def test_a_plan_that_moved_within_the_job_says_no_more_than_is_known(tmp_path: Path) -> None:
    assert result(_applied(tmp_path, 5)) == (
        "### tokenctl apply: stale\n\n**Nothing was sent: this is no longer the plan that was agreed to.** Review the new one."
        f"\n\nDigest of the plan as it is now `{'d' * 64}`\n"
    )


def test_a_thousand_results_and_differences_are_cut_to_what_a_comment_has_room_for(tmp_path: Path) -> None:
    many = [_change(number, "x" * 300) for number in range(1, 1001)]
    text = result(_applied(tmp_path, 3, JOURNAL, many))
    assert len(text.encode()) < 40_000
    shown = text.count("\n| **")
    assert f"\n\n**And {1000 - shown:,} more**, which the journal has." in text
    token = DIFFERS["tokens"][0]
    moved = fates.moved({"review": {"differences": [], "tokens": [token] * 2000}})
    assert len(moved.encode()) < 40_000
    assert moved.endswith(f"- and {2000 - moved.count('grafana'):,} more like these")


def test_a_journal_that_is_no_artifact_is_said_to_be_on_the_runner(tmp_path: Path) -> None:
    _applied(tmp_path, 3, JOURNAL)
    run = read({**RUNNER, "TOKENCTL_FOLDER": str(tmp_path), "INPUT_ARTIFACT": ""})
    assert "\n\nThe journal is on the runner only, for `tokenctl undo`.\n\n" in result(run)


@pytest.mark.parametrize(
    ("files", "reason", "changes", "text"),
    [
        ({"result.md": "### r\n", "plan.md": "### p\n"}, "ok", "2", "### r\n"),
        ({"plan.md": "### p\n"}, "ok", "0", "### tokenctl apply: nothing to do\n\nThere was nothing to apply: the tokens are as declared.\n"),
        ({"plan.md": "### p\n"}, "refused", "2", "### tokenctl apply: refused\n\n**Nothing was applied:** there is no plan that may be.\n\n### p\n"),
        ({}, "", "", "### tokenctl apply: error\n\n**Nothing was applied:** there is no plan that may be.\n"),
        ({"plan.md": "### p\n"}, "unreachable", "0", "### tokenctl apply: unreachable\n\nNothing is to be applied on the servers that were reached.\n\n### p\n"),
        ({"plan.md": "### p\n"}, "unreachable", "2", "### tokenctl apply: no result\n\nIt was not approved, or was ended before it could say what became of it: "
                        "the run has the rest.\n"),
        ({}, "unreachable", "", "### tokenctl apply: unreachable\n\n**Nothing was applied:** there is no plan that may be.\n"),
        ({}, "ok", "2", "### tokenctl apply: no result\n\nIt was not approved, or was ended before it could say what became of it: "
                        "the run has the rest.\n"),
    ],
)  # fmt: skip
def test_a_merged_pull_request_is_told_the_result_or_why_there_is_none(
    tmp_path: Path, files: dict[str, str], reason: str, changes: str, text: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert told(tmp_path, reason, changes) == text


def test_who_approved_what_is_named() -> None:
    assert approved("prod", {"approved": ["mira", "r`ta"], "rejected": []}, "1a") == (
        "Environment `prod`: approved by `mira`, ``r`ta``, digest `1a`."
    )
    assert approved("prod", {"approved": [], "rejected": []}, "") == "Environment `prod`: nobody was asked."


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
    assert markdown(run) == "### tokenctl apply: invalid\n\nNothing was applied; the log says why.\n"
