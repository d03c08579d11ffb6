"""Which server to talk to and as whom."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")


def is_loopback(host: str) -> bool:
    """Whether the host (lower case, IPv6 without brackets) is this machine by its very name."""
    return _LOOPBACK.fullmatch(host) is not None


class Secret:
    """A token's secret: never shown, compared or serialised by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """The secret itself, for the one header that carries it and the comparison with a listed secret."""
        return self._text


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server and the caller's credentials.

    `url` is normalised: scheme, host, port unless it is the scheme's own, and path without a trailing slash.
    The files are paths to PEM files; "" means none. `others` are secrets that no text may hold either: a proxy's.
    """

    url: str
    secret: Secret
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    others: tuple[Secret, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that no text may hold, the caller's own first."""
        return self.secret.reveal(), *(each.reveal() for each in self.others)
