"""Plans of a fleet as one HTML page: the gravest first, equal changes together, each with the servers that have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.core.fleet import Fleet, Group, by_reason, grouped, having
from reconciler.core.plan import Action, Revision, explained
from reconciler.core.text import count
from reconciler.errors import ExitCode
from reconciler.render import words
from reconciler.render.fleet import headline
from reconciler.render.html import (
    COLUMNS,
    FOLDER,
    changes_section,
    page,
    problem_item,
    revision_item,
    row,
    section,
    shown,
)

_NAMED = 3  # servers that are named where there are more
_ROWS, _ITEMS = 10_000, 1_000  # of the table, and of a list
_OF_ONE = 10  # problems of one server
_TABLE = "74rem", "84rem"  # the width that the table needs, without and with the column of servers
_COLUMNS = (*COLUMNS[:2], "Server", *COLUMNS[2:])
_FILTER = """\
<label class="search">Server <input id="server" type="search" autocomplete="off" spellcheck="false"></label>
"""


def plan(fleet: Fleet) -> str:
    """Return the page: verdict and digest, the servers that are not fine, and each change with its servers.

    Without JavaScript every row is shown. What has no room is counted.
    """
    style, script = ((FOLDER / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    more, filters = ((FOLDER / f"fleet.{kind}").read_text("utf-8") for kind in ("css", "js"))
    verdict, wrong = headline(fleet), sum(each.code is not ExitCode.OK for each in fleet.members)
    revised = _revised(fleet)
    return page(
        f"tokenctl {_command(fleet)}: {verdict}",
        f"""\
{_header(fleet, verdict)}
<main>
{_limited("refused" if fleet.blocking else "warning", f"{count(wrong, 'server')} not fine", list(_wrong(fleet)))}\
{_removed(fleet)}\
{_limited("warning", "Guards of the base that would hold less", _revisions(one for one in revised if one[0].loosens))}\
{_limited("warning", count(len(fleet.warnings), "warning"), _warnings(fleet))}\
{_changes(fleet)}\
{_limited("files", "What else the files mean", _revisions(one for one in revised if not one[0].loosens))}\
</main>
{_footer(fleet)}""",
        script + filters,
        style.replace(*_TABLE) + more,
    )


def _command(fleet: Fleet) -> str:
    return next((words.plan_command(each.plan) for each in fleet.planned), "plan")


def _header(fleet: Fleet, verdict: str) -> str:
    plans = [each.plan for each in fleet.planned]
    left_out = f", {fleet.left_out:,} left out" if fleet.left_out else ""
    live = [each.live for each in plans if each.live is not None]
    counted = [f"{sum(live):,} live"] if live else []
    counted += [
        f"{sum(each.declared for each in plans):,} declared",
        f"{sum(each.unchanged for each in plans):,} unchanged",
    ]
    planned = f"{len(plans):,} planned, {fleet.as_declared:,} as declared{left_out}"
    refs = sorted({each.base.ref for each in plans if each.base})
    facts = [
        ("Servers", f"{len(fleet.members):,}: {planned}"),
        ("Tokens", ", ".join(counted)),
        *(("Compared", f"since <code>{shown(ref)}</code>") for ref in refs[:1]),
    ]
    keep = count(len(fleet.blocking), "server")
    blocked = (
        f"<p><strong>{keep} refused or not planned: nothing is applied anywhere</strong></p>\n"
        if fleet.blocking
        else ""
    )
    listed = "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f"""\
