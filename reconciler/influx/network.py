"""What stands between this machine and the server: its proxy, and what a failed connection means."""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from reconciler.core.endpoint import PORTS, Secret, is_loopback
from reconciler.errors import UsageError

_PROXY = re.compile(r"((?:https?|socks5h?)://)([^\s/?#@]*@)?((?!:)[A-Za-z0-9._:\[\]-]+)/?", re.IGNORECASE)
_ENTRY = re.compile(r"(?:\*?\.)?(.+?)(?::([0-9]+))?")
_BRACKETS = re.compile(r"^\[(.*)\](?=/|$)")
_MASK = re.compile(r"/.*[^0-9]")  # a netmask in full, which neither curl nor Go takes
_SEPARATORS = re.compile(r"[,\s]+")
Network = IPv4Network | IPv6Network
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
BY_PROXY = range(520, 525)
"""Statuses of Cloudflare's: it did not reach the server, or had no answer of it."""
PASSING = frozenset((408, 425, 429, 502, 503, 504, *BY_PROXY))
"""The statuses of a proxy, or of a server, after which another may come when it is asked again."""
SOURCES = "--url, INFLUX_HOST"
"""What says which server to call."""
_CLOCK = "have it renewed, or set this machine's clock"
_UNKNOWN = ("its certificate comes from an authority that is not known here", "name the authority's own with --ca-file")
_OTHER_HOST = ("its certificate is for another host", "check {}: its host has to be one that the certificate names")
_CLIENT = "give one that it trusts with --client-cert and --client-key"
_TOO_OLD = ("it speaks no TLS of version 1.2 or later", "update it, or what stands before it")
_NO_TLS = ("it does not speak TLS", "check {}")
_SHOWN = 3  # names of a certificate
_LENGTH = 80  # characters of one of them

# By the X509_V_ERR_ numbers of OpenSSL.
_CERTIFICATE = {
    9: ("its certificate is not valid yet", _CLOCK),
    10: ("its certificate has expired", _CLOCK),
    18: ("its certificate is self-signed", "if you trust it, name it with --ca-file"),
    **dict.fromkeys((19, 20, 21), _UNKNOWN),
    **dict.fromkeys((62, 64), _OTHER_HOST),
}
# By the part of OpenSSL's reason that versions and protocols have in common.
_TLS = {
    "CERTIFICATE_REQUIRED": ("it wants a client certificate", _CLIENT),
    "ALERT_UNKNOWN_CA": ("it does not trust the client certificate", _CLIENT),
    "CERTIFICATE_EXPIRED": ("it says that the client certificate has expired", _CLIENT),
    "CERTIFICATE": ("it refuses the client certificate, or that there is none", _CLIENT),
    "HANDSHAKE_FAILURE": ("it breaks off the TLS handshake", f"if it wants a client certificate, {_CLIENT}"),
    "PROTOCOL_VERSION": _TOO_OLD,
    "UNSUPPORTED_PROTOCOL": _TOO_OLD,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
}
_ALERT = re.compile(r"^(ssl|tls)v[0-9]+ alert ")
# What Go, nginx, Apache, Tomcat, IIS and others answer in plain where they expect TLS.
_WANTS_TLS = re.compile(
    rb"HTTP request (?:was sent )?to (?:an )?HTTPS|plain HTTP to an SSL|requires? (?:the use of )?(?:TLS|SSL|HTTPS)\b"
    rb"|(?:viewed|accessed|sent|used) over (?:TLS|SSL|HTTPS|a secure)|use (?:the )?HTTPS\b",
    re.IGNORECASE,
)


