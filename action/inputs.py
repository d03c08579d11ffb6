"""The inputs of the action, which come through the environment, in; checked values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from action.outputs import ActionError

COMMANDS = ("validate", "plan", "apply")

_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SWITCHES = {"true": True, "false": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the workflow asked for; "" is what it did not say. `version` is that of a release, "" for this commit."""

    command: str = "plan"
    files: tuple[str, ...] = ()
    base: str = ""
    offline: bool = False
    reviewed: str = ""
    expect: str = ""
    version: str = ""
    install: bool = True


def read(environment: Mapping[str, str]) -> Inputs:
    """The inputs, each from the variable `INPUT_` and its name in capitals.

    Raises ActionError for a value that no input may have.
    """
    command = environment.get("INPUT_COMMAND", "plan")
    if command not in COMMANDS:
        raise ActionError(f"the input `command` is one of {', '.join(COMMANDS)}")
    if command == "apply" and _switch(environment, "offline"):
        raise ActionError("the input `offline` is for plans: what is applied is planned over the tokens as they are")
    return Inputs(
        command=command,
        files=tuple(line.strip() for line in environment.get("INPUT_FILES", "").splitlines() if line.strip()),
        base=environment.get("INPUT_BASE", ""),
        offline=_switch(environment, "offline"),
        reviewed=environment.get("INPUT_REVIEWED", ""),
        expect=_matching(environment, "expect", _DIGEST, "a digest: 64 hex digits, as a plan shows them"),
        version=_matching(environment, "version", _VERSION, "the version of a release, such as 1.2.3"),
        install=_switch(environment, "install"),
    )


def variable(environment: Mapping[str, str], name: str) -> str:
    """A variable that an earlier step or the runner sets.

    Raises ActionError when it is missing or empty.
    """
    if not environment.get(name):
        raise ActionError(f"the variable {name} is not set: is this a GitHub runner?")
    return environment[name]


def path(environment: Mapping[str, str], name: str) -> Path:
    """The same as a path."""
    return Path(variable(environment, name))


def _matching(environment: Mapping[str, str], name: str, pattern: re.Pattern[str], what: str) -> str:
    text = environment.get(f"INPUT_{name.upper()}", "")
    if text and not pattern.fullmatch(text):
        raise ActionError(f"the input `{name}` is {what}")
    return text


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(f"INPUT_{name.upper()}", "")
    if text not in _SWITCHES:
        raise ActionError(f"the input `{name}` is `true` or `false`")
    return _SWITCHES[text]
