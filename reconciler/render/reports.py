"""Plans and problems for other programs: GitHub's commands, GitLab's reports, JUnit XML, SARIF; requests, curl.

GitHub: its runner's own reader (ActionCommand.cs in actions/runner) is followed: in a message `%` and line breaks are
escaped, in a property `:` and `,` as well. GitLab: https://docs.gitlab.com/user/infrastructure/iac/mr_integration/ and
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from reconciler import __version__
from reconciler.core.baseline import Baseline
from reconciler.core.plan import Action, Change, Guard, Kind, Plan
from reconciler.documents.plan import before_document, operation_document
from reconciler.documents.usage import use_document
from reconciler.errors import ExitCode, Place
from reconciler.render import words
from reconciler.render.escape import json_text, terminal
from reconciler.render.findings import (
    WARNING,
    Finding,
    Level,
    ProblemReport,
    Shown,
    by_server,
    default_place,
    findings,
    revision_findings,
    revision_rule,
)

if TYPE_CHECKING:  # a run about one server has none
    from reconciler.core.fleet import Fleet

_GITHUB_MOST = 10  # the runner keeps no more of a kind for each step
_GITHUB_LONGEST = 4096  # the runner cuts a message there, in the units of UTF-16
_GITHUB_LONGEST_TITLE = 255  # the Checks API takes no more
# `terminal` leaves no carriage return; the line break before the hint is ours.
_GITHUB_DATA = str.maketrans({"%": "%25", "\n": "%0A"})
_GITHUB_PROPERTY = _GITHUB_DATA | str.maketrans({":": "%3A", ",": "%2C"})


def github(shown: Shown) -> str:
    """Return a command for each finding, the gravest first; of more than ten of a kind the tenth counts the rest."""
    return _github_commands(findings(shown))


def revised(revised: Baseline) -> str:
    """Return such commands for what a change of the files means; what was removed has no line, and none is named."""
    return _github_commands(revision_findings(revised))


def _github_commands(found: Sequence[Finding]) -> str:
    lines: list[str] = []
    for level in Level:
        commands = [_github_command(each) for each in found if each.level is level]
        if len(commands) > _GITHUB_MOST:
            left = len(commands) - _GITHUB_MOST + 1
            commands[_GITHUB_MOST - 1 :] = [f"::{level} title=tokenctl::and {left:,} more like these"]
        lines += commands
    return "".join(f"{line}\n" for line in lines)


def _github_command(finding: Finding) -> str:
    properties = {"title": _cut(terminal(finding.title), _GITHUB_LONGEST_TITLE)}
    if place := finding.place:
        properties |= {"file": terminal(place.file), "line": str(place.line), "col": str(place.column)}
    listed = ",".join(f"{name}={value.translate(_GITHUB_PROPERTY)}" for name, value in properties.items())
    hint = f"\nhint: {terminal(finding.hint)}" if finding.hint else ""
    message = _cut(terminal(finding.message), _GITHUB_LONGEST - _units(hint)) + hint
    return f"::{finding.level} {listed}::{message.translate(_GITHUB_DATA)}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    """Return the text in at most so many units of UTF-16."""
    if _units(text) <= most:
        return text
    return text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


_GITLAB_SEVERITY = {Level.ERROR: "blocker", Level.WARNING: "major", Level.NOTICE: "info"}


def terraform(plan: Plan | Fleet) -> str:
    """Return the counts of the widget: a deactivation deletes, all else updates, and nothing is ever created."""
    gone = plan.count(Action.DEACTIVATE)
    rest = plan.count(Action.ACTIVATE) + plan.count(Action.DESCRIBE)
    return json_text({"create": 0, "update": rest, "delete": gone}) + "\n"


def codequality(shown: Shown) -> str:
    """Return a list of the findings; GitLab knows one again by its fingerprint, which stays when lines move."""
    start = default_place(shown)
    entries = [
        {
            "description": terminal(f"{each.title}: {each.message}" + (f" (hint: {each.hint})" if each.hint else "")),
            "check_name": f"tokenctl/{each.rule}",
            "fingerprint": each.fingerprint,
            "severity": _GITLAB_SEVERITY[each.level],
            "location": {"path": (each.place or start).file, "lines": {"begin": (each.place or start).line}},
        }
        for each in findings(shown)
    ]
    return json_text(entries, indent=2) + "\n"


def junit(shown: Shown) -> str:
    """Return one suite, of a fleet one for each server, as Jenkins' junit-10.xsd and GitLab read it.

    Warnings stand in its output.
    """
    if isinstance(shown, Plan | ProblemReport):
        suites = [_suite(shown)]
    else:
        suites = [_suite(each, f" {name}") for name, each in by_server(shown)]
    counts = _counts(sum(each.tests for each in suites), sum(each.failures for each in suites))
    return "\n".join(
        (
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<testsuites name="tokenctl" {counts}>',
            *(each.text for each in suites),
            "</testsuites>\n",
        )
    )


class _Suite(NamedTuple):
    tests: int
    failures: int
    text: str


def _suite(shown: Plan | ProblemReport, server: str = "") -> _Suite:
    found = findings(shown)
    wrong = [each for each in found if each.level is Level.ERROR]
    if isinstance(shown, ProblemReport):
        command, cases = shown.command, [_junit_case("command", shown.command, wrong)]
    else:
        command = "plan"
        cases = [_junit_case("guard", guard, [each for each in wrong if each.rule == guard]) for guard in Guard]
        changes = [_xml(f"{each.title}: {each.message}") for each in found if each.level is Level.NOTICE]
        cases += [f'  <testcase classname="tokenctl.change" name="{name}"/>' for name in changes]
    warned = [f"warning: {_junit_text(each)}\n" for each in found if each.level is Level.WARNING]
    failures = len({each.rule for each in wrong})
    lines = (
        f'<testsuite name="tokenctl {command}{server}" {_counts(len(cases), failures)} skipped="0">',
        *cases,
        *([f"<system-out>{''.join(warned)}</system-out>"] if warned else []),
        "</testsuite>",
    )
    return _Suite(len(cases), failures, "\n".join(lines))


def _counts(tests: int, failures: int) -> str:
    return f'tests="{tests}" failures="{failures}" errors="0"'


def _junit_case(kind: str, name: str, wrong: Sequence[Finding]) -> str:
    """Return a case that fails when anything is wrong; it is always called the same, so that it has a history."""
    head = f'  <testcase classname="tokenctl.{kind}" name="{name}"'
    if not wrong:
        return f"{head}/>"
    word = "refused: " if kind == "guard" else ""
    text = "\n".join(f"{word}{_junit_text(each)}" for each in wrong)
    return f'{head}><failure type="{wrong[0].rule}" message="{_xml(wrong[0].message)}">{text}</failure></testcase>'


def _junit_text(finding: Finding) -> str:
    where = f"{_xml(str(finding.place))}: " if finding.place else ""
    hint = f"\n  hint: {_xml(finding.hint)}" if finding.hint else ""
    return f"{where}{_xml(finding.message)}{hint}"


def _xml(text: str) -> str:
    return escape(terminal(text))


_SARIF_LEVEL = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTICE: "note"}
_SARIF_MOST = 5_000  # code scanning takes 25,000 results, and shows 5,000 of them
_HOME, _MORE = "https://github.com/tokenctl/tokenctl", "more"
_HELP = f"{_HOME}/blob/v{__version__}/docs/commands.md#"
_SARIF_ENDS = {  # what it means that a command ended so, and shows no plan
    ExitCode.ERROR: "A local file cannot be read or written, or tokenctl itself failed",
    ExitCode.REFUSED: "What the files say of the server does not hold",
    ExitCode.STALE: "The saved plan or the journal does not fit any more",
    ExitCode.AUTH: "The server does not let these credentials do this",
    ExitCode.UNREACHABLE: "No usable answer came from the server",
    ExitCode.USAGE: "An option, an argument or a variable cannot be used",
    ExitCode.INVALID: "A file is refused, or what it declares is not on the server",
    ExitCode.INTERRUPTED: "The run was interrupted",
}
_LINK = re.compile(r"\](?=\()")


def sarif(shown: Shown) -> str:
    """Return one run, with a result for each finding and every rule that there can be for such a plan, or for none.

    Of more results than code scanning shows the last counts the rest.
    """
    start, found = default_place(shown), findings(shown)
    results = [_sarif_result(each, each.place or start) for each in _sarif_shown(found)]
    driver = {
        "name": "tokenctl",
        "semanticVersion": __version__,
        "informationUri": _HOME,
        "rules": [_sarif_rule(*each) for each in _sarif_rules(shown, more=len(results) < len(found))],
    }
    run: dict[str, object] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    if isinstance(shown, ProblemReport):
        run["invocations"] = [{"executionSuccessful": shown.code == ExitCode.OK, "exitCode": int(shown.code)}]
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json_text(document, indent=2) + "\n"


def _sarif_shown(found: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings, the gravest first; of more than code scanning shows the last one counts the rest."""
    if len(found) <= _SARIF_MOST:
        return found
    left = found[_SARIF_MOST - 1 :]
    message = f"there are {len(left):,} more like these"
    rest = Finding(level=left[0].level, rule=_MORE, title="not all is shown", message=message, key="", place=None)
    return [*found[: _SARIF_MOST - 1], rest]