class Proxy(NamedTuple):
    """A proxy: the variable that names it, its URL without user and password, and the whole URL."""

    variable: str
    address: str
    url: Secret

    def __str__(self) -> str:
        """Return the proxy, as a message names it."""
        return f"the proxy {self.address} (from {self.variable})"

    @property
    def is_plain(self) -> bool:
        """Whether it is reached over plain http."""
        return self.address.startswith("http:")

    @property
    def speaks_tls(self) -> bool:
        """Return whether it is reached over https."""
        return self.address.startswith("https:")

    def shows(self, server: str) -> str:
        """What secret of a run against that server others see by way of this proxy, "" for none."""
        has_password = self.is_plain and bool(_credentials(self.url.reveal()).partition(":")[2])
        if server.startswith("http:"):
            also = ", and so is the way to the proxy, which takes its password" if has_password else ""
            return f"{self} sees your token: {server} is plain http{also}"
        return f"the password for {self} is sent over plain http" if has_password else ""


def proxy_for(server: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for the server at that URL; never one for this machine's own loopback.

    HTTPS_PROXY or HTTP_PROXY, by the server's scheme, comes before ALL_PROXY; lower case before upper case. Raises
    UsageError for a proxy that cannot be used.
    """
    variable = proxy_variable(server, environment)
    if not variable or _is_direct(server, environment):
        return None
    text = environment[variable]
    found = _PROXY.fullmatch(text if "://" in text else f"http://{text}")
    if not found or not _has_port(found[0]):
        raise unusable_proxy(variable)
    return Proxy(variable=variable, address=found[1].lower() + found[3], url=Secret(found[0]))


def proxy_variable(server: str, environment: Mapping[str, str]) -> str:
    """The variable that would name a proxy for the server, whether or not one is used; "" for none."""
    own = f"{urlsplit(server).scheme}_proxy"
    return next((name for name in (own, own.upper(), "all_proxy", "ALL_PROXY") if environment.get(name)), "")


def _is_direct(server: str, environment: Mapping[str, str]) -> bool:
    """Whether the server is reached without a proxy whatever is set: it is loopback, or NO_PROXY names it.

    NO_PROXY has hosts, domains and addresses, each with a port or without, networks, or `*` for all: what curl and Go
    take. A host is never looked up to see whether its address is one of them.
    """
    parts = urlsplit(server)
    host, port = (parts.hostname or "").rstrip("."), str(parts.port or PORTS[parts.scheme])
    text = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return is_loopback(host) or any(_names(entry, host, port) for entry in _SEPARATORS.split(text.lower()) if entry)


def proxy_secrets(environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """Users and passwords of proxies in the environment, whether or not one is used, in each way in which they are met.

    That is as they stand in the URL, in plain, without the user, and in a header.
    """
    found: dict[str, None] = {}
    for value in (environment.get(name, "") for name in _PROXIES):
        written = _credentials(value)
        plain = unquote(written)
        header = b64encode(plain.encode("utf-8", "replace")).decode()
        alone = (each.partition(":")[2] for each in (written, plain))
        found |= dict.fromkeys((written, plain, *alone, header))
    return tuple(Secret(each) for each in found if each)


def unusable_proxy(variable: str) -> UsageError:
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
    """Return whether an entry of NO_PROXY covers the host: `*`, a name, an address or a network, maybe with a port."""
    found = None if _network(entry) else _ENTRY.fullmatch(entry)  # an address of version 6 may look as if it had a port
    name, own_port = (found[1], found[2]) if found else (entry, None)
    if entry == "*" or own_port not in (None, port):
        return entry == "*"
    network, its = _network(name), _network(host)
    if network and its:
        address = its.network_address
        return address in network or (getattr(address, "ipv4_mapped", None) or address) in network
    return not network and not its and f".{host}".endswith(f".{name.rstrip('.')}")


def _network(text: str) -> Network | None:
    """Return the network that the text names, of one address if it names an address; None for anything else."""
    try:
        return ip_network(_BRACKETS.sub(r"\1", text), strict=False) if not _MASK.search(text) else None
    except ValueError:
        return None


def may_pass(error: BaseException) -> bool:
    """Whether another try may get a connection: TLS that fails will fail again, unless it was only broken off."""
    cause = _cause(error)
    return not isinstance(cause, ssl.SSLError) or isinstance(cause, ssl.SSLEOFError)


def wants_tls(body: bytes) -> bool:
    """Return whether a server refuses with this text a request without TLS, as it expects TLS."""
    return _WANTS_TLS.search(body) is not None


def lacks_tls(error: BaseException) -> bool:
    """Return whether what answered speaks something else than TLS."""
    return isinstance(_cause(error), ssl.SSLError) and reason(error)[0] == _NO_TLS[0]


def is_broken_off(error: BaseException) -> bool:
    """Return whether the other side ended the connection without an answer."""
    return isinstance(_cause(error), ssl.SSLEOFError | ConnectionResetError | BrokenPipeError)


def has_tls(error: object) -> bool:
    """Return whether a handshake that ended with this error was one with something that speaks TLS."""
    cause = _cause(error) if isinstance(error, Exception) else None
    return isinstance(cause, ssl.SSLCertVerificationError) or (
        isinstance(cause, ssl.SSLError) and "ALERT" in (getattr(cause, "reason", "") or "")
    )


def is_for_another_host(error: BaseException) -> bool:
    """Return whether a certificate was refused because of its names."""
    cause = _cause(error)
    return isinstance(cause, ssl.SSLCertVerificationError) and _CERTIFICATE.get(cause.verify_code) is _OTHER_HOST


def is_from_nobody_known(error: BaseException) -> bool:
    """Return whether a certificate was refused because of the authority that signed it."""
    cause = _cause(error)
    return isinstance(cause, ssl.SSLCertVerificationError) and _CERTIFICATE.get(cause.verify_code) is _UNKNOWN


def certificate_names(certificate: Mapping[str, Any]) -> str:
    """Return the hosts that a certificate is for, for a sentence."""
    found = [str(name) for _, name in certificate.get("subjectAltName", ())] or [
        str(name) for part in certificate.get("subject", ()) for kind, name in part if kind == "commonName"
    ]
    shown = [f"`{name[:_LENGTH]}`" for name in found[:_SHOWN]]
    if len(found) > _SHOWN:
        shown.append(f"{len(found) - _SHOWN:,} more")
    *most, last = shown or ["no host"]
    return f"{', '.join(most)} and {last}" if most else last


def reason(error: BaseException, source: str = f"the URL ({SOURCES})", who: str = "server") -> tuple[str, str]:
    """Return why there is no connection, and a hint, by the first error of the operating system or of TLS behind it.

    `source` is what says whom to call, `who` that is. Holds none of the exception's own text but a certificate's fault
    and the system's word for an error number.
    """
    why, hint = _reason(_cause(error), who)
    return why, hint.format(source)


def _reason(cause: OSError | UnicodeError | None, who: str) -> tuple[str, str]:
    match cause:
        case ssl.SSLCertVerificationError():
            other = f"its certificate is not trusted: {cause.verify_message}"
            return _CERTIFICATE.get(cause.verify_code, (other, _UNKNOWN[1]))
        case ssl.SSLError():
            return _tls(getattr(cause, "reason", "") or "")
        case socket.gaierror() | UnicodeError():
            return "the host name is not known", "check {} and the name service"
        case ConnectionRefusedError():
            return "nothing listens there", f"check {{}} and that the {who} runs"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset", f"look at the {who} and at what stands between: a proxy, a firewall"
        case OSError(strerror=str(words)):
            return words.lower(), "check {} and the network"
    return "the connection failed", "check {} and the network"


def _cause(error: BaseException) -> OSError | UnicodeError | None:
    cause: BaseException | None = error
    while cause and not isinstance(cause, OSError | UnicodeError):
        cause = cause.__cause__ or cause.__context__  # httpcore raises some of its errors `from None`
    return cause if isinstance(cause, OSError | UnicodeError) else None


def _tls(name: str) -> tuple[str, str]:
    for part, said in _TLS.items():
        if part in name:
            return said
    words = _ALERT.sub("", name.lower().replace("_", " ")) or "the connection was closed"
    return f"TLS failed: {words}", "look at the server's TLS settings, and at what stands between: a proxy, a firewall"
