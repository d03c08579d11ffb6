"""Lists of live tokens for people and for spreadsheets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from reconciler.core.live import Server, Token
from reconciler.core.rights import rights_of
from reconciler.render import words
from reconciler.render.escape import line, quoted, rows, terminal

if TYPE_CHECKING:  # only `list --usage` has evidence, and `list --fleet` several servers
    from reconciler.core.fleet import Inventory
    from reconciler.core.usage import Evidence

_HEADINGS = ("STATUS", "ID", "ORG", "USER", "UPDATED", "DESCRIPTION")
_COLUMNS = ("status", "id", "org", "user", "updated", "description", "created", "manages", "own", "rights")  # of csv
_FORMULA = ("=", "+", "-", "@")  # what spreadsheets run a cell for that begins with it, even in quotes


def table(
    tokens: Iterable[Token],
    server: Server | None = None,
    columns: int | None = None,
    evidence: Evidence | None = None,
) -> str:
    """Return a line for each token by ascending id, the description last; `*` marks the caller's own token.

    A title line names the server and the profile where one of the influx CLI is in use. With evidence there is a column
    that says how long before the end of its log each was used.
    """
    listed = sorted(tokens, key=lambda token: token.id)
    cells = [_told(token) for token in listed]
    headings = [*_HEADINGS]
    if evidence:
        headings.insert(2, words.LAST_USED)
        for each, token in zip(cells, listed, strict=True):
            each.insert(2, words.last_used(evidence.use(token.id)))
    title = line(f"{words.address(server)} · {words.product(server)}") + "\n\n" if server and server.profile else ""
    return title + _drawn(listed, [headings, *cells], columns, (0, 1, 2, 5) if evidence else (0, 1, 4))


def table_of_fleet(found: Iterable[Inventory], columns: int | None = None) -> str:
    """Return such lines for the tokens of each server, whose name is the first column."""
    listed = _of_fleet(found)
    cells = [[name, *_told(token)] for name, token in listed]
    return _drawn([token for _, token in listed], [["SERVER", *_HEADINGS], *cells], columns, (0, 1, 2, 5))


def _of_fleet(found: Iterable[Inventory]) -> list[tuple[str, Token]]:
    return [(each.name, token) for each in found for token in each.tokens]


def _told(token: Token) -> list[str]:
    return [
        str(token.status),
        token.id,
        terminal(token.org),
        terminal(token.user),
        words.day_of(token.updated_at) or terminal(token.updated_at),
        quoted(token.description),
    ]


def _drawn(tokens: Iterable[Token], cells: Sequence[Sequence[str]], columns: int | None, whole: Collection[int]) -> str:
    """Return headings and a line for each token, of which the columns that are `whole` are not cut."""
    drawn = rows(cells, columns, beside=len("* "), whole=whole)
    if cells[0][-1] not in drawn[0]:  # so little room that a heading is cut: the dates make some
        dates = len(cells[0]) - 2
        drawn = rows([[*row[:dates], row[-1]] for row in cells], columns, beside=len("* "), whole={*whole} - {dates})
    lines = [f"  {drawn[0].rstrip()}"]
    for token, row in zip(tokens, drawn[1:], strict=True):
        lines.append(("* " if token.is_own else "  ") + row.rstrip())
    return "\n".join(lines) + "\n"


def csv(tokens: Iterable[Token], evidence: Evidence | None = None) -> str:
    """Return a header and a line for each token by ascending id, with more columns than a table has room for.

    With evidence the last one is when each was last used, `not seen` or `not known`. Texts have the same escapes as
    in a table, and no cell is a formula of a spreadsheet: such a one has `'` before it.
    """
    cells = [
        [*_texts(token), *([words.last_use(evidence.use(token.id))] if evidence else [])]
        for token in sorted(tokens, key=lambda token: token.id)
    ]
    return _lines([[*_COLUMNS, *(["last_used"] if evidence else [])], *cells])


def csv_of_fleet(found: Iterable[Inventory]) -> str:
    """Return such lines for the tokens of each server, whose name is the first column."""
    return _lines([["server", *_COLUMNS], *([name, *_texts(token)] for name, token in _of_fleet(found))])


def _texts(token: Token) -> list[str]:
    return [
        token.status.value,
        token.id,
        token.org,
        token.user,
        token.updated_at,
        token.description,
        token.created_at,
        " ".join(sorted(token.rights.orgs)),
        "true" if token.is_own else "false",
        words.rights_of(rights_of(token), token.org),
    ]


def _lines(cells: Iterable[Sequence[str]]) -> str:
    return "".join(",".join(map(_cell, row)) + "\n" for row in cells)


def _cell(text: str) -> str:
    shown = terminal(text)
    shown = f"'{shown}" if shown.startswith(_FORMULA) else shown
    return '"' + shown.replace('"', '""') + '"' if "," in shown or '"' in shown else shown
