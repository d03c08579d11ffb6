"""The words and pieces of which every output is made; foreign text in them is escaped and on one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciler.core import contrast
from reconciler.core.contrast import common_end, narrowed
from reconciler.core.live import Elided, Server, Token
from reconciler.core.plan import Action, Change, Difference, Mark, Plan, Use
from reconciler.core.rights import Right, Some
from reconciler.core.text import SHOWN, common_start, count, moment, span
from reconciler.errors import Place, Problem
from reconciler.render.escape import line, paint, quoted, terminal, told_apart, width

if TYPE_CHECKING:  # only what is sent has one
    from reconciler.core.outcome import ResultStatus

_MARKS = {
    Mark.THIS_CHANGE: "this change",
    Mark.DRIFT: "drift: the server was changed since the base declared it",
    Mark.PENDING: "pending: the base declares it, and it is not applied yet",
}
_SHORT_MARKS = {Mark.THIS_CHANGE: "by this change", Mark.DRIFT: "drift", Mark.PENDING: "pending"}
_GRAVEST_FIRST = (Action.DEACTIVATE, Action.ACTIVATE, Action.DESCRIBE)
NOBODY = "no active token for single buckets writes"
"""How a consequence begins that leaves a bucket without a writer."""
LAST_USED = "LAST USED"
"""The heading of the column of `last_used`."""
_PLAIN = re.compile(r"[A-Za-z0-9_./@-]+")
_MOST = 20  # names of a right: as many as it has at most
_VERBS = {"write": "writes", "read": "reads"}
_TYPES = {
    **{each: each for each in (
        "annotations", "authorizations", "buckets", "checks", "dashboards", "documents", "labels", "notebooks",
        "remotes", "replications", "scrapers", "secrets", "sources", "tasks", "telegrafs", "users", "variables",
        "views",
    )},
    "dbrp": "database mappings", "notificationEndpoints": "notification endpoints",
    "notificationRules": "notification rules", "orgs": "organisations",
}  # fmt: skip


EMPTY = "The list is empty. A server leaves out what these credentials may not read: see `tokenctl doctor`."
"""What to say of a server that shows no token."""


def gravest_first(changes: Iterable[Change]) -> list[Change]:
    """Return the changes as a reviewer wants to see them, who may stop early; apply's order has deactivations last."""
    return sorted(changes, key=lambda change: (_GRAVEST_FIRST.index(change.action), change.token.id))


def verdict(plan: Plan) -> str:
    """Return what the plan comes to in a few words of ours: counts, and whether it is refused."""
    counts = [f"{plan.count(action):,} to {action}" for action in _GRAVEST_FIRST if plan.count(action)]
    words = ", ".join(counts) or "no changes"
    return f"refused ({words})" if plan.refusals else words


def plan_command(plan: Plan) -> str:
    """Return the command that makes such a plan."""
    return "undo" if plan.undoes else "plan"


def title_parts(plan: Plan) -> tuple[str, ...]:
    """Return what the plan is about: the run that it undoes, if any, the organisations, the server and its product."""
    undone = f"Undo of {terminal(plan.undoes)}" if plan.undoes else ""
    return tuple(filter(None, (undone, ", ".join(told_apart(plan.orgs)), address(plan.server), product(plan.server))))


def totals(plan: Plan) -> tuple[str, ...]:
    """Return how many tokens were listed, if any, and how many declarations there are unless it undoes a run."""
    live = [] if plan.live is None else [count(plan.live, "token")]
    return (*live, *([] if plan.undoes else [f"{plan.declared:,} declared"]))


def address(server: Server) -> str:
    """Return the server's URL, and the profile of the influx CLI that led there or signs in."""
    return server.url + (f" (profile {quoted(server.profile)})" if server.profile else "")


def product(server: Server) -> str:
    """Return what the server is, with its version where it tells it."""
    version = terminal(server.version.removeprefix("v"))
    return f"InfluxDB {version}".rstrip() + (" Cloud" if server.build == "Cloud" else "")


def name_of(change: Change) -> str:
    """Return what a reader knows the token by: its declared name, or else its live description."""
    return terminal(change.name) if change.name else quoted(change.token.description)


def live_description(change: Change) -> str:
    """Return the live description where the name says something else, "" else: no name may hide which token it is."""
    return "" if change.described is None else apart(terminal(change.name or ""), quoted(change.described))[1]


def kept_description(change: Change) -> str:
    """Return `live_description` where the change keeps it, "" where a difference shows it."""
    return live_description(change) if change.description is None else ""


def org_of(change: Change) -> str:
    """Return the name of the token's organisation, or its id where the server does not name it."""
    return terminal(change.token.org or change.token.org_id)


def owner_of(change: Change, *, across: bool) -> str:
    """Return whose token it is, with the organisation where a plan is about several."""
    return terminal(change.token.user) + (f" in {org_of(change)}" if across else "")


