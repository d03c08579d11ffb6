"""Values in, the words and pieces out of which every output is made; foreign text is escaped and on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.live import Server
from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Action, Change, Difference, Kind, Mark, Plan, Revision
from reconciler.core.review import Review, Side, TokenDifference, Verdict
from reconciler.core.text import count
from reconciler.errors import Problem
from reconciler.render.escape import line, quoted, terminal, width

_SHORT = {Mark.THIS_CHANGE: "by this change", Mark.DRIFT: "drift", Mark.PENDING: "pending"}
_MARKS = {
    Mark.THIS_CHANGE: "this change",
    Mark.DRIFT: "drift: the server was changed since the base declared it",
    Mark.PENDING: "pending: the base declares it, and it is not applied yet",
}
_GRAVEST_FIRST = (Action.DEACTIVATE, Action.ACTIVATE, Action.DESCRIBE)


def gravest_first(changes: Iterable[Change]) -> list[Change]:
    """The changes as a reviewer wants to see them, who may stop early; apply's own order has deactivations last."""
    return sorted(changes, key=lambda change: (_GRAVEST_FIRST.index(change.action), change.token.id))


def headline(plan: Plan) -> str:
    """The verdict and the counts in a few words of ours; what is not there is not counted."""
    counts = [f"{plan.count(action):,} to {action}" for action in _GRAVEST_FIRST if plan.count(action)]
    words = ", ".join(counts) or "no changes"
    return f"refused ({words})" if plan.refusals else words


def made_by(plan: Plan) -> str:
    """The command that makes such a plan."""
    return "undo" if plan.undoes else "plan"


def sent_by(plan: Plan) -> str:
    """The command that makes such a plan and sends it."""
    return "undo --apply" if plan.undoes else "apply"


def subject(plan: Plan) -> str:
    """What a plan that is none of a manifest is about, "" for all others."""
    return f"Undo of {terminal(plan.undoes)}" if plan.undoes else ""


def tallies(plan: Plan) -> tuple[str, ...]:
    """How much the plan looked at."""
    live = count(plan.live, "token")
    return (live,) if plan.undoes else (live, f"{plan.declared:,} declared")


def address(server: Server) -> str:
    """The server's URL, and the profile of the influx CLI that led there or signs in."""
    return server.url + (f" (profile {quoted(server.profile)})" if server.profile else "")


def product(server: Server) -> str:
    """What the server is, with its version where it tells it."""
    version = terminal(server.version.removeprefix("v"))
    return f"InfluxDB {version}".rstrip() + (" Cloud" if server.build == "Cloud" else "")


def action_words(change: Change) -> str:
    """What a change does, in a word or two of ours."""
    return change.action.value


def name_of(change: Change) -> str:
    """What a reader knows the token by: its declared name, or else its live description."""
    return terminal(change.name) if change.name else quoted(change.token.description)


def described(change: Change) -> str:
    """The live description where the name says something else, "" else: no name may hide which token it is."""
    return quoted(change.described) if change.described else ""


def kept(change: Change) -> str:
    """The same where the description stays, "" where a difference shows it."""
    return described(change) if change.description is None else ""


def org_of(change: Change) -> str:
    """The token's organisation: its name, or its id where the server does not name it."""
    return terminal(change.token.org or change.token.org_id)


def owner_of(change: Change, *, across: bool) -> str:
    """Whose token it is, with the organisation where a plan is about several."""
    return terminal(change.token.user) + (f" in {org_of(change)}" if across else "")


def place_of(change: Change) -> str:
    """The file and the line of the declaration, "" where they are not known."""
    place = change.places.get("")
    return f"{terminal(place.file)}:{place.line}" if place else ""


def why(change: Change) -> str:
    """Where a change comes from, "" where that is not known; where its fields differ in that, of each."""
    told = {field: _MARKS[mark] for field, mark in change.marks.items()}
    if len(set(told.values())) == 1 and told.keys() == change.body.keys():
        return next(iter(told.values()))
    return ", ".join(f"{field} {_SHORT[mark]}" for field, mark in change.marks.items())


def origin_of(change: Change) -> str:
    """The same of the change as a whole, in a word or two."""
    return _SHORT[change.mark] if change.mark else ""


def origins(plan: Plan) -> str:
    """How many changes come from where, in words of ours."""
    found = [change.mark for change in plan.changes]
    counts = [f"{found.count(mark):,} {_SHORT[mark]}" for mark in Mark]
    return ", ".join([*counts, *([f"{found.count(None):,} not told"] if None in found else [])])


def revised(revisions: Iterable[Revision]) -> str:
    """How many revisions there are of each kind, in words of ours."""
    kinds = [each.kind for each in revisions]
    counted = {kind: kinds.count(kind) for kind in Kind if kind in kinds}
    words = [count(number, kind) if kind is Kind.SETTING else f"{number:,} {kind}" for kind, number in counted.items()]
    return ", ".join(words) or "nothing is declared otherwise"


def gravest_revised_first(revisions: Iterable[Revision]) -> list[Revision]:
    """The revisions with those that loosen a guard first."""
    return sorted(revisions, key=lambda each: not each.loosens)


