"""Foreign text in, whether a part of it is a secret, and the text without it, out."""

from __future__ import annotations

import re

SECRET = re.compile(r"[A-Za-z0-9+/_-]{86}(?:==|%3[Dd]%3[Dd])|apiv3_[A-Za-z0-9+/_-]{20,}")
"""InfluxDB 2 makes secrets of 64 bytes in base64: 86 characters and `==`; those of InfluxDB 3 have this prefix."""

_HIDDEN = "***"
_TELLING = 12  # a shorter secret, such as `admin`, is a word that stands anywhere


def holds_secret(text: str) -> bool:
    """Whether a part of the text looks like a token's secret."""
    # Each of these is in every secret, and looking for them takes no time.
    return ("==" in text or "%3" in text or "apiv3_" in text) and SECRET.search(text) is not None


def without(text: str, *known: str) -> str:
    """The text with `***` for each of these secrets."""
    for secret in known:
        if len(secret) >= _TELLING:
            text = text.replace(secret, _HIDDEN)
    return text


def masked(text: str, *known: str) -> str:
    """The text with `***` for each of these secrets, and for everything that looks like a token's secret."""
    text = without(text, *known)
    return SECRET.sub(_HIDDEN, text) if holds_secret(text) else text