def file_and_line(place: Place | None) -> str:
    """Return the file as it is called and the line, "" where they are not known."""
    return f"{place.file}:{place.line}" if place else ""


def place_of(change: Change) -> str:
    """Return the file and the line of the declaration, "" where they are not known."""
    return terminal(file_and_line(change.places.get("")))


def labels_of(change: Change, named: Callable[[str], str] = terminal) -> str:
    """Return the labels of the declaration, sorted; `named` draws each."""
    return ", ".join(named(f"{name}={value}") for name, value in sorted(change.labels.items()))


def plainly(name: str) -> str:
    """Return a name among our own words: in quotes unless it is made of letters, digits and a few signs."""
    return name if _PLAIN.fullmatch(name) else quoted(name)


@lru_cache(maxsize=1024)  # most tokens may do what others may
def rights_of(
    rights: Some[Right] | None, org: str, named: Callable[[str], str] = plainly, *, brief: bool = False
) -> str:
    """Return what a token of the organisation may do, on one line; `named` draws each foreign text.

    With `brief` only the first few rights and names of each are told, and the rest counted.
    """
    if rights is None:
        return "rights not known"
    shown = rights.shown[:SHOWN] if brief else rights.shown
    left = len(rights.shown) - len(shown) + rights.more
    told = [_right(each, org, named, SHOWN if brief else _MOST) for each in shown]
    return "; ".join([*told, *([f"and {left:,} more"] if left else [])]) or "no rights"


def _right(right: Right, org: str, named: Callable[[str], str], most: int) -> str:
    if right.action == "all":
        return "operator" if right.org is None else f"all access to {named(right.org)}"
    verb = _VERBS.get(right.action) or f"may {named(right.action)}"
    kind = _TYPES.get(right.kind) or named(right.kind)
    where = "every organisation" if right.org is None else named(right.org)
    if not right.kind:
        return f"{verb} everything in {where}"
    if not right.names.shown:
        return f"{verb} all {kind} of {where}"
    one = len(right.names.shown) + right.names.more == 1
    kind = kind.removesuffix("s") if one and right.kind in _TYPES else kind
    return f"{verb} {kind} {_some(right.names, named, most)}{'' if right.org == org else f' of {where}'}"


def _some(names: Some[str], named: Callable[[str], str], most: int) -> str:
    shown = names.shown[:most]
    left = len(names.shown) - len(shown) + names.more
    return ", ".join(map(named, shown)) + (f" and {left:,} more" if left else "")


def consequences(change: Change, named: Callable[[str], str] = plainly, *, brief: bool = False) -> list[str]:
    """Return who writes the buckets that a deactivated token may write, once the plan is applied, a sentence each."""
    told: dict[tuple[Some[str], int], list[str]] = {}
    most = SHOWN if brief else _MOST
    for each in change.buckets.shown:
        told.setdefault((each.writers, each.wider), []).append(each.name)
    found = []
    for (writers, wider), names in told.items():
        buckets = _some(Some(tuple(names)), named, most)
        if writers.shown:
            verb = "is" if len(names) == 1 else "are"
            sentence = f"{buckets} {verb} still written by {_some(writers, named, most=1 if brief else SHOWN)}"
        else:
            sentence = f"{NOBODY} {buckets}"
        found.append(sentence + (f"; {count(wider, 'token')} for all buckets still can" if wider else ""))
    return [*found, *([f"{count(change.buckets.more, 'more bucket')} not shown"] if change.buckets.more else [])]


def dates_of(token: Token) -> list[str]:
    """Return the days, in UTC, on which the token was made and last changed, as far as the server tells them."""
    times = {"created": token.created_at, "last changed": token.updated_at}
    return [f"{what} {day}" for what, time in times.items() if (day := day_of(time))]


def day_of(time: str) -> str:
    """Return the date of a time in UTC, "" where it is none."""
    with suppress(OverflowError):  # at the ends of the calendar
        if found := moment(time):
            return found.astimezone(UTC).date().isoformat()
    return ""


def mark_of(change: Change, field: str) -> str:
    """Return where the difference of a field comes from, in a word or two, "" where that is not known."""
    return _SHORT_MARKS[change.marks[field]] if field in change.marks else ""


def until_of(change: Change) -> str:
    """Return which `until` switches the token off, "" for none."""
    return f"until {change.until} has passed" if change.until else ""


def marks_of(change: Change) -> str:
    """Return where a change comes from, "" where that is not known; where its fields differ in that, of each."""
    if len(set(change.marks.values())) == 1 and change.marks.keys() == change.body.keys():
        return _MARKS[next(iter(change.marks.values()))]
    return ", ".join(f"{field} {_SHORT_MARKS[mark]}" for field, mark in change.marks.items())


def use_of(change: Change) -> str:
    """Return what the evidence says of the token, "" without any: when it was last used, or that it was not seen."""
    if change.use is None:
        return ""
    from reconciler.core.usage import said  # only a plan with evidence needs it

    return said(change.use)


