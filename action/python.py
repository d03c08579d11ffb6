"""A version of Python in, what to say if it is too old out. Any Python 3 can read this module."""

from typing import Tuple  # noqa: UP035  # see above


def too_old(version: Tuple[int, ...]) -> str:  # noqa: UP006  # see above
    """The words for whoever runs the action with a Python that tokenctl does not support, "" for any other."""
    if version >= (3, 11):
        return ""
    return "::error::tokenctl needs Python 3.11 or later: name one with the input `python`"
