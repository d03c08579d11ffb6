"""What a GitHub runner gives in: inputs and variables, checked; what it reads out: outputs, summaries, log commands."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMANDS = ("validate", "plan", "apply")

LARGEST_SUMMARY = 1024 * 1024
"""Bytes that all summaries of a step may have together; over that the runner uploads none of it."""

_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SWITCHES = {"true": True, "false": False, "": False}


class ActionError(Exception):
    """Something a user of the action can meet: a sentence without a secret in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the workflow asked for; "" is what it did not say.

    `plan` is the file of a saved plan that is applied; `version` is that of a release, "" for this commit.
    """

    command: str = "plan"
    files: tuple[str, ...] = ()
    fleet: str = ""
    servers: tuple[str, ...] = ()
    shard: str = ""
    plan: str = ""
    base: str = ""
    offline: bool = False
    reviewed: str = ""
    expect: str = ""
    allow: tuple[str, ...] = ()
    client_cert: str = ""
    client_key: str = ""
    version: str = ""
    install: bool = True


def read(environment: Mapping[str, str]) -> Inputs:
    """Return the inputs, each from the variable `INPUT_` and its name in capitals.

    Raises ActionError for a value that no input may have.
    """
    command = environment.get("INPUT_COMMAND", "plan")
    if command not in COMMANDS:
        raise ActionError(f"the input `command` is one of {', '.join(COMMANDS)}")
    if command == "apply" and _switch(environment, "offline"):
        raise ActionError("the input `offline` is for plans: what is applied is planned over the tokens as they are")
    if environment.get("INPUT_PLAN") and not (command == "apply" and environment.get("INPUT_EXPECT")):
        raise ActionError("the input `plan` is for `apply`, and needs `expect`: the digest that was agreed to")
    return Inputs(
        command=command,
        files=_lines(environment, "files"),
        fleet=environment.get("INPUT_FLEET", ""),
        servers=_lines(environment, "servers"),
        shard=environment.get("INPUT_SHARD", ""),
        plan=environment.get("INPUT_PLAN", ""),
        base=environment.get("INPUT_BASE", ""),
        offline=_switch(environment, "offline"),
        reviewed=environment.get("INPUT_REVIEWED", ""),
        expect=_matching(environment, "expect", _DIGEST, "a digest: 64 hex digits, as a plan shows them"),
        allow=_lines(environment, "allow"),
        client_cert=environment.get("INPUT_CLIENT_CERT", ""),
        client_key=environment.get("INPUT_CLIENT_KEY", ""),
        version=_matching(environment, "version", _VERSION, "the version of a release, such as 1.2.3"),
        install=_switch(environment, "install"),
    )


def variable(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that an earlier step or the runner sets.

    Raises ActionError when it is missing or empty.
    """
    if not environment.get(name):
        raise ActionError(f"the variable {name} is not set: is this a GitHub runner?")
    return environment[name]


def path(environment: Mapping[str, str], name: str) -> Path:
    """Return the path in such a variable; raises ActionError when it is missing or empty."""
    return Path(variable(environment, name))


def write(path: Path, values: Mapping[str, str]) -> None:
    """Add outputs to the runner's file, each between delimiters that no value can know beforehand."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        for name, value in values.items():
            delimiter = f"end-{secrets.token_hex(16)}"
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def summarise(path: Path, markdown: str, instead: str) -> None:
    """Add Markdown to the step's summary, or `instead` where it has no room for it, or nothing."""
    used = path.stat().st_size if path.exists() else 0
    for text in (markdown, instead):
        content = f"{text.rstrip()}\n\n".encode()
        if used + len(content) <= LARGEST_SUMMARY:
            with path.open("ab") as file:
                file.write(content)
            return


def command(level: str, message: str, **properties: str) -> str:
    """Return a line that the runner shows as an annotation of the run, or of a place in a file.

    `level` is error, warning or notice; the place is `file`, `line` and `col`.
    """
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{level} {listed}".rstrip() + f"::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def unread(content: str) -> str:
    """Return text for the log in which the runner obeys nothing, between lines that no text can know beforehand."""
    token = f"end-{secrets.token_hex(16)}"
    return f"::stop-commands::{token}\n{content.rstrip()}\n::{token}::"


def _lines(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    lines = environment.get(f"INPUT_{name.upper()}", "").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


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
