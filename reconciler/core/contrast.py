"""Two texts that stand beside each other, shown so that a reader sees how they differ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from reconciler.core.text import common_start, escaped

# Letters of other scripts, dashes and quotes, each with what it is taken for: from Unicode's confusables.txt, as far as
# their compatibility decomposition does not say it.
_STRANGERS = (
    "\u02bc\u2018\u2019\u2032\u2010\u2011\u2012\u2013\u2014\u2043\u2212\u2044\u2215\u0417\u0431\u0391"
    "\u0410\u13aa\u0251\u03b1\u0430\u0392\u0412\u13f4\u0184\u042c\u0432\u13cf\u0421\u13df\u2ca4\u0441"
    "\u1d04\u2ca5\uabaf\u13a0\u0501\u13e7\u0395\u0415\u13ac\u03b5\u0435\u04bd\u03dc\u0584\u050c\u13c0"
    "\u13f3\u018d\u0261\u0581\u0397\u041d\u13bb\u2c8e\u043d\u04bb\u0570\u13c2\u0399\u0406\u04c0\u0131"
    "\u026a\u03b9\u0456\u13a5\ua647\uab75\u037f\u0408\u13ab\u03f3\u0458\u039a\u041a\u13e6\u2c94\u03ba"
    "\u043a\u13de\u2cd0\u0196\u01c0\u04cf\u2c92\u039c\u03fa\u041c\u13b7\u2c98\u043c\u039d\u2c9a\u03b7"
    "\u0578\u057c\u039f\u041e\u0555\u2c9e\u03bf\u03c3\u043e\u0585\u1d0f\u2c9f\u03a1\u0420\u13e2\u2ca2"
    "\u03c1\u0440\u2ca3\u051b\u0563\u0566\u01a6\u13a1\u13d2\u0433\u1d26\u2c85\uab81\u0405\u054f\u13d5"
    "\u13da\u01bd\u0455\ua731\uabaa\u03a4\u0422\u13a2\u2ca6\u03c4\u0442\u054d\u03c5\u057d\u0474\u13d9"
    "\u03bd\u0475\u1d20\uaba9\u051c\u13b3\u13d4\u03c9\u0461\u051d\u0561\u1d21\uab83\u03a7\u0425\u2cac"
    "\u00d7\u03c7\u0445\u03a5\u0423\u04ae\u13a9\u13bd\u2ca8\u03b3\u0443\u04af\u0396\u13c3\u1d22\uab93"
)
_TAKEN_FOR = (
    "''''-------//36AAAaaaBBBbbbbCCCccccDddEEEeeeFfGGGgggHHHHhhhhIIIiiiiiiiJJJjjKKKKkkLLllllMMMMMmNNn"
    "nnOOOOooooooPPPPpppqqqRRRrrrrSSSSssssTTTTttUuuVVvvvvWWWwwwwwwXXXxxxYYYYYYyyyZZzz"
)
_LIKENESS = str.maketrans(_STRANGERS, _TAKEN_FOR)
# Drawn as nothing beside another character: joiners, vowels of Khmer, variation selectors.
_UNSEEN = "[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_WORD = r"(?:[^\x00-/:-@\[-`{-\x7f]|-)+"


def apart(one: str, other: str) -> tuple[str, str]:
    """The two texts with escapes such as \\u043e in the place of what would look the same in both and is not.

    Texts that differ visibly, and words that do, stay as they are.
    """
    if _likeness(one) == _likeness(other):
        start = common_start(one, other)
        end = common_end(one, other, start)
        first, second = (
            f"{text[:start]}{_spelled(text[start : len(text) - end])}{text[len(text) - end :]}" for text in (one, other)
        )
        return first, second
    alike = set(_alike(re.findall(_WORD, one), re.findall(_WORD, other)))
    if not alike:
        return one, other
    first, second = (
        re.sub(_WORD, lambda found: _spelled(found[0]) if found[0] in alike else found[0], text)
        for text in (one, other)
    )
    return first, second


def told_apart(texts: Sequence[str]) -> list[str]:
    """The texts of a list or a column, with escapes where one of them looks like another one and is not."""
    looks: dict[str, list[str]] = {}
    for each in dict.fromkeys(texts):
        looks.setdefault(_likeness(each), []).append(each)
    shown = {
        each: apart(each, alike[each == alike[0]])[0] for alike in looks.values() if len(alike) > 1 for each in alike
    }
    return [shown.get(each, each) for each in texts]


def common_end(one: str, other: str, start: int) -> int:
    """How many characters two texts end with alike, beside so many that they begin with alike."""
    most = min(len(one), len(other)) - start
    return common_start(one[len(one) - most :][::-1], other[len(other) - most :][::-1])


def narrowed(texts: Sequence[str], start: int, end: int, room: int) -> list[list[str]]:
    """What each text has between the first `start` and the last `end` characters, and some of these, in so many.

    A middle that is too long for that is in two pieces: its beginning and its end.
    """
    differ = max(len(text) - start - end for text in texts)
    beside = max(room // 4, (room - differ) // 2)
    found = []
    for text in texts:
        left, right = max(0, start - beside), min(len(text), len(text) - end + beside)
        whole = right - left <= room
        found.append([text[left:right]] if whole else [text[left : left + room // 2], text[right - room // 2 : right]])
    return found


def _alike(one: list[str], other: list[str]) -> Iterator[str]:
    """The words that only one of two texts has, and that look like a word of the other."""
    only = [{word: _likeness(word) for word in words} for words in (set(one) - set(other), set(other) - set(one))]
    shared = set(only[0].values()) & set(only[1].values())
    yield from (word for words in only for word, likeness in words.items() if likeness in shared)
    if len(one) == len(other):
        for pair in zip(one, other, strict=True):
            if _foreign(*map(_likeness, pair)):
                yield from pair


def _foreign(one: str, other: str) -> bool:
    """Whether at most half of a word was replaced, and only by letters of other scripts, one for one."""
    pairs = [(left, right) for left, right in zip(one, other, strict=False) if left != right]
    if len(one) != len(other) or not 0 < 2 * len(pairs) <= len(one):
        return False
    return all(left.isalpha() and right.isalpha() and _script(left) != _script(right) for left, right in pairs)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _likeness(text: str) -> str:
    """What stands for all texts that look like this one."""
    return re.sub(_UNSEEN, "", unicodedata.normalize("NFKD", text)).translate(_LIKENESS)


def _spelled(text: str) -> str:
    return "".join(char if char.isascii() else escaped(char) for char in text)
