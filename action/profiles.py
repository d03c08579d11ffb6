"""The influx CLI's profiles in the variable INFLUX_CONFIGS: hidden in the log, and a file only while tokenctl runs."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from action import runner
from action.runner import ActionError

_TEXT, _PATH, _FILE = "INFLUX_CONFIGS", "INFLUX_CONFIGS_PATH", "profiles"
_SECRET = ("token", "cookie")  # as the influx CLI reads them, in whichever case


def masks(environment: Mapping[str, str]) -> list[str]:
    """Return the lines of the log that make the runner hide each secret of the profiles from then on.

    It knows the whole text only, and each line of that. Raises ActionError for a text that is not TOML.
    """
    try:
        tables = tomllib.loads(environment.get(_TEXT, "").lstrip("\ufeff"))
    except tomllib.TOMLDecodeError:  # whose text may quote a secret
        raise ActionError(f"{_TEXT} has no profiles of the influx CLI: it is not TOML") from None
    return [runner.command("add-mask", each) for each in dict.fromkeys(_secrets(tables))]


def _secrets(value: object) -> Iterator[str]:
    """Yield each secret at any depth: `[eu.west]` without quotes is a table in a table, and no profile."""
    if isinstance(value, list):
        for each in value:
            yield from _secrets(each)
    for key, each in value.items() if isinstance(value, dict) else ():
        if key.casefold() in _SECRET and isinstance(each, str) and each:
            yield each
        else:
            yield from _secrets(each)


@contextmanager
def lent(environment: MutableMapping[str, str], folder: Path) -> Iterator[None]:
    """Write the profiles, if any are given, into a file that only this user can read, for the time of the block.

    INFLUX_CONFIGS_PATH names it meanwhile, and no variable has the text. Raises ActionError when it names one already.
    """
    if not (text := environment.pop(_TEXT, "")):
        yield
        return
    if environment.get(_PATH):
        raise ActionError(f"{_TEXT} and {_PATH} both have profiles: give one of them")
    remove(folder)
    file = folder / _FILE
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        environment[_PATH] = str(file)
        yield
    finally:
        environment.pop(_PATH, None)
        remove(folder)


def remove(folder: Path) -> None:
    """Remove the file that a run left which was killed."""
    (folder / _FILE).unlink(missing_ok=True)
