"""Says what a failed call means and what to do about it; calls once more where only that can tell.

Such a call goes where the failed one went. It is a TLS handshake with nothing after it, or a request in plain, and
carries no secret and no client certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from reconciler.core.endpoint import PORTS, Endpoint, is_loopback, swapped
from reconciler.core.secrets import masked
from reconciler.errors import Problem
from reconciler.influx import network, trust
from reconciler.influx.deadline import Deadline
from reconciler.influx.network import Proxy


class Diagnosis(NamedTuple):
    """What a run calls, a proxy or the server itself; one more call may take so many `seconds`."""

    endpoint: Endpoint
    proxy: Proxy | None
    environment: Mapping[str, str]
    deadline: Deadline
    seconds: float

    @property
    def through(self) -> str:
        """Return the proxy, as a message names it after the server's URL; "" for none."""
        return f" through {self.proxy}" if self.proxy else ""

    def is_tls(self) -> bool:
        """Return whether what was called without TLS speaks TLS: it answered with an alert, or it does a handshake."""
        called = self.proxy.address if self.proxy else self.endpoint.url
        if self.deadline.tunnelled or not called.startswith("http:"):
            return False
        return self.deadline.alerted or network.has_tls(self._certificate(called, trust.nobody()))

    def is_plain(self) -> bool:
        """Return whether what was called with TLS speaks HTTP without it."""
        host, port = _address(self.proxy.address if self.proxy else self.endpoint.url)
        return not self.deadline.tunnelled and self.deadline.speaks_plain(host, port, self.seconds)

    def lacks_tls(self) -> Problem:
        """Return the problem of a proxy, or of a server, that was called with TLS and has none."""
        proxy = None if self.deadline.tunnelled else self.proxy
        why = f"no connection to {self.endpoint.url}{self.through}: it does not speak TLS"
        return Problem(why, _without_tls(self.endpoint.url, proxy))

    def wants_tls(self, *, is_proxy: bool) -> Problem:
        """Return the problem of the proxy, or else of the server, that was called without TLS and speaks it."""
        url = self.endpoint.url
        who, hint = "it", f"write {swapped(url)} ({network.SOURCES})"
        if self.proxy and is_proxy:
            who, hint = "the proxy", f"write {swapped(self.proxy.address)} into {self.proxy.variable}"
        return Problem(f"no connection to {url}{self.through}: {who} speaks TLS", hint)

    def no_connection(self, error: BaseException) -> Problem:
        """Return the problem of a connection that failed: to the proxy, or to the server."""
        if network.lacks_tls(error):
            return self.lacks_tls()
        proxy = None if self.deadline.tunnelled else self.proxy
        why, hint = network.reason(error, proxy.variable, "proxy") if proxy else network.reason(error)
        if network.is_for_another_host(error) and not self.deadline.tunnelled:
            why = self._other_host(proxy.address if proxy else self.endpoint.url) or why
        elif network.is_from_nobody_known(error):
            hint += f": known are those of {trust.trusted(self.endpoint, self.environment)}"
        return Problem(f"no connection to {self.endpoint.url}{self.through}: {why}", hint)

    def _other_host(self, url: str) -> str:
        """Return which hosts a certificate is for instead, "" where it is not shown again."""
        shown = self._certificate(url, trust.whoever_is_named(self.endpoint, self.environment))
        if isinstance(shown, Exception):
            return ""
        names = masked(network.certificate_names(shown), *self.endpoint.secrets)
        return f"its certificate is for {names}, not for `{urlsplit(url).hostname}`"

    def _certificate(self, url: str, context: SSLContext) -> Mapping[str, Any] | Exception:
        return self.deadline.certificate(*_address(url), context, self.seconds)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _without_tls(url: str, proxy: Proxy | None) -> str:
    if proxy:
        return f"write {swapped(proxy.address)} into {proxy.variable}, if the proxy has no TLS"
    if is_loopback(urlsplit(url).hostname or ""):
        return f"write {swapped(url)} ({network.SOURCES}), if the server has no TLS"
    shown = "which shows your token to everybody on the way"
    return f"if the server has no TLS, write {swapped(url)} with --allow-insecure-http, {shown}; else check the port"
