"""Flags, environment and the influx CLI's profiles in, the server to talk to and the credentials out.

The order is: flag (and `--profile` is one), variable, active profile, default. No message holds a character of a
secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, urlsplit

from reconciler import files
from reconciler.core.endpoint import Endpoint, Secret, is_loopback
from reconciler.core.secrets import holds_secret
from reconciler.core.token import TokenId
from reconciler.errors import Problem, UsageError

_DEFAULT_URL = "http://localhost:8086"
_PATIENCE_S = 60.0  # for a pipe: a password manager may ask for a finger first
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH = re.compile(r"(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)*/?")
_PLAIN = re.compile(r"[^\x00-\x20\x7f-\U0010ffff?#@]+")
_SECRET = re.compile(r"[\x21-\x7e]{1,4096}")
_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says of the server and the credentials; "" is what it does not say."""

    url: str = ""
    org: str = ""
    token_file: str = ""
    profile: str = ""
    self_id: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    allow_insecure_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A server, credentials for it, the only organisation to look at ("": all), and the caller's own token's id."""

    endpoint: Endpoint
    org: str = ""
    self_id: TokenId | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Profile:
    name: str = ""
    url: str = ""
    token: str = ""
    active: bool = False


def resolve(flags: Flags, environment: Mapping[str, str], home: Path, stdin: BinaryIO) -> Settings:
    """The settings of a run; an empty variable counts as unset.

    Raises UsageError for what is missing, malformed or not safe.
    """
    named = _named(flags.profile, _profiles(environment, home)) if flags.profile else _Profile()
    url = flags.url or named.url or environment.get("INFLUX_HOST", "")
    secret = _read_secret(flags.token_file, "--token-file", stdin)
    if not secret and not named.token:
        secret = _environment_secret(environment, stdin)
    if not named.name and not (url and secret):
        named = _active(_profiles(environment, home))
    url = normalise(url or named.url or _DEFAULT_URL)
    _check_transport(url, flags)
    return Settings(
        endpoint=Endpoint(
            url=url,
            secret=secret or _profile_secret(named, url),
            ca_file=flags.ca_file,
            client_cert=flags.client_cert,
            client_key=flags.client_key,
        ),
        org=flags.org or environment.get("INFLUX_ORG", ""),
        self_id=_self_id(flags.self_id or environment.get("TOKENCTL_SELF_ID", "")),
    )


def normalise(url: str) -> str:
    """The URL with scheme and host in lower case, without a default port and without a trailing slash.

    Raises UsageError unless it is http or https, a host, and at most a port and a path.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    host = parts.hostname or ""
    good = (
        parts.scheme in _PORTS
        and _HOST.fullmatch(host)
        and _PATH.fullmatch(parts.path)
        and not {".", ".."} & set(parts.path.split("/"))
        and _PLAIN.fullmatch(url)  # urlsplit drops tabs and line breaks
    )
    if not good:
        # A URL with a password in it must not be repeated, nor a secret that stands in the wrong variable.
        shown = f" `{url}`" if "@" not in url and not holds_secret(url) else ""
        hint = "write http:// or https://, a host, and no more than a port and a path"
        raise UsageError(Problem(f"the server's URL{shown} cannot be used", hint))
    host = f"[{host}]" if ":" in host else host
    where = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def _check_transport(url: str, flags: Flags) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not flags.allow_insecure_http:
        hint = "use https://, or accept that with --allow-insecure-http"
        raise UsageError(Problem(f"{url} would show your token to everybody on the way", hint))
    if flags.client_key and not flags.client_cert:
        raise UsageError(Problem("--client-key needs --client-cert"))
    named = {"--ca-file": flags.ca_file, "--client-cert": flags.client_cert, "--client-key": flags.client_key}
    for flag, file in named.items():
        if file and not Path(file).is_file():
            raise UsageError(Problem(f"{flag}: there is no file `{file}`"))


def _self_id(text: str) -> TokenId | None:
    if text and not _ID.fullmatch(text.lower()):
        raise UsageError(Problem("--self-id and TOKENCTL_SELF_ID take an id: 16 hex digits, as `tokenctl list` shows"))
    return TokenId(text.lower()) if text else None


