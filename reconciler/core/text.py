"""Which characters of foreign text may stand in a manifest or be shown as they are, and words for messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

# Bidirectional marks and overrides, line and paragraph separators, the byte-order mark, tag characters, lone
# surrogates and noncharacters: what reorders, hides or breaks the lines that a reviewer reads.
_DECEPTIVE = (
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f"
)
_CONTROLS_BUT_NEWLINE = "\x00-\x09\x0b-\x1f\x7f-\x9f"

REFUSED = re.compile(f"[{_CONTROLS_BUT_NEWLINE}{_DECEPTIVE}]")
"""A character that a value of a manifest may not hold."""

SHOWN = 5
"""How many things a message names before "and N more"."""

# White space as Go knows it, which the server is written in: Python also counts \x1c to \x1f.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_DIGEST = re.compile("[0-9a-fA-F]{64}")
_HALF = re.compile("[\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

# Printable by Unicode's word, yet drawn as nothing: Hangul fillers, the Braille blank, variation selectors.
_INVISIBLE = re.compile("[\u115f\u1160\u3164\uffa0\u2800]")


def is_plain(text: str) -> bool:
    """Return whether the text can be shown on one line as it is: all characters are visible, none is a control."""
    return text.isprintable() and not _INVISIBLE.search(text)


def escaped(char: str) -> str:
    """A character as a visible escape, such as \\n, \\x1b or \\u202e."""
    return _SHORT.get(char) or code_of(char)


def code_of(char: str) -> str:
    """The number of a character as an escape, such as \\x0a."""
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def trimmed(text: str) -> str:
    """Return the text without white space around it, as a server looks up the name of an organisation."""
    return text.strip(_SPACE)


def is_bare(text: str) -> bool:
    """Return whether the text neither begins nor ends with white space or an invisible character."""
    return text == trimmed(text) and (not text or is_plain(text[0] + text[-1]))


def is_digest(text: str) -> bool:
    """Return whether the text is a whole digest of a plan: 64 hex digits, in upper or lower case."""
    return _DIGEST.fullmatch(text) is not None


def is_sendable(text: str) -> bool:
    """Whether the text can be written in UTF-8: half a surrogate pair cannot, and JSON may hold one."""
    return not _HALF.search(text)


def moment(text: str) -> datetime | None:
    """Return the moment of a time as InfluxDB writes it, with up to nine digits of a second; None without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def utc(seconds: float) -> str:
    """The moment so many seconds after 1970 in words, to the second: `2026-12-31T18:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def count(number: int, noun: str) -> str:
    """The number and its noun, such as `1 token` or `2 tokens`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds(span: float) -> str:
    """How long something takes or took, in words: `0.3 s`, or `less than 0.1 s`."""
    return f"{span:,.1f} s" if span >= 0.1 else "less than 0.1 s"


def span(seconds: float) -> str:
    """A time in words, in its two largest units: `3 s`, `4 min`, `5 h 2 min`, `7 d 10 h`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days:,} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def name_some(names: Sequence[str], of: int = 0) -> str:
    """The first few names, and how many more there are: of all these, or of so many."""
    shown, left = ", ".join(names[:SHOWN]), max(of, len(names)) - SHOWN
    return shown if left <= 0 else f"{shown} and {left:,} more"


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters: cut in the middle, as texts that begin alike often end otherwise."""
    end = most // 3
    return text if len(text) <= most else f"{text[: most - 1 - end]}…{text[-end:]}"


def quoted(name: str) -> str:
    """A name or a description for a message; "" for none."""
    return f"`{name}`" if name else ""


def common_start(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their start."""
    alike = (number for number, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(alike, min(len(one), len(other)))
