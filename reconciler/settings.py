"""The server to talk to and the credentials, from flags, the environment and the influx CLI's profiles.

The order is: flag (and `--profile` is one), variable, active profile, default. No message holds a character of a
secret.

The variables and the file of profiles are the influx CLI's, read as it reads them: see its `cmd/influx/global.go` and
`config/`. Whatever of them chooses a server, credentials or an organisation is obeyed, or refused when it is set. A
profile is a table with `url`, `token`, `active` and, for whoever signs in with a name and a password, `cookie`; its
`org` limits nothing, as in `influx auth list`. The file is only read, and no message holds anything of it but names.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

from reconciler import files
from reconciler.core.endpoint import HEADER, Endpoint, Secret, extra_header, is_loopback, normalise
from reconciler.core.live import TokenId, is_id
from reconciler.core.secrets import masked
from reconciler.core.text import count, is_bare, is_sendable, trimmed
from reconciler.errors import Problem, UsageError, reason
from reconciler.influx_cli import DEFAULT_URL, PATIENCE_S, Profile, chosen

_VARIABLES = (
    "INFLUX_HOST", "INFLUX_ORG", "INFLUX_ORG_ID", "INFLUX_TOKEN_FILE", "INFLUX_CONFIGS_PATH", "INFLUX_ACTIVE_CONFIG",
    "INFLUX_SKIP_VERIFY", HEADER, "TOKENCTL_SELF_ID",
)  # fmt: skip
_OF_ONE = (
    "INFLUX_HOST", "INFLUX_TOKEN", "INFLUX_TOKEN_FILE", "INFLUX_ORG", "INFLUX_ORG_ID", "INFLUX_ACTIVE_CONFIG", HEADER,
    "TOKENCTL_SELF_ID",
)  # fmt: skip
_FALSE = ("0", "f", "F", "FALSE", "false", "False")  # what the influx CLI takes for no
_LIMIT = 8192  # bytes read: twice what a token may have, enough to see that it is too long
_SECRET = re.compile(r"[\x21-\x7e]{1,4096}")


class Flags(NamedTuple):
    """The options for the server and the credentials as typed; "" for those left out."""

    url: str = ""
    org: str = ""
    token_file: str = ""
    profile: str = ""
    self_id: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    allow_insecure_http: bool = False


class Settings(NamedTuple):
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
    """Return the settings of a run; an empty variable counts as unset.

    Raises UsageError for what is missing, malformed, contradictory or not safe.
    """
    found, lacking = without_token(flags, environment, home, stdin)
    if lacking:
        raise lacking
    return found


def without_token(
    flags: Flags, environment: Mapping[str, str], home: Path, stdin: BinaryIO
) -> tuple[Settings, UsageError | None]:
    """Return the settings of a run and, when no token can be sent, why: the secret is empty then.

    Raises UsageError for whatever else is missing, malformed, contradictory or not safe.
    """
    lacking: list[UsageError] = []
    given = _variables(environment)
    host, active = given.get("INFLUX_HOST", ""), given.get("INFLUX_ACTIVE_CONFIG", "")
    named = chosen(flags.profile, "--profile", given, home) if flags.profile else Profile()
    typed = _held(lacking, lambda: _read_secret(flags.token_file, "--token-file", stdin))
    lent = None if typed or named.token else _held(lacking, lambda: _environment_secret(given, environment, stdin))
    wanted = flags.url or named.url or ("" if active and not named.name else host)
    if not named.name and not (wanted and (typed or lent)):
        named = chosen(active, "INFLUX_ACTIVE_CONFIG", given, home)
    url = normalise(wanted or host or named.url or DEFAULT_URL)
    _check_files(flags)
    source = "--profile" if flags.profile else "INFLUX_ACTIVE_CONFIG" if active else ""
    _check_profile(named, source, url)
    if lent and not flags.url:
        lent = _held(lacking, lambda: _check_lent(lent, named, source, host, url))
    secret = typed or lent or _held(lacking, lambda: _profile_secret(named, url)) or Secret("")
    is_in_use = source or not (typed or lent) or not (flags.url or host)
    endpoint = _endpoint(url, secret, flags, given)
    org, org_is_id = _organisation(flags.org, given)
    return Settings(
        endpoint=endpoint,
        org=org,
        org_is_id=org_is_id,
        self_id=_self_id(flags.self_id or given.get("TOKENCTL_SELF_ID", "")),
        profile=masked(named.name, *endpoint.own) if is_in_use else "",
    ), lacking[0] if lacking else None


def of_profile(profile: Profile, flags: Flags) -> Settings:
    """Return the settings for one server of a fleet: the profile's own URL and token, and nothing in place of either.

    `check_fleet` has looked at the flags. Raises UsageError.
    """
    if not profile.url:
        hint = "give it the URL of its server: `influx config set`"
        raise UsageError(f"the influx CLI profile `{profile.name}` has no URL", hint)
    url = normalise(profile.url)
    if not profile.token and not profile.cookie:
        hint = "give it its own token: `influx config set`; no other token is used in its place"
        raise UsageError(f"the influx CLI profile `{profile.name}` has no token", hint)
    endpoint = _endpoint(url, _own_secret(profile), flags, {})
    name = masked(profile.name, *endpoint.own)
    return Settings(endpoint=endpoint, self_id=_self_id(profile.self_id), profile=name)


def check_fleet(flags: Flags, environment: Mapping[str, str]) -> None:
    """Raise UsageError for each flag and variable that chooses one server, organisation or token: a fleet has many."""
    typed = {
        "--url": flags.url,
        "--org": flags.org,
        "--token-file": flags.token_file,
        "--profile": flags.profile,
        "--self-id": flags.self_id,
    }
    given = [*(name for name, text in typed.items() if text), *(name for name in _OF_ONE if environment.get(name))]
    if given:
        raise UsageError([_of_one(name, "leave it out" if name in typed else f"`unset {name}`") for name in given])
    _variables(environment)
    _check_files(flags)


def _of_one(name: str, way: str) -> Problem:
    hint = f"{way}: each server has the URL and the token of its own influx CLI profile"
    return Problem(f"{name} cannot be used with --fleet: it is about one server", hint)


def _held(lacking: list[UsageError], exchange: Callable[[], Secret | None]) -> Secret | None:
    """Return what the function returns; when it raises, an empty secret, and the error is added to `lacking`."""
    try:
        return exchange()
    except UsageError as error:
        lacking.append(error)
        return Secret("")


def _endpoint(url: str, secret: Secret, flags: Flags, given: Mapping[str, str]) -> Endpoint:
    endpoint = Endpoint(
        url=url,
        secret=secret,
        header=extra_header(given.get(HEADER, "")),
        ca_file=flags.ca_file,
        client_cert=flags.client_cert,
        client_key=flags.client_key,
    )
    parts = urlsplit(url)
    is_open = parts.scheme == "http" and not is_loopback(parts.hostname or "") and not flags.allow_insecure_http
    if is_open and any(endpoint.own):  # a doctor may have none
        hint = "use https://, or accept that with --allow-insecure-http"
        raise UsageError(f"{url} would show your token to everybody on the way", hint)
    if masked(url, *endpoint.own) != url:
        raise UsageError("the server's URL holds a secret", "leave it out: plans and journals name the URL")
    return endpoint


def _check_profile(profile: Profile, source: str, url: str) -> None:
    """Raise UsageError when a flag or variable names a profile whose server is not that of the run."""
    if profile.name and source and _home_of(profile) != _origin(url):
        hint = f"leave out {source}, or --url and INFLUX_HOST"
        message = f"{source} names the influx CLI profile `{profile.name}`, which is not for {url}"
        raise UsageError(message, hint)


def _check_lent(lent: Secret | None, profile: Profile, source: str, host: str, url: str) -> Secret | None:
    """Return a variable's token, or raise UsageError when it would go to a profile's server: it is for INFLUX_HOST."""
    from_profile = profile.url or (profile.name and source)
    if from_profile and not (host and _origin(normalise(host)) == _origin(url)):
        whose = f"{url} is from the influx CLI profile `{profile.name}`"
        message = f"the token from the environment is for INFLUX_HOST, and {whose}"
        hint = f"unset it to use the profile's own, or set INFLUX_HOST={url} if it is for that, or use --token-file"
        raise UsageError(message, hint)
    return lent


def _check_files(flags: Flags) -> None:
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
    if not path:
        return None
    try:
        data = stdin.read(_LIMIT) if path == "-" else files.read(Path(path), _LIMIT, PATIENCE_S)
    except (OSError, ValueError) as error:
        raise UsageError(f"{source} names a file that cannot be read: {reason(error) or 'not a path'}") from None
    return _secret(data.removeprefix(BOM_UTF8).decode("latin-1"), f"the token from {source}")


def _secret(text: str, what: str) -> Secret:
    """The secret in the text, which may end in one line break."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not _SECRET.fullmatch(text):
        hint = "a token is 1 to 4,096 printable ASCII characters, without blanks and on one line"
        raise UsageError(f"{what} cannot be used; it has {count(len(text), 'character')}", hint)
    return Secret(text)


