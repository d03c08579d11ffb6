"""Sizes in, manifests, plans, journals and list answers of so many tokens out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from reconciler.core.live import OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Outcome, Provenance, Result, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.documents.journal import header_line, intent_line, result_line, summary_line
from reconciler.documents.plan import save_plan
from reconciler.errors import Place

_EPOCH = 0x0D3A5F0C1BE4E000


def token_id(number: int) -> str:
    """The id of the number-th token."""
    return f"{_EPOCH + number * 0x1000:016x}"


def manifest(folder: Path, tokens: int, files: int = 1) -> list[str]:
    """Write a manifest of so many declarations with four keys each, spread over files; gives the paths."""
    paths = []
    share = tokens // files
    for part in range(files):
        path = folder / f"tokens-{tokens}-{part}.yaml"
        entries = [
            f'  - id: "{token_id(number)}"\n    name: token-{number}\n'
            f"    description: Ingest of site {number} (platform)\n    status: active\n"
            for number in range(part * share, (part + 1) * share)
        ]
        path.write_text("version: 1\ntokens:\n" + "".join(entries))
        paths.append(str(path))
    return paths


def for_a_parser(path: str) -> str:
    """The same file with a comment behind a value, for which `validate` takes twice as long as for a plain one."""
    parsed = Path(path).with_name(f"parsed-{Path(path).name}")
    parsed.write_text(Path(path).read_text().replace("version: 1\n", "version: 1 # of the format\n", 1))
    return str(parsed)


def declare(folder: Path, ids: Sequence[str], description: str, status: str = "active") -> str:
    """Write a manifest that gives these tokens this description and status; gives its path."""
    path = folder / f"declared-{len(ids)}.yaml"
    entries = [
        f'  - id: "{each}"\n    name: token-{number}\n    description: {description}\n    status: {status}\n'
        for number, each in enumerate(ids)
    ]
    path.write_text("version: 1\ntokens:\n" + "".join(entries))
    return str(path)


def plan(folder: Path, changes: int) -> str:
    """Write a saved plan of so many changes; gives its path."""
    path = folder / f"plan-{changes}.json"
    save_plan(made_plan(changes), path)
    return str(path)


def journal(folder: Path, changes: int) -> str:
    """Write the journal of a run that made so many changes; gives its path."""
    path = folder / f"journal-{changes}.ndjson"
    made = made_plan(changes)
    results = [
        Result(change=each, status=ResultStatus.DONE, updated_at="2024-05-13T09:41:07.52417Z") for each in made.changes
    ]
    lines = [header_line(made, Provenance(run="apply-1", started="now", tool="0.1.0"))]
    lines += [line for each in results for line in (intent_line(each.change, 1), result_line(each))]
    lines.append(summary_line(Outcome(results=tuple(results))))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def made_plan(changes: int) -> Plan:
    """A plan of so many changes."""
    org, user = OrgId("5f2c9e1a77b0d3c4"), UserId("0d3a5f0bd1a4e000")
    made = [
        Change(
            token=Token(
                id=TokenId(token_id(number)),
                status=Status.ACTIVE,
                description=f"Old name of site {number} (platform)",
                org_id=org,
                org="acme",
                user_id=user,
                user="ci-bot",
                updated_at="2024-05-13T09:41:07.52417Z",
            ),
            description=f"Ingest of site {number} (platform)",
            name=f"token-{number}",
            places={key: Place("tokens.yaml", 3 + 4 * number, 5) for key in ("", "description")},
        )
        for number in range(changes)
    ]
    return Plan(
        server=Server(url="https://influx.example", build="OSS", version="v2.7.12"),
        orgs=("acme",),
        changes=Plan.in_order(made),
        declared=changes,
        managed=changes,
        live=changes,
        limits=Limits(),
    )


def answer(tokens: int, changed: int) -> bytes:
    """The body of GET /api/v2/authorizations for them, two permissions a token, so many with another description."""
    every = max(tokens // changed, 1) if changed else tokens + 1
    listed = [_authorization(number, other=number % every == 0) for number in range(tokens)]
    return json.dumps({"links": {"self": "/api/v2/authorizations"}, "authorizations": listed}, indent="\t").encode()


def _authorization(number: int, *, other: bool) -> dict[str, object]:
    org, user = "5f2c9e1a77b0d3c4", "0d3a5f0bd1a4e000"
    resource = {"type": "buckets", "id": "9c11d2e03fb7a680", "orgID": org, "name": "telemetry", "org": "acme"}
    return {
        "id": token_id(number),
        "token": f"FAKE-{number:081d}==",
        "status": "active",
        "description": f"{'Old name of' if other else 'Ingest of'} site {number} (platform)",
        "orgID": org,
        "org": "acme",
        "userID": user,
        "user": "ci-bot",
        "permissions": [{"action": action, "resource": resource} for action in ("read", "write")],
        "links": {"self": f"/api/v2/authorizations/{token_id(number)}", "user": f"/api/v2/users/{user}"},
        "createdAt": "2024-05-13T09:41:07.52417Z",
        "updatedAt": "2024-05-13T09:41:07.52417Z",
    }