def values(difference: Difference) -> tuple[str, str]:
    """The value before and after."""
    return value(difference.field, difference.before), value(difference.field, difference.after)


def value(field: str, text: str | None) -> str:
    """A field's value: a description in quotes, as it may be anything; None is what a file does not declare."""
    if text is None:
        return "not declared"
    return quoted(text) if field == "description" else terminal(text)


def label_of(revision: Revision) -> str:
    """What a reader knows a revised declaration or setting by: its name and what it selects, or its key."""
    return terminal(f"{revision.name} ({revision.target})" if revision.name else revision.target)


def said(revision: Revision) -> list[str]:
    """What a revision means, a sentence or a field each."""
    if revision.kind is Kind.REMOVED:
        told = ["it will no longer be managed; the token stays as it is"]
    elif revision.kind is Kind.ADDED:
        told = [f"{each.field} {value(each.field, each.after)}" for each in revision.edits]
    else:
        told = [
            f"{each.field} {value(each.field, each.before)} → {value(each.field, each.after)}"
            for each in revision.edits
        ]
    if revision.loosens:
        told.append("it was protected" if revision.kind is Kind.REMOVED else "this loosens a guard of the base")
    return told


WIDTH = 80
"""How many columns a line has where values allow."""


def paint(text: str, colour: int, *, enabled: bool) -> str:
    """The text in an ANSI colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if enabled else text


def difference(field: str, before: str | None, after: str | None) -> list[str]:
    """A field and its two values, on one line where they fit; None is what the file does not declare."""
    start = f"      {field:<11}  "
    earlier, later = value(field, before), value(field, after)
    if width(start + earlier + later) + 3 <= WIDTH:
        return [f"{start}{earlier} → {later}"]
    indent = " " * len(start)
    return [start + earlier, f"{indent[:-2]}→ {later}"]


def pad(text: str, size: int) -> str:
    """The text in exactly so many columns: filled with blanks, or cut."""
    cut = fit(text, size)
    return cut + " " * (size - width(cut))


def fit(text: str, size: int) -> str:
    """The text in at most so many columns: cut in the middle, as texts that begin alike often end otherwise."""
    if width(text) <= size:
        return text
    end, start = text[-(size // 3) :], text[: size - 1]
    while width(end) > size // 3:
        end = end[1:]
    while width(start) + 1 + width(end) > size:
        start = start[:-1]
    return f"{start}…{end}"


def problem(problem: Problem, title: str = "", *, colour: int = 0) -> str:
    """A problem in the form `title: place: message`, with its hint on a line of its own."""
    heading = paint(f"{title}:", colour, enabled=bool(colour)) + " " if title else ""
    where = f"{problem.place}: " if problem.place else ""
    hint = f"\n  hint: {terminal(problem.hint)}" if problem.hint else ""
    return heading + line(where + problem.message) + hint


def problems(problems: Iterable[Problem]) -> str:
    """Problems, one after the other, each ended by a newline."""
    return "".join(problem(each) + "\n" for each in problems)


_SIDES = {
    Side.NOW: "only in this plan",
    Side.REVIEWED: "only in the reviewed plan",
    Side.BOTH: "otherwise than reviewed",
}


def review_verdict(review: Review) -> str:
    """What the plan is, in words of ours."""
    if review.verdict is Verdict.AS_REVIEWED:
        return "as reviewed"
    if review.verdict is Verdict.DIFFERS:
        return f"differs from what was reviewed, whose digest is {review.digest}"
    return f"unknown: {terminal(review.reason)}"


def review_differences(review: Review) -> list[str]:
    """A line for each value of the whole plan and for each token that is not as it was reviewed."""
    whole = [f"{each.field}: {_review_values(each)}" for each in review.moved]
    return whole + [_token_difference(each) for each in review.tokens]


def _token_difference(token: TokenDifference) -> str:
    moved = [each for each in token.moved if token.side is Side.BOTH or each.field.endswith(" after")]
    values = "; ".join(f"{each.field} {_review_values(each)}" for each in moved)
    named = quoted(token.name) + (f" ({quoted(token.description)})" if token.description else "")
    return f"{token.id} {named}, {_SIDES[token.side]}: {values}"


def _review_values(moved: Difference) -> str:
    show = quoted if moved.field.startswith("description") else terminal
    known = [None if each is None else show(each) for each in (moved.before, moved.after)]
    if None in known:
        (value,) = filter(None, known)
        return value
    return " → ".join(filter(None, known))


def reading(tokens: int) -> str:
    """So many tokens of a list have come."""
    return f"Reading tokens: {tokens:,} so far"


def applying(total: int, statuses: Mapping[ResultStatus, int], elapsed_s: float) -> str:
    """So many changes have each status, after so much time."""
    known = sum(statuses.values())
    told = f"Applying {known:,} of {total:,}" if known < total else f"Reading back {count(total, 'change')}"
    others = [
        f"{statuses[status]:,} {status}"
        for status in (ResultStatus.FAILED, ResultStatus.UNVERIFIED)
        if statuses.get(status)
    ]
    return ", ".join([told, *others, _time(int(elapsed_s))])


def _time(seconds: int) -> str:
    minutes, left = divmod(seconds, 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"
