"""A plan or a change in, the words in which every output speaks of it out; foreign text is on one line and escaped."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.diff import Difference
from reconciler.core.live import Server
from reconciler.core.plan import Action, Change, Plan
from reconciler.render.escape import quoted, terminal

_GRAVEST_FIRST = (Action.DEACTIVATE, Action.ACTIVATE, Action.DESCRIBE)


def gravest_first(changes: Iterable[Change]) -> list[Change]:
    """The changes as a reviewer wants to see them, who may stop early; apply's own order has deactivations last."""
    return sorted(changes, key=lambda change: (_GRAVEST_FIRST.index(change.action), change.token.id))


def headline(plan: Plan) -> str:
    """The verdict and the counts in a few words of ours; what is not there is not counted."""
    counts = [f"{plan.count(action):,} to {action}" for action in _GRAVEST_FIRST if plan.count(action)]
    words = ", ".join(counts) or "no changes"
    return f"refused ({words})" if plan.refusals else words


def product(server: Server) -> str:
    """What the server is, with its version where it tells it."""
    version = terminal(server.version.removeprefix("v"))
    return f"InfluxDB {version}".rstrip() + (" Cloud" if server.build == "Cloud" else "")


def deed(change: Change) -> str:
    """What a change does, in a word or two of ours."""
    return change.action.value


def name_of(change: Change) -> str:
    """What a reader knows the token by: its declared name, or else its live description."""
    return terminal(change.name) if change.name else quoted(change.token.description)


def place_of(change: Change) -> str:
    """The file and the line of the declaration, "" where they are not known."""
    place = change.places.get("")
    return f"{terminal(place.file)}:{place.line}" if place else ""


def values(difference: Difference) -> tuple[str, str]:
    """The value before and after, a description in quotes."""
    show = quoted if difference.field == "description" else terminal
    return show(difference.before), show(difference.after)
