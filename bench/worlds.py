"""Sizes in, manifests and list answers of so many tokens out."""

from __future__ import annotations

import json
from pathlib import Path

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