def _environment_secret(environment: Mapping[str, str], stdin: BinaryIO) -> Secret | None:
    if secret := _read_secret(environment.get("INFLUX_TOKEN_FILE", ""), "INFLUX_TOKEN_FILE", stdin):
        return secret
    text = environment.get("INFLUX_TOKEN", "")
    return _secret(text, "the token in INFLUX_TOKEN") if text else None


def _read_secret(path: str, source: str, stdin: BinaryIO) -> Secret | None:
    return _secret(_read(path, source, stdin), f"the token from {source}") if path else None


def _read(path: str, source: str, stdin: BinaryIO) -> str:
    limit = 8192  # twice what a token may have: enough to see that it is too long
    try:
        data = stdin.read(limit) if path == "-" else files.read(Path(path), limit, _PATIENCE_S)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", "") or "not a path").lower()
        raise UsageError(Problem(f"{source} names a file that cannot be read: {why}")) from None
    return data.decode("latin-1")


def _secret(text: str, what: str) -> Secret:
    """The secret in the text, which may end in one line break."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not _SECRET.fullmatch(text):
        hint = "a token is 1 to 4,096 printable ASCII characters, without blanks and on one line"
        raise UsageError(Problem(f"{what} cannot be used; it has {len(text)} characters", hint))
    return Secret(text)


def _profile_secret(profile: _Profile, url: str) -> Secret:
    if not profile.token:
        which = (
            f"the influx CLI profile `{profile.name}` has none either"
            if profile.name
            else "no profile of the influx CLI is active"
        )
        hint = "set INFLUX_TOKEN, or name a file with --token-file or INFLUX_TOKEN_FILE, or choose one with --profile"
        raise UsageError(Problem(f"there is no token to sign in with, and {which}", hint))
    if _origin(normalise(profile.url or _DEFAULT_URL)) != _origin(url):
        hint = "give that server's own token with INFLUX_TOKEN or --token-file"
        raise UsageError(Problem(f"the token of the influx CLI profile `{profile.name}` is not for {url}", hint))
    return _secret(profile.token, f"the token of the influx CLI profile `{profile.name}`")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _profiles(environment: Mapping[str, str], home: Path) -> dict[str, _Profile]:
    """The profiles of the influx CLI's file by name; none when there is no file. The file is never written."""
    path = Path(environment.get("INFLUX_CONFIGS_PATH") or home / ".influxdbv2" / "configs")
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "It is not UTF-8 text"
        raise UsageError(
            Problem(f"the influx CLI's profiles in {path} cannot be read: {why[0].lower()}{why[1:]}")
        ) from None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its text may quote the file, and the file holds secrets.
        where = _PLACE.search(str(error))
        raise UsageError(
            Problem(f"the influx CLI's profiles in {path} are not TOML{f', see {where[1]}' if where else ''}")
        ) from None
    return {name: _profile(name, table) for name, table in tables.items() if isinstance(table, dict)}


def _profile(name: str, table: Mapping[str, object]) -> _Profile:
    url, token = table.get("url"), table.get("token")
    return _Profile(
        name=name,
        url=url if isinstance(url, str) else "",
        token=token if isinstance(token, str) else "",
        active=table.get("active") is True,
    )


def _named(wanted: str, profiles: Mapping[str, _Profile]) -> _Profile:
    if wanted not in profiles:
        known = ", ".join(f"`{name}`" for name in sorted(profiles))
        hint = f"there are: {known}" if known else "there is none: `influx config create` makes one"
        raise UsageError(Problem(f"the influx CLI has no profile `{wanted}`", hint))
    return profiles[wanted]


def _active(profiles: Mapping[str, _Profile]) -> _Profile:
    active = [profile for profile in profiles.values() if profile.active]
    if len(active) > 1:
        names = ", ".join(f"`{name}`" for name in sorted(profile.name for profile in active))
        raise UsageError(
            Problem(f"several profiles of the influx CLI are active: {names}", "choose one with --profile")
        )
    return active[0] if active else _Profile()
