"""A plan or a list of tokens in, one JSON document out: in ASCII, keys in a fixed order, with `format_version`."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.live import Server
from reconciler.core.plan import Plan
from reconciler.core.review import Review
from reconciler.core.revise import Revised
from reconciler.core.token import Token
from reconciler.documents.plan import FORMAT_VERSION, elided, plain, plan_document, review_document, revised_document
from reconciler.render.escape import json_text


def plan(plan: Plan, review: Review | None = None) -> str:
    """The plan as schemas/plan.v1.json describes it: as a saved plan holds it, and a review beside it."""
    return _dump({**plan_document(plan), **({"review": review_document(review)} if review else {})})


def tokens(server: Server, tokens: Iterable[Token]) -> str:
    """An inventory: `server`, and under `tokens` each token by ascending id, without its secret.

    A token `manages` the tokens of the owners `manages_owners` in those organisations; `*` stands for all.
    """
    listed = [
        {
            "id": token.id,
            "status": token.status.value,
            "description": token.description,
            "org_id": token.org_id,
            "org": token.org,
            "user_id": token.user_id,
            "user": token.user,
            "updated_at": token.updated_at,
            "manages": sorted(token.rights.orgs),
            "manages_owners": sorted(token.rights.users) if token.rights.orgs else [],
            "own": token.is_own,
            **elided(token),
        }
        for token in sorted(tokens, key=lambda token: token.id)
    ]
    return _dump({"format_version": FORMAT_VERSION, "server": plain(server), "tokens": listed})


def revised(revised: Revised) -> str:
    """What a change of the files means, as schemas/revisions.v1.json describes it."""
    return _dump(revised_document(revised))


def _dump(document: object) -> str:
    return json_text(document, indent=2) + "\n"
