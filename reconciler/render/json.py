"""What there is to show as one JSON document, and what happens in a run as a line of JSON each.

All are ASCII with keys in a fixed order and a `format_version`, as schemas/ describes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reconciler.core.baseline import Baseline
from reconciler.core.checkup import Check, Examined, exit_code
from reconciler.core.live import Server, Token
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.core.review import Review
from reconciler.core.rights import rights_of
from reconciler.documents.plan import FORMAT_VERSION, elided, plain, plan_document, revised_document
from reconciler.documents.review import review_document
from reconciler.documents.rights import rights_document
from reconciler.errors import ExitCode, Problem
from reconciler.render.escape import json_text
from reconciler.render.findings import ProblemReport

if TYPE_CHECKING:  # only `list --usage` has evidence, and `list --fleet` several servers
    from reconciler.core.fleet import Inventory, Skipped
    from reconciler.core.usage import Evidence

_EVENTS_VERSION = 1
_PROBLEMS_VERSION = 1


def plan(plan: Plan, review: Review | None = None) -> str:
    """Return the plan as schemas/plan.v1.json describes it: as a saved plan holds it, and a review beside it."""
    return _dump({**plan_document(plan), **({"review": review_document(review)} if review else {})})


def tokens(server: Server, tokens: Iterable[Token], evidence: Evidence | None = None) -> str:
    """Return a list of tokens: `server`, and under `tokens` each token by ascending id, without its secret.

    A token `manages` the tokens of the owners `manages_owners` in those organisations; `*` stands for all. With
    evidence it has its `usage`, null where the evidence does not know it.
    """
    from reconciler.documents.usage import use_document  # events do without

    listed = [
        {**_token(token), **({"usage": use_document(evidence.use(token.id))} if evidence else {})}
        for token in sorted(tokens, key=lambda token: token.id)
    ]
    return _dump({"format_version": FORMAT_VERSION, "server": plain(server), "tokens": listed})


def tokens_of_fleet(found: Sequence[Inventory | Skipped]) -> str:
    """Return such a list of the tokens of several servers, each with the name of its `server`.

    Under `servers` is each server by name, with why it could not be read where it could not.
    """
    from reconciler.core.fleet import Inventory

    read = [each for each in found if isinstance(each, Inventory)]
    listed = [{"server": each.name, **_token(token)} for each in read for token in each.tokens]
    servers = [
        {"name": each.name, "reason": ExitCode.OK.reason, "server": plain(each.server)}
        if isinstance(each, Inventory)
        else {"name": each.name, "reason": each.code.reason, "url": each.url, "problems": plain(each.problems)}
        for each in found
    ]
    return _dump({"format_version": FORMAT_VERSION, "servers": servers, "tokens": listed})


def _token(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "status": token.status.value,
        "description": token.description,
        "org_id": token.org_id,
        "org": token.org,
        "user_id": token.user_id,
        "user": token.user,
        "created_at": token.created_at,
        "updated_at": token.updated_at,
        "manages": sorted(token.rights.orgs),
        "manages_owners": sorted(token.rights.users) if token.rights.orgs else [],
        "own": token.is_own,
        "rights": None,  # not known
        **rights_document(rights_of(token)),
        **elided(token),
    }


def revised(revised: Baseline) -> str:
    """Return what a change of the files means, as schemas/revisions.v1.json describes it."""
    return _dump(revised_document(revised))


def checks(checks: Sequence[Check]) -> str:
    """Return what the doctor found: under `checks` each check, and the worst of them as `reason`."""
    return _dump({"format_version": FORMAT_VERSION, "reason": exit_code(checks).reason, "checks": _checks(checks)})


def checks_of_fleet(examined: Sequence[Examined], own: Sequence[Check]) -> str:
    """Return the checks of each server under `servers`, and those of this machine under `checks`."""
    servers = [
        {"name": each.name, "reason": each.code.reason, "url": each.url, "checks": _checks(each.checks)}
        for each in examined
    ]
    reason = ExitCode.gravest([*(each.code for each in examined), exit_code(own)]).reason
    return _dump({"format_version": FORMAT_VERSION, "reason": reason, "checks": _checks(own), "servers": servers})


def _checks(checks: Iterable[Check]) -> list[dict[str, str]]:
    return [
        {"name": each.name, "state": each.state.value, "message": each.message, "hint": each.hint} for each in checks
    ]


def problems(report: ProblemReport) -> str:
    """Return why there is no plan, or what else a command found, as schemas/problems.v1.json describes it."""
    return _dump(
        {
            "format_version": _PROBLEMS_VERSION,
            "command": report.command,
            "reason": report.code.reason,
            "exit_code": int(report.code),
            "problems": plain(report.problems),
            "warnings": plain(report.warnings),
        }
    )


def _dump(document: object) -> str:
    return json_text(document, indent=2) + "\n"


def plan_event(plan: Plan) -> str:
    """Return the event that says what the run is about, as a saved plan holds it."""
    return _event("plan", plan=plan_document(plan))


def op_started(change: Change) -> str:
    """Return the event that a change is about to be sent."""
    return _event(
        "op_started",
        id=change.token.id,
        action=change.action.value,
        name=change.name,
        description=change.token.description,
        org=change.token.org,
        fields=list(change.body),
    )


def op_finished(result: Result) -> str:
    """Return the event that says what is known of a change."""
    return _event("op_finished", id=result.change.token.id, status=result.status.value, detail=result.reason)


def summary(
    code: ExitCode,
    statuses: Iterable[ResultStatus],
    plan: Plan | None,
    outcome: Outcome | None,
    problems: Sequence[Problem] = (),
) -> str:
    """Return how the run ended, with the statuses of its changes; without plan or outcome it did not come that far."""
    stopped, path = (outcome.stopped, outcome.journal) if outcome else ("", "")
    return ended(code, statuses, problems, stopped, plan.digest if plan else "", path)


def ended(
    code: ExitCode,
    statuses: Iterable[ResultStatus],
    problems: Sequence[Problem],
    stopped: str = "",
    digest: str = "",
    journal: str = "",
) -> str:
    """Return the summary of a run, whatever it was about."""
    found = Counter(statuses)
    return _event(
        "summary",
        reason=code.reason,
        exit_code=int(code),
        problems=plain(tuple(problems)),
        counts={status.replace(" ", "_"): found[status] for status in ResultStatus},
        stopped=stopped,
        digest=digest,
        journal=journal,
    )


def of_server(event: str, name: str) -> str:
    """Return the event as that of one server of a fleet, whose summary is not the last line."""
    told = event.replace('"event": "summary"', '"event": "server_finished"', 1)
    return told.removesuffix("}\n") + f', "server": "{name}"}}\n'


def _event(event: str, **fields: object) -> str:
    return json_text({"format_version": _EVENTS_VERSION, "event": event, **fields}) + "\n"
