"""What is peculiar to each version of InfluxDB."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.errors import UsageError

_VERSION = re.compile(r"v?(2)\.(\d{1,3})\.(\d{1,3})")
_PREFIXED = "encodeAuthorization: unknown authorization status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a server of this version differs from others.

    `version` is "" where a server does not tell it. `hides_secrets`: it keeps a hash of each secret, and answers show
    `mask` in its place. `filters_by_token`: a list can be narrowed to the token with a secret.
    `refuses_instance`: no token may be made with rights over the whole instance. `recorded`: what it
    answers was seen on real servers, and not only read in their documentation.
    """

    build: str = "OSS"
    version: str = ""
    commit: str = ""
    unknown_status: str = "unknown authorization status"
    hides_secrets: bool = False
    mask: str = ""
    filters_by_token: bool = False
    refuses_instance: bool = False
    recorded: bool = True

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every answer."""
        version = {"X-Influxdb-Version": self.version} if self.version else {}
        return {"X-Influxdb-Build": self.build, **version}


# Each line holds from its version on, as recorded of 2.7.12, 2.8.0 and 2.9.1. Before 2.1 headers and filters differed.
_SINCE = {
    (2, 1, 0): Profile(commit="ec9dcde5d6"),
    (2, 5, 0): Profile(commit="ec9dcde5d6", refuses_instance=True),
    (2, 8, 0): Profile(commit="40a633239e", refuses_instance=True, unknown_status=_PREFIXED),
    (2, 9, 0): Profile(commit="d4fa1941fd", refuses_instance=True, unknown_status=_PREFIXED, hides_secrets=True),
}
_CLOUD = Profile(build="Cloud", hides_secrets=True, mask="redacted", filters_by_token=True, recorded=False)


def profile(version: str, *, hashed: bool | None = None) -> Profile:
    """How the server of that version behaves; `hashed` says whether it hides secrets, None: as the version does.

    Raises UsageError for what is neither a version from 2.1.0 on nor `cloud`.
    """
    if version == "cloud":
        return _CLOUD
    found = _VERSION.fullmatch(version)
    number = tuple(int(part) for part in found.groups()) if found else ()
    known = [since for since in _SINCE if since <= number]
    if not known:
        hint = "versions from 2.1.0 on are known, such as 2.7.12, 2.8.0 and 2.9.1, and `cloud`"
        raise UsageError(f"there is no InfluxDB version `{version}` to be like", hint)
    like = _SINCE[max(known)]
    hides = like.hides_secrets if hashed is None else hashed
    return replace(like, version="v" + ".".join(str(part) for part in number), hides_secrets=hides)