def _profile_secret(profile: Profile, url: str) -> Secret:
    if not profile.token and not profile.cookie:
        none = f"the influx CLI profile `{profile.name}` has none either"
        which = none if profile.name else "no profile of the influx CLI is active"
        hint = "set INFLUX_TOKEN, or name a file with --token-file or INFLUX_TOKEN_FILE, or choose one with --profile"
        raise UsageError(f"there is no token to sign in with, and {which}", hint)
    if profile.token and _home_of(profile) != _origin(url):
        hint = "give that server's own token with INFLUX_TOKEN or --token-file"
        raise UsageError(f"the token of the influx CLI profile `{profile.name}` is not for {url}", hint)
    return _own_secret(profile)


def _own_secret(profile: Profile) -> Secret:
    """Return the token of a profile, which may be sent to its own URL alone; raises UsageError."""
    if not profile.token:
        hint = "make a token, and give it with INFLUX_TOKEN and INFLUX_HOST, or with --token-file"
        message = f"the influx CLI profile `{profile.name}` signs in with a user's name and password, and has no token"
        raise UsageError(message, hint)
    return _secret(profile.token, f"the token of the influx CLI profile `{profile.name}`")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _home_of(profile: Profile) -> tuple[str, str]:
    """Return the only origin to which the profile's token may be sent."""
    return _origin(normalise(profile.url or DEFAULT_URL))


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are set, without INFLUX_TOKEN.

    Raises UsageError for one that cannot be obeyed, and for white space or invisible characters around a value; around
    the name of an organisation they are accepted here, as a server trims it.
    """
    given = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    for name, text in given.items():
        if name not in ("INFLUX_ORG", "TOKENCTL_SELF_ID") and not is_bare(text):
            raise UsageError(padded(name))
    if given.get("INFLUX_SKIP_VERIFY", "false") not in _FALSE:
        hint = "unset it, and name the certificates to trust with --ca-file or SSL_CERT_FILE"
        raise UsageError("INFLUX_SKIP_VERIFY is set, and certificates are always verified", hint)
    return given


def padded(source: str) -> Problem:
    """Return the problem of a flag or variable whose value begins or ends with an invisible character."""
    message = f"{source} begins or ends with white space, or with a character that nobody sees"
    return Problem(message, "write the value without it: a line break often comes along where a variable is set")


def _organisation(flag: str, given: Mapping[str, str]) -> tuple[str, bool]:
    """Return the only organisation of the run, "" for all, and whether it is an id; `flag` is the value of --org.

    Raises UsageError for what can be neither name nor id, and when both variables are set.
    """
    name, org_id = given.get("INFLUX_ORG", ""), given.get("INFLUX_ORG_ID", "")
    source, text = ("--org", flag) if flag else ("INFLUX_ORG", name)
    if not flag and name and org_id:
        hint = "unset one of them, or say it with --org, which wins over both"
        raise UsageError("INFLUX_ORG and INFLUX_ORG_ID are both set", hint)
    if not text and org_id:
        if not is_id(org_id.lower()):
            raise UsageError("INFLUX_ORG_ID takes an id: 16 hex digits, as `tokenctl list --format json` shows")
        return org_id.lower(), True
    if text and not trimmed(text):
        raise UsageError(f"{source} has nothing but white space", "leave it out for every organisation")
    if not is_bare(trimmed(text)) or not is_sendable(text):
        raise UsageError(padded(source) if is_sendable(text) else Problem(f"{source} is not UTF-8 text"))
    return trimmed(text), False
