"""Live tokens in, an inventory for people out."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.live import Server
from reconciler.core.token import Token
from reconciler.render.escape import line, quoted, terminal, width
from reconciler.render.pieces import pad
from reconciler.render.words import address, product

_HEADINGS = ("STATUS", "ID", "ORG", "USER")


def tokens(tokens: Iterable[Token], server: Server | None = None) -> str:
    """A line for each token by ascending id, the description last and in full; `*` marks the caller's own token.

    A title line names the server and the profile where one of the influx CLI is in use.
    """
    listed = sorted(tokens, key=lambda token: token.id)
    rows = [(str(token.status), token.id, terminal(token.org), terminal(token.user)) for token in listed]
    widths = [max(map(width, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    lines = [line(f"{address(server)} · {product(server)}"), ""] if server and server.profile else []
    lines += ["  " + _line(_HEADINGS, widths) + "DESCRIPTION"]
    for token, row in zip(listed, rows, strict=True):
        lines.append(("* " if token.is_own else "  ") + _line(row, widths) + quoted(token.description))
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "".join(pad(cell, size) + "  " for cell, size in zip(cells, widths, strict=True))
