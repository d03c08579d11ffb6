"""Values before and after in, what differs out: which field, and what it was and is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.live import Elided


@dataclass(frozen=True, slots=True)
class Difference:
    """A field and its value before and after; None where there is none."""

    field: str
    before: str | None
    after: str | None


def between(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the fields; one that is missing is as one that is None."""
    pairs = {field: (before.get(field), after.get(field)) for field in {**before, **after}}
    return tuple(Difference(field, *pair) for field, pair in pairs.items() if pair[0] != pair[1])


def explain(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Difference, ...]:
    """The same of values that are known to differ and are shown, by deepdiff."""
    from deepdiff import DeepDiff  # 70 ms, and half a millisecond a token: paid only for what is shown

    kinds = [(str, Elided)]
    tree = DeepDiff(before, after, view="tree", ignore_private_variables=False, ignore_type_in_groups=kinds)
    found = {item.path(output_format="list")[0]: item for item in tree.get("values_changed", ())}
    return tuple(Difference(field, found[field].t1, found[field].t2) for field in before if field in found)
