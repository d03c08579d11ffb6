"""The profiles of the influx CLI, read as it reads them: a table with `url`, `token`, `active`, and maybe `cookie`.

`cookie` is for whoever signs in with a name and a password. tokenctl reads one key more, `self-id`, the id of the
profile's own token. A profile's `org` limits nothing. Files are only read, and no message holds anything of them but
names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from reconciler import files
from reconciler.errors import Problem, UsageError, reason

DEFAULT_URL = "http://localhost:8086"
"""Where the influx CLI looks for a server, if a profile does not say it."""
PATIENCE_S = 60.0
"""The seconds that a pipe has to hand over a secret: a password manager may ask for a finger first."""
_VARIABLE = "INFLUX_CONFIGS_PATH"
_FIELDS = {"url": str, "token": str, "active": bool, "cookie": str, "self-id": str}
_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")
_LARGEST = 4 * 1024 * 1024  # bytes of one file
_ITS = "its influx CLI profile"
_SELF = f"`self-id` of {_ITS}"
_PHRASES = (  # what chooses one server and its token, and what does of one of a fleet
    ("(--url, INFLUX_HOST)", f"(of {_ITS})"),
    ("set INFLUX_HOST or --url, or", f"correct {_ITS}, or"),
    ("with --url or INFLUX_HOST", f"in {_ITS}"),
    ("correct --url, INFLUX_HOST or --profile", f"correct {_ITS}"),
    ("check INFLUX_TOKEN, --token-file or the profile", f"check the token of {_ITS}"),
    ("give it with INFLUX_TOKEN and INFLUX_HOST, or with --token-file", "give it to the profile: `influx config set`"),
    ("give it the header that it takes with INFLUX_EXTRA_HTTP_HEADER", "ask that server alone, with the header"),
    ("`--self-id ID` or TOKENCTL_SELF_ID", _SELF),
    ("--self-id or TOKENCTL_SELF_ID", _SELF),
    ("--self-id and TOKENCTL_SELF_ID take", f"{_SELF} takes"),
    ("`--self-id ID`", _SELF),
    ("told apart by --self-id", f"told apart by {_SELF}"),
)
_OTHER = r"--(?:url|org|token-file|profile|self-id)\b|INFLUX_(?:HOST|TOKEN|ORG|EXTRA|ACTIVE)|TOKENCTL_SELF_ID"


def of_profile(problem: Problem) -> Problem:
    """Return the problem of a server that only its profile describes: no option or variable stands for that there."""
    message, hint = problem.message, problem.hint
    for one, instead in _PHRASES:
        message, hint = message.replace(one, instead), hint.replace(one, instead)
    return problem._replace(message=message, hint=f"correct {_ITS}" if re.search(_OTHER, hint) else hint)


class Profile(NamedTuple):
    """A profile, without a name none; `cookie` says that it signs in with a user's name and password."""

    name: str = ""
    url: str = ""
    token: str = ""
    active: bool = False
    cookie: bool = False
    self_id: str = ""

    def __repr__(self) -> str:
        return f"Profile({self.name!r})"  # never the token


def profiles(given: Mapping[str, str], home: Path) -> dict[str, Profile]:
    """Return the profiles by name, from the file that a variable names, by default the influx CLI's own.

    It may name a folder, of which each file is read whose name does not begin with a dot. None when there is no default
    file. Raises UsageError for a named file that is missing, for an unusable one, and for one name in two files.
    """
    path = Path(given.get(_VARIABLE) or home / files.PROFILES)
    if _VARIABLE not in given or not path.is_dir():
        return _of_file(path, is_named=_VARIABLE in given)
    found: dict[str, Profile] = {}
    for each in sorted(path.iterdir()):
        if each.name.startswith("."):
            continue
        read = _of_file(each, is_named=True)
        if twice := sorted(found.keys() & read.keys()):
            message = f"the influx CLI profile `{twice[0]}` is in two files of {path}, {each.name} among them"
            raise UsageError(message, "leave it in one of them: which server it means must be clear")
        found |= read
    return found


def chosen(wanted: str, source: str, given: Mapping[str, str], home: Path) -> Profile:
    """Return the profile called `wanted`, a name from the flag or variable `source`; without a name the active one.

    Raises UsageError when there is no such profile, or several are active.
    """
    found = profiles(given, home)
    if wanted and wanted not in found:
        known = ", ".join(f"`{name}`" for name in sorted(found))
        hint = f"there are: {known}" if known else "there is none: `influx config create` makes one"
        raise UsageError(f"{source}: the influx CLI has no profile `{wanted}`", hint)
    fitting = [found[wanted]] if wanted else [profile for profile in found.values() if profile.active]
    if len(fitting) > 1:
        names = ", ".join(f"`{name}`" for name in sorted(profile.name for profile in fitting))
        raise UsageError(f"several profiles of the influx CLI are active: {names}", "choose one with --profile")
    return fitting[0] if fitting else Profile()


def _of_file(path: Path, *, is_named: bool) -> dict[str, Profile]:
    try:
        text = files.read(path, _LARGEST, PATIENCE_S).decode("utf-8-sig")
    except FileNotFoundError:
        if not is_named:
            return {}
        hint = "correct it, or unset it for the influx CLI's own place"
        raise UsageError(f"{_VARIABLE} names {path}, and there is no such file", hint) from None
    except (OSError, ValueError) as error:
        why = reason(error) or "it is not UTF-8 text"
        raise UsageError(f"the influx CLI's profiles in {path} cannot be read: {why}") from None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Its text may quote the file, and the file holds secrets.
        found = _PLACE.search(str(error))
        where = f", see {found[1]}" if found else ""
        raise UsageError(f"the influx CLI's profiles in {path} are not TOML{where}") from None
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
        self_id=str(found.get("self-id", "")),
    )
