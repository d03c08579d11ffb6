"""A plan, or problems, as one HTML page that needs nothing else: no request, and no script or style but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from reconciler.core.plan import Action, Change, Difference, Plan, Revision, explained
from reconciler.core.text import common_start, count
from reconciler.errors import Place, Problem
from reconciler.render import compared, words
from reconciler.render.escape import terminal
from reconciler.render.findings import ProblemReport

_CODE = re.compile("`([^`]+)`")
_SHORT = 24  # characters that have room in every column
_SIGN = re.compile("[/_.]+")
FOLDER = Path(__file__).parent / "page"
_SIGNS = {Action.DEACTIVATE: "−", Action.ACTIVATE: "+", Action.DESCRIBE: "~"}
_UNSORTED = "Before and after"
_MEANING = "What it means"
COLUMNS = ("Change", "Token", "Owner", _UNSORTED, _MEANING, "Declared at")


def plan(plan: Plan) -> str:
    """Return the page: verdict and digest, what stands in the way, and each change, to filter and to sort.

    Without JavaScript every row is shown. Deactivations come first.
    """
    revisions = plan.base.revisions if plan.base else ()
    refused = [(f"guard {each.guard}", each.problem) for each in plan.refusals]
    return page(
        f"tokenctl {words.plan_command(plan)}: {words.verdict(plan)}",
        f"""\
{_header(plan)}
<main>
{_problems("refused", "Refused: nothing of this can be applied", refused)}\
{_revisions("warning", "Guards of the base that would hold less", [each for each in revisions if each.loosens])}\
{_problems("warning", count(len(plan.warnings), "warning"), [("", each) for each in plan.warnings])}\
{_changes(plan)}\
{_revisions("files", "What else the files mean", [each for each in revisions if not each.loosens])}\
</main>
{_footer(plan)}""",
        (FOLDER / "page.js").read_text("utf-8"),
    )


def problems(report: ProblemReport) -> str:
    """Return the page of why there is no plan: how the command ended, and what is wrong."""
    wrong, warned = ([("", each) for each in some] for some in (report.problems, report.warnings))
    verdict = report.verdict
    return page(
        f"tokenctl {report.command}: {verdict}",
        f"""\
<header{' class="refused"' if wrong else ""}>
<p class="tool">tokenctl {report.command}</p>
<h1>{verdict[0].upper()}{verdict[1:]}</h1>
</header>
<main>
{_problems("refused", count(len(wrong), "problem"), wrong)}\
{_problems("warning", count(len(warned), "warning"), warned)}\
</main>
""",
    )


def page(title: str, body: str, script: str = "", style: str = "") -> str:
    """Return a page that runs no other script than this one, and shows nothing from elsewhere."""
    style = style or (FOLDER / "page.css").read_text("utf-8")
    scripts = f"script-src '{_hash(script)}'; " if script else ""
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; {scripts}base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'"
    )
    scripted = f"<script>{script}</script>\n" if script else ""
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}\
{scripted}\
</body>
</html>
"""


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def shown(text: str) -> str:
    """Return foreign text as it stands in a page: control characters are visible, and nothing is markup."""
    return escape(terminal(text))


def _breaking(text: str) -> str:
    """Return what was escaped with places to break a long text at: after signs, and not within what they divide."""
    return text if len(text) <= _SHORT else _SIGN.sub(r"\g<0><wbr>", text)


def _coded(text: str) -> str:
    """Return the text with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", shown(text))


def _footer(plan: Plan) -> str:
    """Return the digest once more, after everything that foreign text could look like."""
    if not plan.changes:
        return ""
    use = "" if plan.refusals else "<br>Given to <code>--expect</code>, it lets exactly this be applied"
    return f'<footer>Digest <code class="digest">{plan.digest}</code>{use}</footer>\n'


def _header(plan: Plan) -> str:
    verdict = words.verdict(plan)
    declared = "" if plan.undoes else f"{plan.declared:,} declared, "
    live = "" if plan.live is None else f"{plan.live:,} live, "
    counted = f"{live}{declared}{plan.unchanged:,} unchanged"
    facts = [
        *([("Undoes", f"<code>{shown(plan.undoes)}</code>")] if plan.undoes else []),
        ("Server", f"<code>{shown(words.address(plan.server))}</code>"),
        ("Product", shown(words.product(plan.server))),
        ("Organisations" if len(plan.orgs) != 1 else "Organisation", shown(", ".join(plan.orgs)) or "none"),
        ("Tokens", counted),
        *([("Compared", f"since <code>{shown(plan.base.ref)}</code>: {words.mark_counts(plan)}")] if plan.base else []),
    ]
    listed = "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f"""\
