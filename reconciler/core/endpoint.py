"""The server of a run and the caller's credentials, what its URL may be, and how fast it was seen to be."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from reconciler.core.secrets import holds_secret
from reconciler.errors import UsageError

PORTS = {"http": 80, "https": 443}
"""The port of a scheme, where a URL names none."""
# Patterns are compiled where they are used: all of them together take longer than any run needs for its own.
_HOST = r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?|[0-9a-f:.]*:[0-9a-f:.]*"
_PATH = r"(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)*/?"
_PLAIN = r"""[!"$->A-~]+"""  # printable ASCII without `#`, `?` and `@`
HEADER = "INFLUX_EXTRA_HTTP_HEADER"
"""The variable with a header for what stands before the server."""
_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}"
_VALUE = r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?"
# What tokenctl decides: as whom and with whom it talks, what it asks, and where a request and an answer end.
_RESERVED = (
    "authorization|proxy-.*|host|x-forwarded-host|forwarded|x-original-url|x-rewrite-url|x-(http-)?method(-override)?"
    "|accept|accept-encoding|user-agent|content-.*|transfer-encoding|connection|keep-alive|te|trailers?|upgrade"
    "|expect|range|if-.*|http2-settings"
)
_MANY = 1_000  # tokens that are listed where no list told how many there are
_SHARE = 5  # tokens of a list cost a real server as much as one that is read by its id
_TELLING = 8  # reads: of fewer, all may have been slow for another reason
_LOOPBACK = r"localhost|127(\.[0-9]{1,3}){3}|::1"


def is_loopback(host: str) -> bool:
    """Return whether the host (lower case, IPv6 without brackets) is a name or address of this machine's loopback."""
    return re.fullmatch(_LOOPBACK, host) is not None


def unaddressed(text: str, url: str) -> str:
    """Return what is said of the server at that URL ("": not known) without its address, to tell it of several."""
    for part, instead in ((url, "its URL"), (urlsplit(url).netloc, "its address")):
        if part and part in text:
            text, *rest = text.split(part)  # a pattern for each of 10,000 servers would have to be compiled
            for each in rest:
                goes_on = re.search(r"[\w.-]\Z", text) or re.match(r"[\w-]", each)
                text += (part if goes_on else instead) + each
    return text


def normalise(url: str) -> str:
    """Return the URL with scheme and host in lower case, without a default port and without a trailing slash.

    Raises UsageError unless it is http or https, a host, and at most a port and a path.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    host = parts.hostname or ""
    good = (
        parts.scheme in PORTS
        and re.fullmatch(_HOST, host)
        and re.fullmatch(_PATH, parts.path)
        and not {".", ".."} & set(parts.path.split("/"))
        and re.fullmatch(_PLAIN, url)  # urlsplit drops tabs and line breaks
    )
    if not good:
        # A URL with a password in it must not be repeated, nor a secret that stands in the wrong variable.
        shown = f" `{url}`" if "@" not in url and not holds_secret(url) else ""
        hint = "write http:// or https://, a host, and no more than a port and a path"
        raise UsageError(f"the server's URL{shown} cannot be used", hint)
    host = f"[{host}]" if ":" in host else host
    where = host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def address(url: str) -> str:
    """Return the host and the port of a normalised URL, also where it names none because it is the scheme's own."""
    parts = urlsplit(url)
    return parts.netloc if parts.port else f"{parts.netloc}:{PORTS[parts.scheme]}"


def swapped(url: str) -> str:
    """Return the URL of this host and port with https in place of http, or http in place of https."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "http" else "http"
    port = "" if parts.port else f":{PORTS[parts.scheme]}"
    return f"{scheme}://{parts.netloc}{port}{parts.path}"


class Secret:
    """A token's secret, which cannot be shown or serialised by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """Return the secret itself, for the header that carries it and to find it in foreign text."""
        return self._text


class Header(NamedTuple):
    """A header for what stands before the server, such as a gate; its value is a secret."""

    name: str
    value: Secret

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the value, and each word in it, without a cookie's name too: whoever repeats it may cut it."""
        whole = self.value.reveal()
        words = [part for word in re.split(r"[\s;]+", whole) for part in (word, word.partition("=")[2])]
        return tuple(Secret(each) for each in dict.fromkeys((whole, *words)) if each)


def extra_header(text: str) -> Header | None:
    """Return the header that the influx CLI would send with each request, from `NAME:VALUE`; None for "".

    Raises UsageError for what is none, for several, and for one that decides what tokenctl does; says nothing of it but
    the name of such a one.
    """
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not text:
        return None
    if colon and re.fullmatch(_RESERVED, name.lower().replace("_", "-")):
        hint = "name one that only what stands before the server reads"
        raise UsageError(f"{HEADER} names `{name}`, which tokenctl sets itself or leaves out", hint)
    if "," in text:
        hint = "name one header whose value has no comma: the influx CLI begins another header at each"
        raise UsageError(f"{HEADER} has a comma, and one header is sent", hint)
    if not colon or not re.fullmatch(_NAME, name) or not re.fullmatch(_VALUE, value):
        hint = "write NAME:VALUE, the value in printable ASCII, on one line and of at most 8,192 characters"
        raise UsageError(f"{HEADER} is no header that can be sent; it has {len(text):,} characters", hint)
    return Header(name, Secret(value))


class Endpoint(NamedTuple):
    """A server and the caller's credentials.

    `url` is normalised: scheme, host, port unless it is the scheme's own, and path without a trailing slash.
    The files are paths to PEM files; "" means none. `header` goes with each request. `others` are secrets that no text
    may hold either: a proxy's.
    """

    url: str
    secret: Secret
    header: Header | None = None
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    others: tuple[Secret, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """Return the secrets that are sent to the server, the caller's own first."""
        sent = self.header.secrets if self.header else ()
        return self.secret.reveal(), *(each.reveal() for each in sent)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that no text may hold, the caller's own first."""
        return *self.own, *(each.reveal() for each in self.others)


class Speed(NamedTuple):
    """What a run has seen of its server's size and speed.

    Its latest list had `listed` tokens and took `list_s` seconds, None if there was none. So many `reads` of single
    tokens were made, the fastest in `read_s`: others may have waited for one another.
    """

    listed: int = 0
    list_s: float | None = None
    reads: int = 0
    read_s: float = float("inf")

    def after_list(self, tokens: int, seconds: float) -> Speed:
        """Return what is known after a list of so many tokens took so long."""
        return self._replace(listed=tokens, list_s=seconds)

    def after_read(self, seconds: float) -> Speed:
        """Return what is known after the read of one token took so long."""
        return self._replace(reads=self.reads + 1, read_s=min(self.read_s, seconds))

    def favours_list(self, tokens: int) -> bool:
        """Return whether one list costs the server less than reads of so many tokens, one by one."""
        if self.list_s is None:
            return tokens > _MANY
        if self.reads < _TELLING:
            return tokens * _SHARE > self.listed
        return tokens * self.read_s > self.list_s
