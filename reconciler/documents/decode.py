"""Decoders: from JSON to typed values, or what is wrong and where.

A decoder takes one value of JSON and gives what it means. It refuses whatever the schema refuses, at the cost of a few
comparisons where jsonschema takes a hundred times as long. A path is put together only when something is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn, TypeAlias, TypeVar

from reconciler.core.live import HEX_ID

T = TypeVar("T")
S = TypeVar("S", bound=str)
Decoder: TypeAlias = Callable[[object], T]
Json: TypeAlias = "str | int | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = dict[str, Json]

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class DecodeError(Exception):
    """What is wrong with the value at `path`, or with the subject as a whole. Holds no value: it might be a secret."""

    def __init__(self, why: str, path: Iterable[str | int] = (), *, subject: str = "it") -> None:
        super().__init__(why)
        self.path = [*path]
        self._subject = subject

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).removeprefix(".")
        return f"{f'`{path}`' if path else self._subject} {self.args[0]}"


class Fields:
    """An object of JSON, of which each field is taken once; `left` has those that were not.

    Where it is exact, others are an error; else a later version may have added them.
    """

    __slots__ = ("_exact", "_inner", "_path", "left")

    def __init__(self, value: Mapping[str, object], path: tuple[str, ...] = (), *, exact: bool = True) -> None:
        self.left = dict(value)
        self._path, self._exact = path, exact
        self._inner: list[Fields] = []

    def __call__(self, key: str, decode: Decoder[T]) -> T:
        """Take a field; raises DecodeError when there is none."""
        if key not in self.left:
            raise DecodeError(f"must have `{key}`", self._path)
        try:
            return decode(self.left.pop(key))
        except DecodeError as error:
            error.path[:0] = *self._path, key
            raise

    def optional(self, key: str, decode: Decoder[T], default: T) -> T:
        """Take a field, or the default when there is none."""
        return self(key, decode) if key in self.left else default

    def those(self, keys: Iterable[str], decode: Decoder[T]) -> dict[str, T]:
        """Take as many fields of these keys as there are."""
        return {key: self(key, decode) for key in keys if key in self.left}

    def inner(self, key: str, *, exact: bool = False, least: int = 0) -> Fields:
        """Take a field that is an object, of at least so many fields; it is exact where this one is."""
        path = (*self._path, key)
        taken = Fields(self(key, an_object), path, exact=exact or self._exact)
        if len(taken.left) < least:
            raise DecodeError("must not be empty", path)
        self._inner.append(taken)
        return taken

    def end(self) -> None:
        """Raise DecodeError for a field that nobody took."""
        if self._exact and self.left:
            key = next(iter(self.left))
            raise DecodeError(f"has an unknown key{f' `{key}`' if _KEY.fullmatch(key) else ''}", self._path)
        for each in self._inner:
            each.end()


def parse(content: bytes) -> dict[str, object]:
    """The JSON object that is there in UTF-8, with or without its mark; raises DecodeError for anything else."""
    try:
        value = _JSON.decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise DecodeError("is not JSON") from None
    return an_object(value)


def strict(pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None) -> json.JSONDecoder:
    """A decoder that raises ValueError for NaN and Infinity, which Python reads and JSON does not have.

    `pairs_hook` makes a value of the keys and values of an object.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    return json.JSONDecoder(object_pairs_hook=pairs_hook, parse_constant=refuse)


_JSON = strict()


def is_a(kind: type[T], words: str, test: Callable[[T], object] | None = None) -> Decoder[T]:
    """A value of this type that passes the test; `words` say what that is."""

    def decode(value: object) -> T:
        if isinstance(value, kind) and (test is None or test(value)):
            return value
        raise DecodeError(f"must be {words}")

    return decode


text = is_a(str, "a string")
boolean = is_a(bool, "`true` or `false`")
an_array = is_a(list, "an array")
an_object = is_a(dict, "an object")


def matching(pattern: str, words: str) -> Decoder[str]:
    """A string that matches the pattern from end to end."""
    return is_a(str, words, re.compile(pattern).fullmatch)


def integer(least: int, most: int = 2**53 - 1) -> Decoder[int]:
    """An integer in these bounds, written without a fraction."""
    words = f"an integer from {least} to {most}" if least < most else f"{most}"
    return is_a(int, words, lambda value: type(value) is int and least <= value <= most)


COUNT, ORDINAL = integer(0), integer(1)
ID = matching(HEX_ID, "16 lower-case hex digits")
DIGEST = matching("[0-9a-f]{64}", "64 lower-case hex digits")
RUN_NAME = matching("[A-Za-z0-9._-]{1,200}", "the name of a run")


def one_of(values: Iterable[S]) -> Decoder[S]:
    """One of these strings, such as the members of a StrEnum."""
    known = {str(each): each for each in values}
    words = " or ".join(f"`{each}`" for each in known)

    def decode(value: object) -> S:
        if isinstance(value, str) and value in known:
            return known[value]
        raise DecodeError(f"must be {words}")

    return decode


def or_null(decode: Decoder[T]) -> Decoder[T | None]:
    """What the decoder takes, or `null`."""
    return lambda value: None if value is None else decode(value)


def list_of(decode: Decoder[T]) -> Decoder[tuple[T, ...]]:
    """An array of what the decoder takes."""

    def decode_all(value: object) -> tuple[T, ...]:
        found: list[T] = []
        for each in an_array(value):
            try:
                found.append(decode(each))
            except DecodeError as error:
                error.path.insert(0, len(found))
                raise
        return tuple(found)

    return decode_all


def object_of(build: Callable[[Fields], T]) -> Decoder[T]:
    """An object that the value is built from, of exactly the fields that this takes."""

    def decode(value: object) -> T:
        fields = Fields(an_object(value))
        built = build(fields)
        fields.end()
        return built

    return decode


def record(kind: Callable[..., T], /, **decoders: Decoder[object]) -> Decoder[T]:
    """An object of exactly these fields, which its value has under the same names."""
    take_all = object_of(lambda field: kind(**{key: field(key, decode) for key, decode in decoders.items()}))

    def decode(value: object) -> T:
        if not isinstance(value, dict) or value.keys() != decoders.keys():
            return take_all(value)  # and say what is wrong
        taken: dict[str, object] = {}
        for key, each in decoders.items():
            try:
                taken[key] = each(value[key])
            except DecodeError as error:
                error.path.insert(0, key)
                raise
        return kind(**taken)

    return decode
