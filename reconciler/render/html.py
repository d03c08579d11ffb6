"""A plan in, one HTML page out that needs nothing else: no request leaves it, and no script in it but our own runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape as _escape

from reconciler.core.diff import explain
from reconciler.core.plan import Action, Change, Plan
from reconciler.core.text import count
from reconciler.errors import Problem
from reconciler.render.escape import quoted, terminal
from reconciler.render.words import product

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--act:#1a7f37;--off:#cf222e;--say:#9a6700}
@media(prefers-color-scheme:dark){:root{--act:#3fb950;--off:#f85149;--say:#d29922}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:75rem;padding:1rem;overflow-wrap:anywhere}
code{font:.9em ui-monospace,monospace}
h1{font-size:1.4rem}
fieldset{border:0;padding:0;margin:1rem 0}
fieldset label{margin-right:1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
th button{all:unset;cursor:pointer;font-weight:bold}
th button:focus-visible{outline:2px solid}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
.activate{color:var(--act)}.deactivate,.refused{color:var(--off)}.describe,.warning{color:var(--say)}
@media(max-width:40rem){thead{display:none}tr{display:block;border-bottom:2px solid var(--line)}
td{display:block;border:0;padding:.1rem 0}td::before{content:attr(data-label) ": ";opacity:.7}}
"""
_SCRIPT = """
const rows=[...document.querySelectorAll("tbody tr")];
const boxes=[...document.querySelectorAll("input[type=checkbox]")];
const shown=document.getElementById("shown");
function filter(){const on=new Set(boxes.filter(b=>b.checked).map(b=>b.value));let n=0;
for(const r of rows){r.hidden=!on.has(r.dataset.action);n+=!r.hidden}
if(shown)shown.textContent=n+" of "+rows.length+" changes shown"}
for(const b of boxes)b.addEventListener("change",filter);
document.querySelectorAll("th button").forEach((button,i)=>button.addEventListener("click",()=>{
const th=button.parentElement,up=th.getAttribute("aria-sort")!=="ascending";
document.querySelectorAll("th").forEach(o=>o.removeAttribute("aria-sort"));
th.setAttribute("aria-sort",up?"ascending":"descending");
const key=r=>r.children[i].textContent;
rows.sort((a,b)=>(key(a)<key(b)?-1:key(a)>key(b)?1:0)*(up?1:-1));
document.querySelector("tbody").append(...rows)}));
filter();
"""
_COLUMNS = ("Change", "Token", "Id", "Owner", "Before and after", "Declared at")


def plan(plan: Plan) -> str:
    """The counts, what stands in the way, and each change with its values before and after, to filter and to sort."""
    policy = (
        f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = [
        f"<h1>{_verdict(plan)}</h1>",
        f"<p>{_about(plan)}</p>",
        f"<p>Digest <code>{plan.digest}</code></p>",
        _problems("refused", [(f"Refused by guard {each.guard}", each.problem) for each in plan.refusals]),
        _problems("warning", [("Warning", each) for each in plan.warnings]),
        _changes(plan) if plan.changes else "",
    ]
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>tokenctl plan {plan.digest[:12]}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            *(part for part in body if part),
            f"</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(text: str) -> str:
    return _escape(terminal(text))


def _code(text: str) -> str:
    return f"<code>{_shown(text)}</code>"


def _verdict(plan: Plan) -> str:
    if plan.refusals:
        return f'<span class="refused">Refused</span>: nothing of {count(len(plan.changes), "change")} may be applied'
    counts = ", ".join(f"{plan.count(action)} to {action}" for action in Action)
    return f"{counts}, {plan.unchanged:,} unchanged" if plan.changes else "No changes"


def _about(plan: Plan) -> str:
    parts = [*map(_code, plan.orgs), _code(plan.server.url), _shown(product(plan.server))]
    return " · ".join([*parts, count(plan.live, "token"), f"{plan.declared:,} declared"])


def _problems(kind: str, problems: Sequence[tuple[str, Problem]]) -> str:
    items = []
    for title, problem in problems:
        where = f"{_code(str(problem.place))}: " if problem.place else ""
        hint = f"<br>{_shown(problem.hint)}" if problem.hint else ""
        items.append(f'<li><strong class="{kind}">{title}</strong>: {where}{_shown(problem.message)}{hint}</li>')
    listed = "\n".join(items)
    return f"<ul>\n{listed}\n</ul>" if items else ""


def _changes(plan: Plan) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{action}" checked> {action} ({plan.count(action)})</label> '
        for action in Action
    )
    head = "".join(f'<th scope="col"><button type="button">{name}</button></th>' for name in _COLUMNS)
    rows = "\n".join(map(_row, plan.changes))
    return (
        f"<fieldset><legend>Show</legend>{boxes}</fieldset>\n"
        f'<p id="shown" role="status">{count(len(plan.changes), "change")}</p>\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _row(change: Change) -> str:
    place = change.places.get("")
    fields = []
    for each in explain(change):
        show = quoted if each.field == "description" else terminal
        earlier, later = _escape(show(each.before)), _escape(show(each.after))
        fields.append(f"{each.field} <code>{earlier}</code> → <code>{later}</code>")
    cells = (
        f'<span class="{change.action}">{change.action}</span>',
        _code(change.name) if change.name else f"<code>{_escape(quoted(change.token.description))}</code>",
        f"<code>{change.token.id}</code>",
        _code(change.token.user),
        "<br>".join(fields),
        _code(f"{place.file}:{place.line}") if place else "",
    )
    row = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(_COLUMNS, cells, strict=True))
    return f'<tr data-action="{change.action}">{row}</tr>'