def _sarif_rules(shown: Shown, *, more: bool) -> Iterator[tuple[str, str, str, Level, str]]:
    """Yield the id of each rule, what it says, what to do, how grave it is, and its place in docs/commands.md."""
    if not isinstance(shown, Plan):
        for code, text in _SARIF_ENDS.items():
            yield code.reason, text, "Read the message and its hint", Level.ERROR, "exit-codes"
    if not isinstance(shown, ProblemReport):
        for guard in Guard:
            waive = f"Waive it by its name: --allow {guard}"
            yield guard, f"The guard {guard} refuses the plan", waive, Level.ERROR, f"guard-{guard}"
    yield WARNING, "The plan may not be what was meant", "Read the message", Level.WARNING, "plan"
    if not isinstance(shown, ProblemReport):
        for action in Action:
            yield action, f"The plan would {action} a token", "Review it before it is applied", Level.NOTICE, "plan"
        if any(each.base for each in ([shown] if isinstance(shown, Plan) else [one.plan for one in shown.planned])):
            for kind in Kind:
                name, says = revision_rule(kind), f"The files have a {kind} entry"
                yield name, says, "Review what that means", Level.NOTICE, "compared-with-another-commit"
    if more:
        yield _MORE, "There is more than can be shown", "Read it in another format", Level.NOTICE, "formats"


