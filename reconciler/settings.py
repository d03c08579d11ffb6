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
from urllib.parse import urlsplit

from reconciler import files, influx_cli
from reconciler.core.endpoint import Endpoint, Secret, is_loopback, normalise
from reconciler.core.live import TokenId, is_id
from reconciler.core.secrets import masked
from reconciler.errors import UsageError
from reconciler.influx_cli import Profile

_DEFAULT_URL = "http://localhost:8086"
_PATIENCE_S = 60.0  # for a pipe: a password manager may ask for a finger first
_SECRET = re.compile(r"[\x21-\x7e]{1,4096}")


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
    """A server, credentials for it, and the only organisation to look at ("": all).

    `org` is a name or an id, an id alone with `org_is_id`. `self_id` is the id of the caller's own token. `profile` is
    the influx CLI's profile that the URL or the credentials are from, "" for none.
    """

    endpoint: Endpoint
    org: str = ""
    org_is_id: bool = False
    self_id: TokenId | None = None
    profile: str = ""


def resolve(flags: Flags, environment: Mapping[str, str], home: Path, stdin: BinaryIO) -> Settings:
    """The settings of a run; an empty variable counts as unset.

    Raises UsageError for what is missing, malformed, contradictory or not safe.
    """
    given = influx_cli.variables(environment)
    host, active = given.get("INFLUX_HOST", ""), given.get("INFLUX_ACTIVE_CONFIG", "")
    named = influx_cli.named(flags.profile, "--profile", given, home) if flags.profile else Profile()
    typed = _read_secret(flags.token_file, "--token-file", stdin)
    lent = None if typed or named.token else _environment_secret(given, environment, stdin)
    chosen = flags.url or named.url or ("" if active and not named.name else host)
    if not named.name and not (chosen and (typed or lent)):
        named = influx_cli.active_profile(active, given, home)
    url = normalise(chosen or host or named.url or _DEFAULT_URL)
    _check_transport(url, flags)
    source = "--profile" if flags.profile else "INFLUX_ACTIVE_CONFIG" if active else ""
    _check_profile(named, source, url)
    if lent and not flags.url:
        _check_lent(named, source, host, url)
    secret = typed or lent or _profile_secret(named, url)
    if masked(url, secret.reveal()) != url:
        raise UsageError("the server's URL holds a token's secret", "leave it out: plans and journals name the URL")
    org, org_is_id = influx_cli.organisation(flags.org, given)
    return Settings(
        endpoint=Endpoint(
            url=url,
            secret=secret,
            ca_file=flags.ca_file,
            client_cert=flags.client_cert,
            client_key=flags.client_key,
        ),
        org=org,
        org_is_id=org_is_id,
        self_id=_self_id(flags.self_id or given.get("TOKENCTL_SELF_ID", "")),
        profile=masked(named.name, secret.reveal()) if source or not (typed or lent) or not (flags.url or host) else "",
    )


def _check_profile(profile: Profile, source: str, url: str) -> None:
    """Refuse a profile that a flag or variable names where the server is another one."""
    if profile.name and source and _home_of(profile) != _origin(url):
        hint = f"leave out {source}, or --url and INFLUX_HOST"
        message = f"{source} names the influx CLI profile `{profile.name}`, which is not for {url}"
        raise UsageError(message, hint)


def _check_lent(profile: Profile, source: str, host: str, url: str) -> None:
    """Refuse to send a variable's secret to a profile's server: it belongs to the variable's."""
    from_profile = profile.url or (profile.name and source)
    if from_profile and not (host and _origin(normalise(host)) == _origin(url)):
        whose = f"{url} is from the influx CLI profile `{profile.name}`"
        message = f"the token from the environment is for INFLUX_HOST, and {whose}"
        hint = f"unset it to use the profile's own, or set INFLUX_HOST={url} if it is for that, or use --token-file"
        raise UsageError(message, hint)


def _check_transport(url: str, flags: Flags) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not flags.allow_insecure_http:
        hint = "use https://, or accept that with --allow-insecure-http"
        raise UsageError(f"{url} would show your token to everybody on the way", hint)
    if flags.client_key and not flags.client_cert:
        raise UsageError("--client-key needs --client-cert")
    named = {"--ca-file": flags.ca_file, "--client-cert": flags.client_cert, "--client-key": flags.client_key}
    for flag, file in named.items():
        if file and not Path(file).is_file():
            raise UsageError(f"{flag}: there is no file `{file}`")


def _self_id(text: str) -> TokenId | None:
    if text and not is_id(text.lower()):
        raise UsageError("--self-id and TOKENCTL_SELF_ID take an id: 16 hex digits, as `tokenctl list` shows")
    return TokenId(text.lower()) if text else None


def _environment_secret(given: Mapping[str, str], environment: Mapping[str, str], stdin: BinaryIO) -> Secret | None:
    if secret := _read_secret(given.get("INFLUX_TOKEN_FILE", ""), "INFLUX_TOKEN_FILE", stdin):
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
        raise UsageError(f"{source} names a file that cannot be read: {why}") from None
    return data.decode("latin-1")


def _secret(text: str, what: str) -> Secret:
    """The secret in the text, which may end in one line break."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not _SECRET.fullmatch(text):
        hint = "a token is 1 to 4,096 printable ASCII characters, without blanks and on one line"
        raise UsageError(f"{what} cannot be used; it has {len(text)} characters", hint)
    return Secret(text)


def _profile_secret(profile: Profile, url: str) -> Secret:
    if not profile.token and profile.cookie:
        hint = "make a token, and give it with INFLUX_TOKEN and INFLUX_HOST, or with --token-file"
        message = f"the influx CLI profile `{profile.name}` signs in with a user's name and password, and has no token"
        raise UsageError(message, hint)
    if not profile.token:
        which = (
            f"the influx CLI profile `{profile.name}` has none either"
            if profile.name
            else "no profile of the influx CLI is active"
        )
        hint = "set INFLUX_TOKEN, or name a file with --token-file or INFLUX_TOKEN_FILE, or choose one with --profile"
        raise UsageError(f"there is no token to sign in with, and {which}", hint)
    if _home_of(profile) != _origin(url):
        hint = "give that server's own token with INFLUX_TOKEN or --token-file"
        raise UsageError(f"the token of the influx CLI profile `{profile.name}` is not for {url}", hint)
    return _secret(profile.token, f"the token of the influx CLI profile `{profile.name}`")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _home_of(profile: Profile) -> tuple[str, str]:
    """Where the profile's token may go."""
    return _origin(normalise(profile.url or _DEFAULT_URL))