<header{' class="refused"' if plan.refusals else ""}>
<p class="tool">tokenctl {words.plan_command(plan)}</p>
<h1>{verdict[0].upper()}{verdict[1:]}</h1>
<dl class="facts">
{listed}
<div class="whole"><dt>Digest</dt><dd><code class="digest">{plan.digest}</code></dd></div>
</dl>
</header>"""


def _problems(kind: str, title: str, problems: Sequence[tuple[str, Problem]]) -> str:
    return section(kind, title, [problem_item(*each) for each in problems])


def problem_item(name: str, problem: Problem, on: str = "") -> str:
    """Return a problem for a list: what it is called, its message, the servers that it is `on`, and the way out."""
    named = f"<strong>{name}</strong> " if name else ""
    hint = f"<p>Way out: {_coded(problem.hint)}</p>" if problem.hint else ""
    return f"{named}{_coded(problem.message)}{on}{_where(problem.place)}{hint}{_tokens(problem)}"


def _tokens(problem: Problem) -> str:
    """Return all tokens that a problem is about, folded, as its message names only a few."""
    if not problem.tokens:
        return ""
    listed = "\n".join(
        f"<li><code>{shown(each.id)}</code> {escape(words.value('description', each.description))}"
        f" of {shown(each.user)} in {shown(each.org)}, {shown(each.status)}</li>"
        for each in problem.tokens
    )
    return f"<details><summary>{count(len(problem.tokens), 'token')}</summary>\n<ul>\n{listed}\n</ul>\n</details>"


def _revisions(kind: str, title: str, revisions: Sequence[Revision]) -> str:
    return section(kind, title, [revision_item(each) for each in revisions])


def revision_item(revision: Revision, on: str = "") -> str:
    """Return what a revision means, for a list, with the servers that it is `on`."""
    meaning = "".join(f"<p>{escape(line)}</p>" for line in compared.meaning(revision))
    named = f"<strong>{revision.kind}</strong> <code>{escape(compared.label_of(revision))}</code>"
    return f"{named}{on}{meaning}{_where(revision.place or revision.base_place)}"


def _where(place: Place | None) -> str:
    return f"<p><code>{_breaking(shown(str(place)))}</code></p>" if place else ""


def section(kind: str, title: str, items: Sequence[str]) -> str:
    """Return a section with a list, "" where there are no items."""
    if not items:
        return ""
    listed = "\n".join(f"<li>{item}</li>" for item in items)
    return f'<section class="problems {kind}">\n<h2>{title}</h2>\n<ul>\n{listed}\n</ul>\n</section>\n'


def _changes(plan: Plan) -> str:
    if not plan.changes:
        return ""
    changes = words.gravest_first(plan.changes)
    return changes_section(
        count(len(plan.changes), "change"),
        "Each token with what it has before and after, deactivations first unless sorted otherwise",
        {action: plan.count(action) for action in _SIGNS},
        COLUMNS,
        map(row, changes, explained(changes)),
    )


def changes_section(
    title: str,
    caption: str,
    counts: Mapping[Action, int],
    columns: Iterable[str],
    rows: Iterable[str],
    more: str = "",
    rest: str = "",
) -> str:
    """Return the table of changes with what filters it: `more` of that, and the `rest` below the table."""
    boxes = "\n".join(
        f'<label class="chip {action}"><input type="checkbox" value="{action}" checked> {action}'
        f" <b>{counts[action]:,}</b></label>"
        for action in _SIGNS
        if counts[action]
    )
    head = "".join(map(_heading, columns))
    drawn = "\n".join(rows)
    return f"""\