def _sarif_rule(name: str, text: str, todo: str, level: Level, anchor: str) -> dict[str, object]:
    return {
        "id": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": todo},
        "helpUri": f"{_HELP}{anchor}",
        "defaultConfiguration": {"level": _SARIF_LEVEL[level]},
    }


def _sarif_result(finding: Finding, place: Place) -> dict[str, object]:
    hint = f"\nhint: {_sarif_message(finding.hint)}" if finding.hint else ""
    return {
        "ruleId": finding.rule,
        "level": _SARIF_LEVEL[finding.level],
        "message": {"text": _sarif_message(f"{finding.title}: {finding.message}") + hint},
        "partialFingerprints": {"tokenctl/v1": finding.fingerprint},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _sarif_uri(place.file)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }


def _sarif_uri(file: str) -> str:
    """Return a path as a reference below the root of the repository; one from outside as a file of this machine."""
    return ("file://" if file.startswith("/") else "") + quote(file, errors="backslashreplace")


def _sarif_message(text: str) -> str:
    """Return a plain text message (sections 3.11.5 and 3.11.6): no link, and braces that stand for themselves."""
    return _LINK.sub(r"]\\", terminal(text)).replace("{", "{{").replace("}", "}}")


def ops(plan: Plan) -> str:
    """Return a line of JSON for each request; `if` has the values that must still hold when it is sent."""
    return "".join(json_text(_operation(change)) + "\n" for change in plan.changes)


def _operation(change: Change) -> dict[str, object]:
    used = {"usage": use_document(change.use)} if change.use else {}
    return {**operation_document(change), "if": before_document(change.token), **used}


# The secret goes to curl's standard input, never into its arguments, where every user of the machine could read it.
# The answers hold secrets on servers up to 2.8, so they are dropped. A redirect is not followed.
_PREAMBLE = """\
#!/bin/sh
# {title}
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${{INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}}"

patch() {{
  printf 'Authorization: Token %s\\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \\
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}}
"""


def curl(plan: Plan) -> str:
    """Return a POSIX shell script to read and run; with no changes it only checks that INFLUX_TOKEN is set."""
    title = f"tokenctl plan {plan.digest} for {terminal(plan.server.url)}"
    return _PREAMBLE.format(title=title) + "".join(_step(plan, change) for change in plan.changes)


def _step(plan: Plan, change: Change) -> str:
    names = " ".join(filter(None, (words.name_of(change), words.live_description(change))))
    used = f": {words.use_of(change)}" if change.use else ""
    comment = f"# {change.action} {names} ({words.owner_of(change, across=plan.across)}){used}"
    return f"\n{comment}\npatch {shlex.quote(plan.server.url + change.path)} {shlex.quote(json_text(change.body))}\n"
