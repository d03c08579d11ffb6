"""The outputs that the runner reads in a GITHUB_OUTPUT file, as its FileCommandManager.cs does."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = re.compile(r"(?P<name>[^=<]+)(?:<<(?P<delimiter>.+)|=(?P<value>.*))")


def read_outputs(file: Path) -> dict[str, str]:
    """The outputs in a GITHUB_OUTPUT file; anything that is no output is an error, as it is for the runner."""
    found: dict[str, str] = {}
    lines = iter(file.read_text("utf-8").split("\n")[:-1] if file.exists() else [])
    for line in lines:
        head = _HEAD.fullmatch(line)
        assert head, line
        if head["delimiter"] is None:
            found[head["name"]] = head["value"]
            continue
        content = []
        for each in lines:
            if each == head["delimiter"]:
                break
            content.append(each)
        else:
            raise AssertionError(f"no {head['delimiter']}")
        found[head["name"]] = "\n".join(content)
    return found
