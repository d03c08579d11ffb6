"""Values and Markdown in, what a GitHub runner reads out: the files after a step, and commands in its log."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

LARGEST_SUMMARY = 1024 * 1024
"""Bytes that all summaries of a step may have together; over that the runner uploads none of it."""


class ActionError(Exception):
    """Something a user of the action can meet: a sentence without a secret in it."""


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


def command(level: str, message: str) -> str:
    """A line that the runner shows as an annotation of the run; `level` is error, warning or notice."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level}::{escaped}"
