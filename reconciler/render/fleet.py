"""Plans of a fleet as text and as JSON: equal changes together, the counts last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.checkup import Check, Examined, State, alike
from reconciler.core.fleet import GRAVITY, Fleet, Group, Planned, Ran, Skipped, by_reason, grouped, having
from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Action
from reconciler.core.text import count, name_some
from reconciler.errors import ExitCode, Problem
from reconciler.render import text, words
from reconciler.render.escape import json_text, line, rows, terminal

_TOLD = {State.NOTE: "Note", State.FAIL: "Failed"}
_ENDED = {State.OK: "fine", State.NOTE: "with notes", State.FAIL: "with problems"}


def json(fleet: Fleet) -> str:
    """Return the plans as schemas/fleet.v1.json describes them."""
    from reconciler.documents.fleet import fleet_document

    return json_text(fleet_document(fleet), indent=2) + "\n"


def plan(fleet: Fleet, *, colour: bool = False, columns: int | None = None) -> str:
    """Return what the plans do and what stands in their way, with counts and digest last."""
    blocks = [line(" · ".join(_totals(fleet)))]
    alone: dict[str, list[Group]] = {}
    alike = []
    for group in grouped(fleet.planned):
        if len(group.servers) > 1:
            alike.append(group)
        else:
            alone.setdefault(group.servers[0], []).append(group)
    blocks += [_server(each, alone[each.name], columns, colour=colour) for each in fleet.planned if each.name in alone]
    blocks += [_alike(each, columns, colour=colour) for each in alike]
    for each in fleet.planned:
        blocks += _revised(each, columns, colour=colour)
    blocks += _together(fleet.warnings, "Warning on")
    refusals = [(each.name, refusal) for each in fleet.planned for refusal in each.plan.refusals]
    for name, refusal in refusals:
        blocks.append(words.problem(refusal.problem, f"Refused on {name} by guard `{refusal.guard}`"))
    if fleet.removed:
        told = "their tokens stay as they are; loosens: no guard of their files holds any more"
        blocks.append(line(f"Removed since the base: {name_some(fleet.removed)}") + f"\n  ! {told}")
    blocks += skipped(fleet.skipped)
    blocks.append(_verdict(fleet))
    return "\n\n".join(blocks) + "\n"


def not_fine(fleet: Fleet) -> Iterator[str]:
    """Yield how many servers are refused, and how many are not planned, by why."""
    refused = sum(each.code is ExitCode.REFUSED for each in fleet.planned)
    if refused:
        yield f"{refused:,} refused"
    for code, number in fleet.skipped_by.items():
        yield f"{number:,} not planned ({code.reason})"


def headline(fleet: Fleet) -> str:
    """Return what the plans do, and how many servers are not fine, in one line."""
    doing = [f"{fleet.count(each):,} to {each}" for each in GRAVITY if fleet.count(each)]
    changing = len(fleet.planned) - fleet.as_declared
    servers = count(len(fleet.members), "server")
    what = f"{', '.join(doing)} on {changing:,} of {servers}" if doing else f"no changes on {servers}"
    if not doing and fleet.skipped:
        what = f"no changes on {len(fleet.planned):,} of {servers}" if fleet.planned else "no server was planned"
    return " · ".join([what, *not_fine(fleet)])


def _totals(fleet: Fleet) -> Iterator[str]:
    yield count(len(fleet.members), "server")
    yield f"{len(fleet.planned):,} planned"
    yield from not_fine(fleet)
    if fleet.left_out:
        yield f"{fleet.left_out:,} left out"


def _server(planned: Planned, groups: Sequence[Group], columns: int | None, *, colour: bool) -> str:
    changes = [change for group in groups for change in group.changes]
    title = " · ".join([planned.name, *words.title_parts(planned.plan)])
    shown = planned.plan._replace(changes=planned.plan.in_order(changes))
    return line(title) + "\n" + text.changes(shown, columns, colour=colour)


def _alike(group: Group, columns: int | None, *, colour: bool) -> str:
    title = f"{count(len(group.servers), 'server')} alike: {name_some(group.servers)}"
    return line(title) + "\n" + text.alike(group.changes[0], columns, colour=colour)


def _revised(planned: Planned, columns: int | None, *, colour: bool) -> Iterator[str]:
    base = planned.plan.base
    if base and base.revisions:
        yield line(f"{planned.name}: the files since {base.ref}, beside that:")
        yield text.revisions(base.revisions, columns, colour=colour)


def _together(told: Mapping[Problem, Sequence[str]], title: str) -> Iterator[str]:
    """Yield each problem with the servers that have it."""
    yield from (words.problem(problem, f"{title} {name_some(names)}") for problem, names in told.items())


def skipped(skipped: Sequence[Skipped], what: str = "Not planned") -> Iterator[str]:
    """Yield why servers are not planned, or what else they are not, the gravest first."""
    for code, problem, names in by_reason(skipped):
        yield words.problem(problem, f"{what} ({code.reason}): {name_some(names)}")


def _verdict(fleet: Fleet) -> str:
    counts = ", ".join(f"{fleet.count(action):,} to {action}" for action in (Action.ACTIVATE, Action.DEACTIVATE))
    changing = len(fleet.planned) - fleet.as_declared
    on = f"on {changing:,} of {count(len(fleet.members), 'server')}; {fleet.as_declared:,} as declared"
    verdict = f"Plan: {counts}, {fleet.count(Action.DESCRIBE):,} to describe {on}."
    if not changing:
        verdict = f"No changes: {count(len(fleet.planned), 'server')} as declared."
    if not fleet.planned:
        verdict = "No server was planned."
    return f"{verdict}\nDigest {fleet.digest}"


def checks(
    examined: Sequence[Examined], own: Sequence[Check], *, colour: bool = False, columns: int | None = None
) -> str:
    """Return a line for each server with its gravest check, and what is not fine in full, alike checks together.

    `own` are the checks of this machine. The counts are last.
    """
    cells = [[each.name, each.gravest.name, terminal(each.gravest.message)] for each in examined]
    drawn = rows(cells, columns, beside=len("note  "), whole=(0, 1))
    lines = [
        f"{text.state(each.state, colour=colour)}  {row.rstrip()}" for each, row in zip(examined, drawn, strict=True)
    ]
    blocks = ["\n".join(lines), "\n".join(text.check_lines(own, colour=colour))]
    for check, names in alike(examined):
        title = f"{_TOLD[check.state]} on {name_some(names)} ({check.name})"
        blocks.append(words.problem(Problem(check.message, check.hint), title))
    ended = Counter(each.state for each in examined)
    told = ", ".join(f"{ended[state]:,} {said}" for state, said in _ENDED.items() if ended[state])
    return "\n\n".join([*filter(None, blocks), f"{count(len(examined), 'server')}{told and ': '}{told}."]) + "\n"


def outcome(
    fleet: Fleet,
    ran: Sequence[Ran],
    statuses: Sequence[ResultStatus],
    *,
    stopped: str,
    journals: str,
    again: str,
) -> str:
    """Return the report of an apply: what did not end well in full, the rest as counts.

    `statuses` are those of all changes, `stopped` says why servers were not begun ("" when all were), `journals` how
    the paths of the journals begin, and `again` how to go on.
    """
    blocks = [
        line(f"{each.name} ({each.code.reason}):") + "\n" + text.outcome(each.outcome).rstrip("\n")
        for each in ran
        if each.outcome and each.code is not ExitCode.OK
    ]
    for code in ExitCode:
        told = [(each.name, problem) for each in ran if each.code is code for problem in each.problems]
        blocks += _together(having(told), f"Not done ({code.reason}):")
    begun = {each.name for each in ran}
    if left := [each.name for each in fleet.changing if each.name not in begun]:
        blocks.append(line(f"Not begun, as {stopped}: {name_some(left)}"))
    counts = ", ".join(f"{statuses.count(status):,} {status}" for status in ResultStatus)
    well = sum(each.code is ExitCode.OK for each in ran)
    last = [f"Apply: {counts}; {well:,} of {count(len(fleet.changing), 'server')} with changes ended well."]
    if any(each.outcome for each in ran):
        last.append(line(f"Journals {journals}-*.ndjson"))
    if well < len(fleet.changing):
        last.append(again)
    return "\n\n".join([*blocks, "\n".join(last)]) + "\n"
