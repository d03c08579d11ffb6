"""The entry of the action: its only argument is a verb. Any Python 3 can read this module."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Tuple  # noqa: UP035  # see above


def too_old(version: Tuple[int, ...]) -> str:  # noqa: UP006  # see above
    """Return the words for whoever runs the action with a Python that tokenctl does not support, "" for any other."""
    if version >= (3, 11):
        return ""
    return "::error::tokenctl needs Python 3.11 or later: name one with the input `python`"


if __name__ == "__main__":
    # Last, so that an installed tokenctl of another version comes before the one beside this folder.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    sys.exit(too_old(sys.version_info[:2]) or import_module("action.verbs").main(sys.argv[1:]))
