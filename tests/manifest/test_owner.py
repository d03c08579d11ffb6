"""Whose a place in a file is."""

from __future__ import annotations

import pytest
import yaml

from reconciler.manifest.owner import owners

SECRET = "FAKE" + "A" * 82 + "=="


def whose(text: str) -> str:
    """Whose the `@` in the text is, "" for nobody's."""
    found = owners(text, [text.index("@")], yaml.SafeLoader)
    return "".join(map(str, found.values()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: {org: a@}", "`server.org`"),
        ("a@: 1", "`a@`"),
        ("tokens@: []", "`tokens@`"),
        ("tokens: [x, y@]", "token number 2"),
        ("tokens: [{id: x@}]", "`id` of the token `x@`"),
        ("tokens:\n  - description: a@\n    name: later\n    id: x\n", "`description` of the token `later`"),
        ("tokens:\n  - {}\n  - match: {user: a@}\n", "`match.user` of token number 2"),
        ("tokens: [{k@: v}]", "`k@` of token number 1"),
        ("tokens: [{labels: {team: a@}, id: x}, [", "`labels.team` of the token `x`"),
        ("tokens: [{? [a] : b, id: x@}]", "`id` of the token `x@`"),
        ("a: &b c\nd: *b\ne: x@", "`e`"),
        (f"tokens: [{{name: {SECRET}, id: x, status: a@}}]", "`status` of the token `***`"),
        ("x@", ""),
        ("a: 1  # @\nb: [", ""),
        ("[" * 20 + "@", ""),
    ],
)
def test_a_place_is_of_a_key_and_of_a_token(text: str, expected: str) -> None:
    assert whose(text) == expected
