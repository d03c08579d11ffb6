"""Wanted tokens in, changes out: what differs, and how."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from reconciler.core.plan import Change, in_order
from reconciler.core.resolve import Wanted
from reconciler.core.token import Elided, TokenId


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a change: its name and its value before and after."""

    field: str
    before: str
    after: str


def changes(wanted: Iterable[Wanted], protected: Container[TokenId] = ()) -> tuple[Change, ...]:
    """A change for each wanted token that differs in a managed field, by phase and then by id.

    `protected` are tokens that are so whatever their declarations say.
    """
    return in_order(change for each in wanted if (change := _change(each, protected)))


def _change(wanted: Wanted, protected: Container[TokenId]) -> Change | None:
    declared, token = wanted.declaration, wanted.token
    status = None if declared.status == token.status else declared.status
    description = None if declared.description == token.description else declared.description
    if status is None and description is None:
        return None
    fields = ["", *(["status"] if status else []), *([] if description is None else ["description"])]
    return Change(
        token=token,
        status=status,
        description=description,
        name=declared.name,
        protected=declared.protected or token.id in protected,
        places={key: declared.origin.place(key) for key in fields},
    )


def explain(change: Change) -> tuple[Difference, ...]:
    """How the token differs from its declaration: status first, then description."""
    from deepdiff import DeepDiff  # 70 ms: paid only when something differs and is shown

    live = {"status": change.token.status.value, "description": change.token.description}
    kinds = [(str, Elided)]
    tree = DeepDiff(
        live, {**live, **change.body}, view="tree", ignore_private_variables=False, ignore_type_in_groups=kinds
    )
    found = {item.path(output_format="list")[0]: item for item in tree.get("values_changed", ())}
    return tuple(Difference(field, found[field].t1, found[field].t2) for field in live if field in found)
