"""What the influx CLI reads too in, as it reads it: its variables, and of its file of profiles the one that is wanted.

Follows `cmd/influx/global.go` and `config/` of the influx CLI. Whatever of them chooses a server, credentials or an
organisation is obeyed, or refused when it is set. A profile is a table with `url`, `token`, `active` and, for whoever
signs in with a name and a password, `cookie`; its `org` limits nothing, as in `influx auth list`. The file is only
read, and no message holds a character of it but names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.live import is_id
from reconciler.core.text import is_bare, is_sendable, trimmed
from reconciler.errors import Problem, UsageError

_VARIABLES = (
    "INFLUX_HOST", "INFLUX_ORG", "INFLUX_ORG_ID", "INFLUX_TOKEN_FILE", "INFLUX_CONFIGS_PATH", "INFLUX_ACTIVE_CONFIG",
    "INFLUX_SKIP_VERIFY", "INFLUX_EXTRA_HTTP_HEADER", "TOKENCTL_SELF_ID",
)  # fmt: skip
_FALSE = ("0", "f", "F", "FALSE", "false", "False")  # what the influx CLI takes for no
_FIELDS = {"url": str, "token": str, "active": bool, "cookie": str}
_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile:
    """A profile: `cookie` says that it signs in with a user's name and password. Without a name it is none."""

    name: str = ""
    url: str = ""
    token: str = ""
    active: bool = False
    cookie: bool = False


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are set, INFLUX_TOKEN aside.

    Raises UsageError for one that cannot be obeyed, and for one with something around its value that nobody sees: a
    server trims that from an organisation's name, and nobody from anything else.
    """
    given = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    for name, text in given.items():
        if name not in ("INFLUX_ORG", "TOKENCTL_SELF_ID") and not is_bare(text):
            raise UsageError(padded(name))
    if given.get("INFLUX_SKIP_VERIFY", "false") not in _FALSE:
        hint = "unset it, and name the certificates to trust with --ca-file or SSL_CERT_FILE"
        raise UsageError("INFLUX_SKIP_VERIFY is set, and certificates are always verified", hint)
    if "INFLUX_EXTRA_HTTP_HEADER" in given:
        hint = "unset it for tokenctl: what it names may choose other credentials or another target"
        raise UsageError("INFLUX_EXTRA_HTTP_HEADER is set, and no header is added to requests", hint)
    return given


def padded(source: str) -> Problem:
    """What to say of a flag or variable whose value begins or ends with something that nobody sees."""
    message = f"{source} begins or ends with white space, or with a character that nobody sees"
    return Problem(message, "write the value without it: a line break often comes along where a variable is set")


def organisation(flag: str, given: Mapping[str, str]) -> tuple[str, bool]:
    """The only organisation, "" for all, and whether that is an id and no name; `flag` is what --org says.

    Raises UsageError for what cannot be one, and for two variables that may contradict each other.
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


def _read(given: Mapping[str, str], home: Path) -> dict[str, Profile]:
    """The profiles by name, of the file that the variables name or the influx CLI's own; none when there is no such.

    Raises UsageError for a file that was named and is not there, and for one that cannot be used.
    """
    path = Path(given.get("INFLUX_CONFIGS_PATH") or home / ".influxdbv2" / "configs")
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if "INFLUX_CONFIGS_PATH" not in given:
            return {}
        hint = "correct it, or unset it for the influx CLI's own place"
        raise UsageError(f"INFLUX_CONFIGS_PATH names {path}, and there is no such file", hint) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "It is not UTF-8 text"
        raise UsageError(f"the influx CLI's profiles in {path} cannot be read: {why[0].lower()}{why[1:]}") from None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its text may quote the file, and the file holds secrets.
        where = _PLACE.search(str(error))
        raise UsageError(
            f"the influx CLI's profiles in {path} are not TOML{f', see {where[1]}' if where else ''}"
        ) from None
    return {name: _profile(name, table) for name, table in tables.items() if isinstance(table, dict)}


def _profile(name: str, table: Mapping[str, object]) -> Profile:
    # As the influx CLI reads it, upper and lower case of a key mean nothing, and what is written exactly counts first.
    found = {key.casefold(): value for key, value in table.items()} | dict(table)
    for key, kind in _FIELDS.items():
        if not isinstance(found.get(key, kind()), kind):
            what = "text" if kind is str else "true or false"
            raise UsageError(f"the influx CLI profile `{name}` is not usable: its `{key}` is not {what}")
    return Profile(
        name=name,
        url=str(found.get("url", "")),
        token=str(found.get("token", "")),
        active=found.get("active") is True,
        cookie=bool(found.get("cookie")),
    )


def named(wanted: str, source: str, given: Mapping[str, str], home: Path) -> Profile:
    """The profile of that name, which the flag or variable `source` gives; raises UsageError when there is none."""
    profiles = _read(given, home)
    if wanted not in profiles:
        known = ", ".join(f"`{name}`" for name in sorted(profiles))
        hint = f"there are: {known}" if known else "there is none: `influx config create` makes one"
        raise UsageError(f"{source}: the influx CLI has no profile `{wanted}`", hint)
    return profiles[wanted]


def active_profile(wanted: str, given: Mapping[str, str], home: Path) -> Profile:
    """The profile that INFLUX_ACTIVE_CONFIG wants, else the active one; one without a name if there is none.

    Raises UsageError when there is no such profile, or several are active.
    """
    if wanted:
        return named(wanted, "INFLUX_ACTIVE_CONFIG", given, home)
    found = [profile for profile in _read(given, home).values() if profile.active]
    if len(found) > 1:
        names = ", ".join(f"`{name}`" for name in sorted(profile.name for profile in found))
        raise UsageError(f"several profiles of the influx CLI are active: {names}", "choose one with --profile")
    return found[0] if found else Profile()
