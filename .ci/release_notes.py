"""Print the changelog's section of the version: `release_notes.py v1.2.3`; without a tag, of what comes next.

Ends with a message when the tag is not that of the version, or the changelog says nothing of it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the section of the version, without its heading; without a tag that of `Unreleased` counts, too.

    Raises ValueError when the tag is another version's, or there is no section or nothing in it.
    """
    if tag and tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, and reconciler/__init__.py says {version}")
    parts = re.split(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?\n", changelog, flags=re.MULTILINE)
    sections = {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    found = sections.get(version) or ("" if tag else sections.get("Unreleased", ""))
    if not found:
        raise ValueError(f"CHANGELOG.md has no section `## [{version}] - DATE` with anything in it")
    return f"{found}\n"


def main(tag: str = "") -> None:
    """Print the section of this project's version."""
    root = Path(__file__).parent.parent
    code = (root / "reconciler" / "__init__.py").read_text()
    (version,) = re.findall(r'^__version__ = "(.*)"$', code, re.MULTILINE)
    sys.stdout.write(notes(tag, version, (root / "CHANGELOG.md").read_text("utf-8")))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
