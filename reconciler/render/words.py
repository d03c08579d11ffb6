"""The words and pieces of which every output is made; foreign text in them is escaped and on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.core import contrast
from reconciler.core.contrast import common_end, narrowed
from reconciler.core.live import Elided, Server
from reconciler.core.plan import Action, Change, Difference, Kind, Mark, Plan, Revision, Use
from reconciler.core.text import common_start, count, span
from reconciler.errors import Place, Problem
from reconciler.render.escape import line, paint, quoted, terminal, told_apart, width

if TYPE_CHECKING:  # a plan has neither, unless it was reviewed
    from reconciler.core.outcome import ResultStatus
    from reconciler.core.review import Review, TokenDifference

_MARKS = {
    Mark.THIS_CHANGE: "this change",
    Mark.DRIFT: "drift: the server was changed since the base declared it",
    Mark.PENDING: "pending: the base declares it, and it is not applied yet",
}
_SHORT_MARKS = {Mark.THIS_CHANGE: "by this change", Mark.DRIFT: "drift", Mark.PENDING: "pending"}
_GRAVEST_FIRST = (Action.DEACTIVATE, Action.ACTIVATE, Action.DESCRIBE)
LAST_USED = "LAST USED"
"""The heading of the column of `last_used`."""
NO_LONGER_MANAGED = "it will no longer be managed; the token stays as it is"
"""What it means that a declaration was removed."""


EMPTY = "The list is empty. A server leaves out what these credentials may not read, and says nothing."
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
    return "" if change.described is None else _apart(terminal(change.name or ""), quoted(change.described))[1]


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


def mark_of(change: Change) -> str:
    """Return where the change as a whole comes from, in a word or two, "" where that is not known."""
    return _SHORT_MARKS[change.mark] if change.mark else ""


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


def revision_counts(revisions: Iterable[Revision]) -> str:
    """Return how many revisions there are of each kind."""
    kinds = [each.kind for each in revisions]
    counted = {kind: kinds.count(kind) for kind in Kind if kind in kinds}
    words = [count(number, kind) if kind is Kind.SETTING else f"{number:,} {kind}" for kind, number in counted.items()]
    return ", ".join(words) or "nothing is declared otherwise"


def gravest_revisions_first(revisions: Iterable[Revision]) -> list[Revision]:
    """Return the revisions with those that loosen a guard first."""
    return sorted(revisions, key=lambda each: not each.loosens)


def value(field: str, text: str | None) -> str:
    """Return a field's value: a description in quotes, as it may be anything; None is what a file does not declare."""
    if text is None:
        return "not declared"
    return quoted(text) if field == "description" else terminal(text)


def values(difference: Difference) -> tuple[str, str]:
    """Return the value before and after; what would look the same in both and is not is escaped."""
    return _apart(value(difference.field, difference.before), value(difference.field, difference.after))


def _apart(one: str, other: str) -> tuple[str, str]:
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
    before, after = _apart(shown[0], shown[1])
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


def label_of(revision: Revision) -> str:
    """Return what a reader knows a declaration or setting by: its name and what it selects, or its key."""
    return terminal(f"{revision.name} ({revision.target})" if revision.name else revision.target)


def place_of_revision(revision: Revision) -> str:
    """Return the file and the line where it stands, or stood before it was removed, as the file is called."""
    return file_and_line(revision.place or revision.base_place)


def loosened(revision: Revision, subject: str = "") -> str:
    """Return how a revision loosens a guard; `subject` begins the sentence where that needs one."""
    return "it was protected" if revision.kind is Kind.REMOVED else f"{subject}loosens a guard of the base"


def meaning(revision: Revision) -> list[str]:
    """Return what a revision means, a sentence or a field each."""
    if revision.kind is Kind.REMOVED:
        parts = [NO_LONGER_MANAGED]
    elif revision.kind is Kind.ADDED:
        parts = [f"{each.field} {value(each.field, each.after)}" for each in revision.edits]
    else:
        parts = list(map(field_and_values, revision.edits))
    return [*parts, *([loosened(revision, "this ")] if revision.loosens else [])]


def problem(problem: Problem, title: str = "", *, colour: int = 0) -> str:
    """Return a problem in the form `title: place: message`, with its hint on a line of its own."""
    heading = paint(f"{title}:", colour, enabled=bool(colour)) + " " if title else ""
    where = f"{problem.place}: " if problem.place else ""
    hint = f"\n  hint: {terminal(problem.hint)}" if problem.hint else ""
    return heading + line(where + problem.message) + hint


def problems(problems: Iterable[Problem]) -> str:
    """Return the problems, one after the other, each ended by a newline."""
    return "".join(problem(each) + "\n" for each in problems)


def review_verdict(review: Review) -> str:
    """Return what the plan is beside the reviewed one."""
    from reconciler.core.review import Verdict

    if review.verdict is Verdict.AS_REVIEWED:
        return "as reviewed"
    if review.verdict is Verdict.DIFFERS:
        return f"differs from what was reviewed, whose digest is {review.digest}"
    return f"unknown: {terminal(review.reason)}"


def review_differences(review: Review) -> list[str]:
    """Return a line for each value of the whole plan and for each token that is not as it was reviewed."""
    whole = [f"{each.field}: {_review_values(each)}" for each in review.differences]
    return whole + [_token_difference(each) for each in review.tokens]


def _token_difference(token: TokenDifference) -> str:
    from reconciler.core.review import Side

    sides = {
        Side.NOW: "only in this plan",
        Side.REVIEWED: "only in the reviewed plan",
        Side.BOTH: "otherwise than reviewed",
    }
    differences = [each for each in token.differences if token.side is Side.BOTH or each.field.endswith(" after")]
    values = "; ".join(f"{each.field} {_review_values(each)}" for each in differences)
    named = quoted(token.name) + (f" ({quoted(token.description)})" if token.description else "")
    return f"{token.id} {named}, {sides[token.side]}: {values}"


def _review_values(difference: Difference) -> str:
    show = quoted if difference.field.startswith("description") else terminal
    shown = _apart(*("" if each is None else show(each) for each in (difference.before, difference.after)))
    return " → ".join(filter(None, shown))


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