def last_use(use: Use | None) -> str:
    """Return when a token was last used, by the log, or that it was not seen, or is not known."""
    return (use.last or "not seen") if use else "not known"


def last_used(use: Use | None) -> str:
    """Return how long before the end of the log a token was last used, or that it was not seen, or is not known."""
    from reconciler.core.usage import between_s

    if use is None:
        return "not known"
    return span(between_s(use.last, use.until)) if use.last else "not seen"


def mark_counts(plan: Plan) -> str:
    """Return how many changes come from where."""
    found = [change.mark for change in plan.changes]
    counts = [f"{found.count(mark):,} {_SHORT_MARKS[mark]}" for mark in Mark]
    return ", ".join([*counts, *([f"{found.count(None):,} not told"] if None in found else [])])


def value(field: str, text: str | None) -> str:
    """Return a field's value: a description in quotes, as it may be anything; None is what a file does not declare."""
    if text is None:
        return "not declared"
    return quoted(text) if field == "description" else terminal(text)


def values(difference: Difference) -> tuple[str, str]:
    """Return the value before and after; what would look the same in both and is not is escaped."""
    return apart(value(difference.field, difference.before), value(difference.field, difference.after))


def apart(one: str, other: str) -> tuple[str, str]:
    """Return two texts with escapes where they would look the same and are not."""
    return (one, other) if one.isascii() and other.isascii() else contrast.apart(one, other)


def narrowed_values(difference: Difference, room: int) -> tuple[str, str, str]:
    """Return each value, in so many columns, around what differs in it first and last, and what is left out."""
    field, given = difference.field, (difference.before, difference.after)
    texts = [each or "" for each in given]
    start = end = 0
    if not any(isinstance(each, Elided) for each in texts):
        start = common_start(texts[0], texts[1])
        end = common_end(texts[0], texts[1], start)
    shown, size = [value(field, each) for each in given], room
    while size and max(map(width, shown)) > room:
        size = size * 7 // 8
        pieces = narrowed(texts, start, end, size)
        shown = [_pieced(field, *each) for each in zip(given, pieces, strict=True)]
    before, after = apart(shown[0], shown[1])
    lengths = [each.length if isinstance(each, Elided) else len(each) for each in texts]
    alike = f", alike: first {start:,}, last {end:,}" if start or end else ""
    return before, after, f"{lengths[0]:,} → {lengths[1]:,} characters{alike}"


def _pieced(field: str, text: str | None, pieces: list[str]) -> str:
    """Return pieces of a value, with an ellipsis outside of their quotes for what is left out."""
    if text is None:
        return value(field, None)
    begins, ends = text.startswith(pieces[0]), text.endswith(pieces[-1])
    return f"{'' if begins else '… '}{' … '.join(value(field, each) for each in pieces)}{'' if ends else ' …'}"


def field_and_values(difference: Difference) -> str:
    """Return the field with its value before and after, on one line."""
    return f"{difference.field} {' → '.join(values(difference))}"


def problem(problem: Problem, title: str = "", *, colour: int = 0) -> str:
    """Return a problem in the form `title: place: message`, with its hint on a line of its own."""
    heading = paint(f"{title}:", colour, enabled=bool(colour)) + " " if title else ""
    where = f"{problem.place}: " if problem.place else ""
    hint = f"\n  hint: {terminal(problem.hint)}" if problem.hint else ""
    return heading + line(where + problem.message) + hint


def problems(problems: Iterable[Problem]) -> str:
    """Return the problems, one after the other, each ended by a newline."""
    return "".join(problem(each) + "\n" for each in problems)


def reading(tokens: int) -> str:
    """Return that so many tokens of a list have come."""
    return f"Reading tokens: {tokens:,} so far"


def reading_logs(read: int, total: int, after_s: float) -> str:
    """Return that so many bytes of logs were read, of a total where that is known."""
    mib = 1024 * 1024
    of = f" of {total // mib:,}" if total else ""
    return f"Reading logs: {read // mib:,}{of} MiB, {_duration(after_s)}"


def waiting(url: str, waited_s: float) -> str:
    """Return that the server is waited for, for so long by now."""
    return f"Waiting for {terminal(url)}, {_duration(waited_s)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def applying(total: int, statuses: Mapping[ResultStatus, int], elapsed_s: float) -> str:
    """Return that so many changes have each status, after so much time."""
    from reconciler.core.outcome import ResultStatus

    known = sum(statuses.values())
    progress = f"Applying {known:,} of {total:,}" if known < total else f"Reading back {count(total, 'change')}"
    shown = (ResultStatus.FAILED, ResultStatus.UNVERIFIED)
    others = [f"{statuses[status]:,} {status}" for status in shown if statuses.get(status)]
    return ", ".join([progress, *others, _duration(elapsed_s)])
