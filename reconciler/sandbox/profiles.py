"""The name of an InfluxDB version in, what is peculiar to that version out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reconciler.errors import Problem, UsageError

_VERSION = re.compile(r"v?(2)\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a server of this version differs from others.

    `hides_secrets`: it stores a hash of each secret, and answers show `""` in its place.
    """

    version: str
    commit: str
    unknown_status: str
    hides_secrets: bool


_PREFIXED = "encodeAuthorization: unknown authorization status"

# From each of these versions on, as recorded of 2.7.12, 2.8.0 and 2.9.1. Before 2.1 headers and filters differed more.
_SINCE = {
    (2, 1, 0): Profile(
        version="", commit="ec9dcde5d6", unknown_status="unknown authorization status", hides_secrets=False
    ),
    (2, 8, 0): Profile(version="", commit="40a633239e", unknown_status=_PREFIXED, hides_secrets=False),
    (2, 9, 0): Profile(version="", commit="d4fa1941fd", unknown_status=_PREFIXED, hides_secrets=True),
}


def profile(version: str, *, hashed: bool | None = None) -> Profile:
    """How the server of that version behaves; `hashed` says whether it hides secrets, None: as the version does.

    Raises UsageError for what is no version from 2.1.0 on.
    """
    found = _VERSION.fullmatch(version)
    number = tuple(int(part) for part in found.groups()) if found else ()
    known = [since for since in _SINCE if since <= number]
    if not known:
        hint = "versions from 2.1.0 on are known, such as 2.7.12, 2.8.0 and 2.9.1"
        raise UsageError(Problem(f"there is no InfluxDB version `{version}` to be like", hint))
    like = _SINCE[max(known)]
    hides = like.hides_secrets if hashed is None else hashed
    return replace(like, version="v" + ".".join(str(part) for part in number), hides_secrets=hides)