<section>
<h2>{title}</h2>
<div class="tools" hidden>
<fieldset><legend class="unseen">Show changes that</legend>
{boxes}
</fieldset>
<label class="search">Search <input id="search" type="search" autocomplete="off" spellcheck="false"></label>
{more}\
<p id="status" class="soft" role="status"></p>
</div>
<table role="table">
<caption>{caption}</caption>
<thead role="rowgroup"><tr role="row">{head}</tr></thead>
<tbody role="rowgroup">
{drawn}
</tbody>
</table>
{rest}\
</section>
"""


def _heading(name: str) -> str:
    if name in (_UNSORTED, _MEANING):
        return f'<th scope="col" role="columnheader" class="plain">{name}</th>'
    return f'<th scope="col" role="columnheader"><button type="button" disabled>{name}</button></th>'


def row(
    change: Change, differences: Iterable[Difference], on: str = "", meaning: str = "", *, alone: bool = True
) -> str:
    """Return a change as a row; `on` is the cell of the servers of a fleet.

    That of many servers, which is not `alone`, has no id, and it has the `meaning` that it is given, if any.
    """
    token = change.token
    own = "this run’s own token" if token.is_own else ""
    marks = filter(None, ("protected" if change.protected else "", own, words.until_of(change)))
    marked = "".join(f' <span class="mark">{each}</span>' for each in marks)
    # Names are sorted by what stands in the cell: a blank keeps a number at the end of one from going on in the id.
    description = words.kept_description(change)
    called = f' <span class="live">{escape(description)}</span>' if description else ""
    which = f" <code>{token.id}</code>" if alone else ""
    name = f'<span class="name">{_breaking(escape(words.name_of(change)))}</span>{called}{which}'
    org = f'<span class="org">{escape(words.org_of(change))}</span>'
    done = f"{_SIGNS[change.action]} {change.action}"
    used = f"<p>{shown(words.use_of(change))}</p>" if change.use else ""
    cells = (
        f'<td role="cell"><span class="badge {change.action}">{done}</span>{used}</td>',
        f'<th role="rowheader" scope="row">{name}{marked}</th>{on}',
        f'<td role="cell" data-label="owner">{shown(token.user)} {org}</td>',
        f'<td role="cell">{"".join(_field(change, each) for each in differences)}</td>',
        f'<td role="cell" class="meaning">{meaning or "".join(_meaning(change))}</td>',
        f'<td role="cell" data-label="declared at"><code>{_breaking(escape(words.place_of(change)))}</code></td>',
    )
    return f'<tr role="row" data-action="{change.action}">{"".join(cells)}</tr>'


def _meaning(change: Change) -> Iterator[str]:
    """Yield what a reviewer wants to know of the token beside its values, a paragraph each."""
    if change.labels:
        yield f"<p>{words.labels_of(change, _named)}</p>"
    yield f"<p>{words.rights_of(change.rights, change.token.org, _named)}</p>"
    for each in words.consequences(change, _named):
        alone = ' class="alone"' if each.startswith(words.NOBODY) else ""
        yield f"<p{alone}>after this, {each}</p>"
    if dates := words.dates_of(change.token):
        yield f'<p class="soft">{", ".join(dates)}</p>'


def _named(name: str) -> str:
    return f"<code>{_breaking(shown(name))}</code>"


def _field(change: Change, difference: Difference) -> str:
    before, after = words.values(difference)
    start = common_start(before, after)
    end = min(common_start(before[::-1], after[::-1]), len(before) - start, len(after) - start)
    earlier, later = (_marked(text, start, end) for text in (before, after))
    mark = words.mark_of(change, difference.field)
    marked = f' <span class="mark">{mark}</span>' if mark else ""
    return (
        f'<div class="field {difference.field}"><span>{difference.field}{marked}</span>'
        f'<del><span class="unseen">before </span>{earlier}</del>'
        f'<ins><span class="unseen">after </span>{later}</ins></div>'
    )


def _marked(text: str, start: int, end: int) -> str:
    """Return the text with what is between its common start and end marked, if these are more than the quotes."""
    middle = text[start : len(text) - end]
    if not middle or start + end <= len('""'):
        return escape(text)
    return f"{escape(text[:start])}<mark>{escape(middle)}</mark>{escape(text[len(text) - end :])}"
