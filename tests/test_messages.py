"""docs/messages.md is made of what the program says; `--update-golden` writes it anew."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.errors import ExitCode, TokenctlError

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "messages.md"
HEAD = """\
# Messages

All messages of tokenctl by [exit code](commands.md#exit-codes), with the way out, which tokenctl prints as `hint:`. If a row has none, it prints none, and the sentence
above the table applies. To find a message, search this page for some of its words. `…` stands for what differs. ` / ` separates the ways out of different cases.
"""
LEADS = {
    ExitCode.ERROR: "A file on this machine cannot be read or written: check its path, its permissions and the space on the disk.",
    ExitCode.REFUSED: "A [guard](commands.md#guards) or the `server:` block does not hold. If the change is intended, waive the guard with `--allow NAME`.",
    ExitCode.STALE: "What was reviewed is not what would happen: plan again, and have that reviewed.",
    ExitCode.AUTH: "These credentials lack the rights, or are wrong: see `tokenctl doctor`.",
    ExitCode.UNREACHABLE: "The server gave no usable answer: see `tokenctl doctor`, and run the command again.",
    ExitCode.CANCELLED: "Nobody agreed to the plan: answer `yes`, or use `--yes` with a plan that was reviewed.",
    ExitCode.LOCKED: "Another run holds the lock: wait with `--lock-timeout`, or see who holds it with `tokenctl unlock`.",
    ExitCode.USAGE: "An option, an argument or a variable is wrong: see `--help`.",
    ExitCode.INVALID: "A file, or a declaration in it, is wrong: correct it at the place in the message.",
}
OTHERS = "Guards and checks of a plan, which end with one of the codes above, and warnings, which do not change the exit code."
FEW = 6  # letters that are no message, only what stands between parts of one
VALUES = (  # what differs in the messages of refused manifests
    (r"(first in(?: line)?) \S+", r"\1 …"),
    (r"(no comma) up to line \d+", r"\1"),
    (r"(unknown \w+|no id|well-formed|like an id|`false`:|whole number:|a mapping:) `.*`", r"\1 `…`"),
    (r"(has) [\d,]+ ", r"\1 … "),
    (r"(cannot be one manifest:) .*", r"\1 …"),
)
Scope = Mapping[str, Sequence[ast.expr]]


def _texts(node: ast.expr, scope: Scope) -> list[str]:
    """The texts that an expression may give, with `…` for what differs."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in parts)]
        case ast.IfExp():
            return _texts(node.body, scope) + _texts(node.orelse, scope)
        case ast.BinOp():
            rights = _texts(node.right, scope) or ["…"]
            return [f"{left}{right}" for left in _texts(node.left, scope) or ["…"] for right in rights]
        case ast.Name(id=name):
            return [text for each in scope.get(name, ()) for text in _texts(each, {})]
    return []


def _scope(function: ast.AST) -> Scope:
    """What each name of a function is set to, also from a table of tuples."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
                elif isinstance(target, ast.Tuple):
                    rows = [row for row in ast.walk(node.value) if isinstance(row, ast.Tuple)]
                    for row in rows:
                        for name, value in zip(target.elts, row.elts, strict=False):
                            found.setdefault(ast.unparse(name), []).append(value)
    return found


def _said(path: Path) -> Iterator[tuple[str, str, str]]:
    """Each error or problem that a module makes: its class, its message, and its hint."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [each for each in ast.walk(function) if isinstance(each, ast.Call) and each.args]
        made = [(each.func.id, each) for each in calls if isinstance(each.func, ast.Name) and each.func.id[0].isupper()]
        scope = _scope(function) if made else {}
        for name, node in made:
            messages = _texts(node.args[0], scope)
            named = [each.value for each in node.keywords if each.arg == "hint"]
            hints = _texts([*node.args[1:2], *named][0], scope) if node.args[1:] or named else []
            if len(hints) != len(messages):
                hints = [" / ".join(dict.fromkeys(filter(None, hints)))] * len(messages)
            for message, hint in zip_longest(messages, hints, fillvalue=""):
                yield name, message, hint


def _refused() -> Iterator[tuple[str, str]]:
    """The messages of refused manifests and their hints."""
    for path in sorted((ROOT / "tests" / "rejected").glob("*.txt")):
        for found in re.finditer(r"^\S+?:\d+:\d+: (.*)(?:\n  hint: (.*))?", path.read_text(), re.MULTILINE):
            message = found[1]
            for pattern, instead in VALUES:
                message = re.sub(pattern, instead, message)
            yield message, found[2] or ""


def _table(rows: set[tuple[str, str]]) -> str:
    by_message: dict[str, set[str]] = {}
    for message, hint in rows:
        if len(re.findall("[A-Za-z]", message)) > FEW:
            by_message.setdefault(message.strip(), set()).add(hint)
    cells = [(message, " / ".join(sorted(filter(None, hints)))) for message, hints in sorted(by_message.items())]
    lines = (
        f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |".replace("|  |", "| |") for row in cells
    )
    return "\n".join(["| message | way out |", "|---|---|", *lines, ""])


def test_every_message_is_on_the_page(golden: Callable[[Path, str], None]) -> None:
    classes = {
        name: each.exit_code
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, TokenctlError) and each is not TokenctlError
    }
    assert {*LEADS} == {*classes.values()}
    found: dict[ExitCode | None, set[tuple[str, str]]] = {None: set(), **{code: set() for code in sorted(LEADS)}}
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        for name, message, hint in _said(path):
            if name in classes or name == "Problem":
                found[classes.get(name)].add((message, hint))
    found[ExitCode.INVALID].update(_refused())
    others = found.pop(None) - {row for rows in found.values() for row in rows}
    pages = [
        f"## {int(code)}: {code.reason}\n\n{LEADS[code]}\n\n{_table(rows)}" for code, rows in found.items() if code
    ]
    golden(PAGE, "\n".join([HEAD, *pages, f"## Others\n\n{OTHERS}\n\n{_table(others)}"]))


def test_a_message_has_its_variants_with_their_hints(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "def f():\n"
        "    what, way = {1: ('a', 'b'), 2: (f'{x} c', 'd')}[k]\n"
        "    E(what, way)\n"
        "    E('x' if y else 'z', hint='h')\n"
        "    E('no ' + w)\n"
    )
    assert list(_said(path)) == [
        *[("E", "a", "b"), ("E", "… c", "d")],
        *[("E", "x", "h"), ("E", "z", "h")],
        ("E", "no …", ""),
    ]
