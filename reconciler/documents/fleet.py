"""Plans of a fleet as documents of schemas/fleet.v1.json; a saved one ⇄ its file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from reconciler import files
from reconciler.core.fleet import NAME, Fleet, Member, Planned, Skipped
from reconciler.core.plan import Action
from reconciler.documents import decode, kinds
from reconciler.documents.decode import Document, Fields, list_of, matching, object_of, one_of, text
from reconciler.documents.plan import PROBLEM, decode_plan, plain, plan_document
from reconciler.errors import ExitCode, StaleError

FORMAT_VERSION = 1

_LARGEST = 1024 * 1024 * 1024  # bytes: 10,000 servers of 100 kB
_REMAKE = "make it anew with `tokenctl plan --fleet DIR -o FILE`"
_REASONS = {each.reason: each for each in ExitCode}
_SUMS = ("unchanged", "declared", "managed")


def save_fleet(fleet: Fleet, path: Path) -> None:
    """Write the plans so that the path holds all of it or what it held before; only the user may read it.

    Raises LocalError when that cannot be done.
    """
    files.write(json.dumps(fleet_document(fleet), indent=2) + "\n", path, private=True)


def load_fleet(path: Path) -> Fleet:
    """Read plans that `save_fleet` wrote.

    Raises LocalError when the file cannot be read, InvalidError when it has no plans of a fleet, StaleError when it is
    not as it was written.
    """
    content = decode.read(path, "plan", _LARGEST)
    try:
        document = decode.parse(content)
        fleet = _decode(document)
    except decode.DecodeError as error:
        raise kinds.refused(path, "plan of a fleet", kinds.Kind.FLEET, _REMAKE, error, content) from None
    if document != fleet_document(fleet):
        raise StaleError(f"{path} was changed after it was made: its parts do not fit together", _REMAKE)
    members = tuple(
        replace(each, plan=each.plan._replace(files=(str(path),))) if isinstance(each, Planned) else each
        for each in fleet.members
    )
    return replace(fleet, members=members)


def fleet_document(fleet: Fleet) -> Document:
    """The plans for schemas/fleet.v1.json, with all that is derived."""
    planned = fleet.planned
    live = [each.plan.live for each in planned if each.plan.live is not None]
    return {
        "format_version": FORMAT_VERSION,
        "fleet": {
            "servers": len(fleet.members),
            "planned": len(planned),
            "changing": len(fleet.changing),
            "skipped": {code.reason: number for code, number in fleet.skipped_by.items()},
            "left_out": fleet.left_out,
            **({"removed": list(fleet.removed)} if fleet.removed else {}),
        },
        "digest": fleet.digest,
        "reason": fleet.code.reason,
        "counts": {
            **{action: fleet.count(action) for action in Action},
            **{key: sum(getattr(each.plan, key) for each in planned) for key in _SUMS},
            **({"live": sum(live)} if live else {}),
        },
        "servers": [_member_document(each) for each in fleet.members],
    }


def _member_document(member: Member) -> Document:
    head: Document = {"name": member.name, "reason": member.code.reason}
    if isinstance(member, Planned):
        return {**head, "plan": plan_document(member.plan)}
    return {**head, "url": member.url, "problems": plain(member.problems)}


_NAME = matching(NAME, "the name of a server")
_REASON = one_of(_REASONS)


@object_of
def _member(field: Fields) -> Member:
    name, reason = field("name", _NAME), field("reason", _REASON)
    if "plan" in field.left:
        return Planned(name=name, plan=field("plan", decode_plan))
    return Skipped(
        name=name, url=field("url", text), code=_REASONS[reason], problems=field("problems", list_of(PROBLEM))
    )


@object_of
def _decode(field: Fields) -> Fleet:
    field("format_version", decode.integer(FORMAT_VERSION, FORMAT_VERSION))
    field("digest", decode.DIGEST)
    field("reason", _REASON)
    field("counts", decode.an_object)
    summary = field("fleet", decode.an_object)
    left_out = decode.COUNT(summary.get("left_out"))
    removed = tuple(list_of(_NAME)(summary.get("removed", [])))
    members = field("servers", list_of(_member))
    # What is sent to a server is found by its name.
    if twice := [name for name, number in Counter((*(each.name for each in members), *removed)).items() if number > 1]:
        raise decode.DecodeError("is there twice", subject=f"the server {twice[0]}")
    return Fleet(members=members, left_out=left_out, removed=removed)
