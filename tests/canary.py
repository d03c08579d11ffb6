"""Secrets that must not occur, and every way in which they would be met in what a program leaves behind."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

_PART = 20  # characters of a secret that are too many

Canaries = tuple[str, ...]


def spellings(secret: str) -> set[str]:
    """The secret as it is, in JSON, in a URL and in base64 at each of its three offsets, and each half of these."""
    whole = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + secret.encode()).decode().rstrip("=")
        whole.add(encoded[4:-4])
    halves = {half for each in whole for half in (each[: len(each) // 2], each[len(each) // 2 :]) if len(half) >= _PART}
    return {each.lower() for each in whole | halves}


def found(secrets: Canaries, texts: Iterable[str]) -> set[str]:
    """Those of the secrets that one of the texts holds, in whole or by half, in any spelling and case."""
    lower = [each.lower() for each in texts]
    return {secret for secret in secrets if any(part in text for part in spellings(secret) for text in lower)}
