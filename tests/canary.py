"""Secrets that must not occur, a world full of them, and every way in which they would be met in what is left behind."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from urllib.parse import quote

from reconciler.sandbox.seed import Seed, default_seed
from tests.shell import OPERATOR

_PART = 20  # characters of a secret that are too many

CALLER = "cAnArY'of\\the+caller/with=all%signs{}&<it>\"#,which`looks|like^no?token"
PASSWORD = "pAsSwOrD:of the/proxy@with%signs"

GATE = "gAtE:word/of=the&door+with%signs"


def _secret(token_id: str) -> str:
    """A secret as InfluxDB makes them."""
    return base64.urlsafe_b64encode(hashlib.sha512(token_id.encode()).digest()).decode()


LISTED = tuple(_secret(each.id) for each in default_seed().tokens if each.id != OPERATOR)
SECRETS = (CALLER, PASSWORD, GATE, *LISTED)
ECHO = (
    f"{CALLER} me:{PASSWORD} {quote(PASSWORD, safe='')} Bearer {GATE} {LISTED[0]}, {LISTED[1]}"
    # What a double click copies, and a mouse that slipped.
    f" {LISTED[2].rstrip('=')} {CALLER[3:]} {CALLER[:-4]} {CALLER[2:-2]}"
)
"""What somebody says who wants to see them on a screen."""


def world() -> Seed:
    """The usual world, in which every secret is another, and names and descriptions tell them."""
    seed = default_seed()
    return replace(
        seed,
        orgs=tuple(replace(each, name=f"{each.name} {ECHO}") for each in seed.orgs),
        users=tuple(replace(each, name=f"{each.name} {ECHO}") for each in seed.users),
        tokens=tuple(
            replace(
                each,
                secret=CALLER if each.id == OPERATOR else _secret(each.id),
                description=f"{each.description} {ECHO}",
            )
            for each in seed.tokens
        ),
    )


@cache
def spellings(secret: str) -> set[str]:
    """The secret as it is, in JSON, in a URL and in base64 at each of its three offsets, and each half of these."""
    whole = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote(secret, safe="")}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + secret.encode()).decode().rstrip("=")
        whole.add(encoded[4:-4])
    halves = {half for each in whole for half in (each[: len(each) // 2], each[len(each) // 2 :]) if len(half) >= _PART}
    return {each.lower() for each in whole | halves}


def found(texts: Iterable[str], secrets: Iterable[str] = SECRETS) -> set[str]:
    """Those of the secrets that one of the texts holds, in whole or by half, in any spelling and case."""
    lower = "\0".join(texts).lower()
    return {secret for secret in secrets if any(part in lower for part in spellings(secret))}
