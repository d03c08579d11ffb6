"""A server's URL and the environment in, the proxy that stands between out."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reconciler.core.endpoint import Secret, is_loopback
from reconciler.errors import UsageError

_URL = re.compile(r"((?:https?|socks5h?)://)([^\s/?#@]*@)?([A-Za-z0-9._:\[\]-]+)/?", re.IGNORECASE)
_ENTRY = re.compile(r"(?:\*?\.)?(.+?)(?::([0-9]+))?")
_SEPARATORS = re.compile(r"[,\s]+")
_PORTS = {"http": 80, "https": 443}
_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy: the variable that names it, its URL without user and password, and the whole URL."""

    variable: str
    address: str
    url: Secret

    @property
    def is_plain(self) -> bool:
        """Whether it is reached over plain http."""
        return self.address.startswith("http:")

    @property
    def password(self) -> str:
        """The user and password in its URL, "" for none."""
        return _credentials(self.url.reveal())

    def shows(self, server: str) -> str:
        """What secret of a run against that server others see by way of this proxy, "" for none."""
        if server.startswith("http:"):
            return f"the proxy {self.address} (from {self.variable}) sees your token: {server} is plain http"
        if self.is_plain and self.password:
            return f"the password for the proxy {self.address} (from {self.variable}) is sent over plain http"
        return ""


def proxy_for(server: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for the server at that URL; never one for this machine's own loopback.

    HTTPS_PROXY or HTTP_PROXY, by the server's scheme, comes before ALL_PROXY; lower case before upper case. Raises
    UsageError for a proxy that cannot be used.
    """
    variable = named(server, environment)
    if not variable or is_direct(server, environment):
        return None
    text = environment[variable]
    found = _URL.fullmatch(text if "://" in text else f"http://{text}")
    if not found or not _has_port(found[0]):
        raise unusable(variable)
    return Proxy(variable=variable, address=found[1].lower() + found[3], url=Secret(found[0]))


def named(server: str, environment: Mapping[str, str]) -> str:
    """The variable that would name a proxy for the server, whether or not one is used; "" for none."""
    own = f"{urlsplit(server).scheme}_proxy"
    return next((name for name in (own, own.upper(), "all_proxy", "ALL_PROXY") if environment.get(name)), "")


def is_direct(server: str, environment: Mapping[str, str]) -> bool:
    """Whether the server is reached without a proxy whatever is set: it is loopback, or NO_PROXY names it.

    NO_PROXY has hosts, domains and addresses, each with a port or without, or `*` for all.
    """
    parts = urlsplit(server)
    host, port = parts.hostname or "", str(parts.port or _PORTS[parts.scheme])
    text = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return is_loopback(host) or any(_names(entry, host, port) for entry in _SEPARATORS.split(text.lower()) if entry)


def secrets(environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """Users and passwords of proxies in the environment, whether or not one is used, in each way in which they are met.

    That is as they stand in the URL, in plain, without the user, and in a header.
    """
    found: dict[str, None] = {}
    for value in (environment.get(name, "") for name in _VARIABLES):
        written = _credentials(value)
        plain = unquote(written)
        header = b64encode(plain.encode("utf-8", "replace")).decode()
        alone = (each.partition(":")[2] for each in (written, plain))
        found |= dict.fromkeys((written, plain, *alone, header))
    return tuple(Secret(each) for each in found if each)


def unusable(variable: str) -> UsageError:
    """The error for a proxy that cannot be used; holds nothing of its URL, which may have a password."""
    hint = "write http://HOST:PORT into it, a password percent-encoded, or name the server in NO_PROXY"
    return UsageError(f"the proxy that {variable} names cannot be used", hint)


def _credentials(url: str) -> str:
    return url.rpartition("://")[2].rpartition("@")[0]


def _has_port(url: str) -> bool:
    """Whether its port can be called, where it has one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _names(entry: str, host: str, port: str) -> bool:
    if entry in ("*", host, f"[{host}]", f"[{host}]:{port}"):
        return True
    found = _ENTRY.fullmatch(entry)
    return found is not None and found[2] in (None, port) and f".{host}".endswith(f".{found[1]}")
