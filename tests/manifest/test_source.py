"""The text that is read of a file, and the places of it in the file."""

from __future__ import annotations

from reconciler.errors import Place
from reconciler.manifest import document
from reconciler.manifest.source import clean, without_directives
from reconciler.manifest.syntax import TextFile


def test_what_is_left_when_refused_characters_are_taken_away_keeps_its_place() -> None:
    text = "a\u202eb\tc\n\t \td\u202e: \u200e1\r\n"
    cleaned = clean(TextFile("f", text))
    assert cleaned.text == "ab c\n     d: 1\n"
    for character in "abcd:1":
        at = cleaned.place_at(cleaned.text.index(character))
        assert at == TextFile("f", text).place_at(text.index(character)), character
    assert [(each.character, each.original, each.is_indent, each.is_more) for each in cleaned.edits] == [
        ("\u202e", 1, False, False),
        ("\t", 3, False, False),
        ("\t", 6, True, False),
        ("\t", 8, True, True),
        ("\u202e", 10, False, False),
        ("\u200e", 13, False, False),
        ("\r", 15, False, False),
    ]
    assert clean(TextFile("f", "a: 1\n")) == TextFile("f", "a: 1\n")


def test_only_directives_before_the_document_are_taken_for_such() -> None:
    assert without_directives("# a\n\n%YAML 1.2\n%X\n---\n%b\n") == ("# a\n\n#YAML 1.2\n#X\n---\n%b\n", [5, 15])
    assert without_directives("%") == ("#", [0])
    assert without_directives("a: %x\n%b") == ("a: %x\n%b", [])


def test_a_file_of_nothing_but_refused_characters_is_not_read_on() -> None:
    root, problems = document.read(TextFile("f", "[\x01" * 100_001))
    assert root is None
    assert [each.place for each in problems] == [Place("f", 1, column) for column in range(2, 41, 2)]