<header{' class="refused"' if fleet.blocking else ""}>
<p class="tool">tokenctl {_command(fleet)}</p>
<h1>{verdict[0].upper()}{verdict[1:]}</h1>
{blocked}\
<dl class="facts">
{listed}
<div class="whole"><dt>Digest</dt><dd><code class="digest">{fleet.digest}</code></dd></div>
</dl>
</header>"""


def _footer(fleet: Fleet) -> str:
    """Return the digest once more, after everything that foreign text could look like."""
    if not fleet.changing:
        return ""
    use = "" if fleet.blocking else "<br>Given to <code>--expect</code>, it lets exactly this be applied"
    return f'<footer>Digest <code class="digest">{fleet.digest}</code>{use}</footer>\n'


def _wrong(fleet: Fleet) -> Iterator[str]:
    """Yield why servers are refused, each for itself, and then why others are not planned, alike reasons together."""
    for each in fleet.planned:
        for refusal in each.plan.refusals[:_OF_ONE]:
            yield problem_item(f"refused by guard {refusal.guard}", refusal.problem, _on([each.name]))
        if len(each.plan.refusals) > _OF_ONE:
            yield f"and {len(each.plan.refusals) - _OF_ONE:,} more{_on([each.name])}"
    brief = [replace(each, problems=each.problems[:_OF_ONE]) for each in fleet.skipped]
    for code, problem, names in by_reason(brief):
        yield problem_item(code.reason, problem, _on(names))
    for skipped in fleet.skipped:
        if len(skipped.problems) > _OF_ONE:
            yield f"and {len(skipped.problems) - _OF_ONE:,} problems more{_on([skipped.name])}"


def _removed(fleet: Fleet) -> str:
    if not fleet.removed:
        return ""
    told = "<strong>loosens</strong> their tokens stay as they are, and no guard of their files holds any more"
    title = f"{count(len(fleet.removed), 'server')} removed since the base"
    return section("warning", title, [told + _on([shown(each) for each in fleet.removed])])  # files of another commit


def _warnings(fleet: Fleet) -> list[str]:
    return [problem_item("", problem, _on(names)) for problem, names in fleet.warnings.items()]


def _revised(fleet: Fleet) -> list[tuple[Revision, Sequence[str]]]:
    """Return what the files mean beside the changes, each once with the servers of which it is said."""
    compared = ((each.name, each.plan.base) for each in fleet.planned if each.plan.base)
    return [*having((name, revision) for name, base in compared for revision in base.revisions).items()]


def _revisions(told: Iterable[tuple[Revision, Sequence[str]]]) -> list[str]:
    return [revision_item(revision, _on(names)) for revision, names in told]


def _limited(kind: str, title: str, items: Sequence[str]) -> str:
    """Return a section with a list of at most so many items, the rest of which is counted."""
    left = len(items) - _ITEMS
    return section(kind, title, [*items[:_ITEMS], *([f"and {left:,} more"] if left > 0 else [])])


def _on(names: Sequence[str]) -> str:
    """Return a line with servers, all of them where it is unfolded."""
    if len(names) <= _NAMED:
        return f'<p class="on">on {", ".join(names)}</p>'
    return f'<details class="on"><summary>on {_some(names)}</summary>\n<p>{", ".join(names)}</p>\n</details>'


def _some(names: Sequence[str]) -> str:
    return f"{len(names):,} servers: {', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"


def _changes(fleet: Fleet) -> str:
    groups = grouped(fleet.planned)
    if not groups:
        return ""
    number = sum(len(each.changes) for each in groups)
    left = groups[_ROWS:]
    more = sum(len(each.changes) for each in left)
    seen = "see them in JSON, or of one server with <code>tokenctl show PLAN --server NAME</code>"
    rest = f"<p><strong>and {count(more, 'change')} more in {count(len(left), 'row')}</strong>: {seen}</p>\n"
    return changes_section(
        f"{count(number, 'change')} on {count(sum(bool(each.plan.changes) for each in fleet.planned), 'server')}",
        "Each change with the servers that have it, deactivations first unless sorted otherwise",
        {action: fleet.count(action) for action in Action},
        _COLUMNS,
        _rows(groups[:_ROWS]),
        _FILTER,
        rest if left else "",
    )


def _rows(groups: Sequence[Group]) -> Iterator[str]:
    firsts = [each.changes[0] for each in groups]
    for group, change, differences in zip(groups, firsts, explained(firsts), strict=True):
        if len(group.servers) == 1:
            yield row(change, differences, _cell(group))
            continue
        token = change.token._replace(updated_at="", created_at="")
        if len({each.token.org for each in group.changes}) > 1:
            token = token._replace(org="", org_id=type(token.org_id)(""))
        alike = all((each.rights, each.buckets) == (change.rights, change.buckets) for each in group.changes)
        meaning = "" if alike else "<p>differs by server</p>"
        yield row(change._replace(token=token), differences, _cell(group), meaning, alone=False)


def _cell(group: Group) -> str:
    """Return the servers of a row; where these are several, each with the id that the token has there."""
    names = group.servers
    pairs = [f"{name} {change.token.id}\n" for name, change in zip(names, group.changes, strict=True)]
    if len(names) == 1:
        told = f'<span class="servers">{names[0]}</span>'
    else:
        some = _some(names) if len(names) > _NAMED else f"{len(names)} servers: {', '.join(names)}"
        told = f'<details><summary>{some}</summary>\n<p class="servers">{"".join(pairs)}</p>\n</details>'
    return f'<td role="cell" data-label="server">{told}</td>'
