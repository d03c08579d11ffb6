"""Decoders: functions that take a value of JSON and return a typed one, or raise DecodeError with its path.

They refuse whatever the schema refuses, about a hundred times as fast as jsonschema. A path is put together only when
something is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias, TypeVar

from reconciler import files
from reconciler.core.live import HEX_ID
from reconciler.errors import InvalidError, LocalError, reason

T = TypeVar("T")
S = TypeVar("S", bound=str)
Decoder: TypeAlias = Callable[[object], T]
Json: TypeAlias = "str | int | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = dict[str, Json]

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class DecodeError(Exception):
    """What is wrong with the value at `path`, or with the whole; never holds the value, which might be a secret."""

    def __init__(self, why: str, path: Iterable[str | int] = (), *, subject: str = "it") -> None:
        super().__init__(why)
        self.path = [*path]
        self._subject = subject

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).removeprefix(".")
        return f"{f'`{path}`' if path else self._subject} {self.args[0]}"


def read(path: Path, noun: str, largest: int) -> bytes:
    """Return what is in a regular file of at most so many bytes, which is to be a `noun`.

    Raises LocalError when it cannot be read, InvalidError when it is larger.
    """
    try:
        with files.regular(path) as stream:
            content = files.whole(stream, largest)
    except OSError as error:
        raise LocalError(f"cannot read the {noun} {path}: {reason(error)}") from error
    if content is None:
        raise InvalidError(f"{path} is no {noun}: it is larger than {largest // 1024**2} MiB")
    return content


class Fields:
    """The fields of a JSON object, each of which is taken once; `left` has the others.

    With `exact`, fields that nobody takes are an error; without it, a later version may have added them.
    """

    __slots__ = ("_exact", "_inner", "_path", "left")

    def __init__(self, value: Mapping[str, object], path: tuple[str, ...] = (), *, exact: bool = True) -> None:
        self.left = dict(value)
        self._path, self._exact = path, exact
        self._inner: list[Fields] = []

    def __call__(self, key: str, decode: Decoder[T]) -> T:
        """Take a field and return its decoded value; raises DecodeError when it is missing or refused."""
        if key not in self.left:
            raise DecodeError(f"must have `{key}`", self._path)
        try:
            return decode(self.left.pop(key))
        except DecodeError as error:
            error.path[:0] = *self._path, key
            raise

    def optional(self, key: str, decode: Decoder[T], default: T) -> T:
        """Take a field and return its decoded value, the default when it is missing."""
        return self(key, decode) if key in self.left else default

    def those(self, keys: Iterable[str], decode: Decoder[T]) -> dict[str, T]:
        """Take the fields with these keys, as far as there are any, and return their decoded values."""
        return {key: self(key, decode) for key in keys if key in self.left}

    def inner(self, key: str, *, exact: bool = False, least: int = 0) -> Fields:
        """Take a field that is an object of at least `least` fields, and return them; `exact` is inherited."""
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
    """Return the JSON object in the bytes, UTF-8 with or without a byte order mark; raises DecodeError."""
    try:
        value = _JSON.decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise DecodeError("is not JSON") from None
    return an_object(value)


def strict(pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None) -> json.JSONDecoder:
    """Return a JSON decoder that raises ValueError for NaN and Infinity, which Python accepts and JSON does not.

    `pairs_hook` makes a value from the keys and values of an object.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    return json.JSONDecoder(object_pairs_hook=pairs_hook, parse_constant=refuse)


_JSON = strict()


def is_a(kind: type[T], words: str, test: Callable[[T], object] | None = None) -> Decoder[T]:
    """Return a decoder of values of this type that pass the test; `words` say what they must be."""

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
    """Return a decoder of strings that match the whole pattern."""
    return is_a(str, words, re.compile(pattern).fullmatch)


def integer(least: int, most: int = 2**53 - 1) -> Decoder[int]:
    """Return a decoder of integers in these bounds, written without a fraction."""
    words = f"an integer from {least} to {most}" if least < most else f"{most}"
    return is_a(int, words, lambda value: type(value) is int and least <= value <= most)


COUNT, ORDINAL = integer(0), integer(1)
ID = matching(HEX_ID, "16 lower-case hex digits")
DIGEST = matching("[0-9a-f]{64}", "64 lower-case hex digits")
RUN_NAME = matching("[A-Za-z0-9._-]{1,200}", "the name of a run")


def one_of(values: Iterable[S]) -> Decoder[S]:
    """Return a decoder of these strings, such as the members of a StrEnum."""
    known = {str(each): each for each in values}
    words = " or ".join(f"`{each}`" for each in known)

    def decode(value: object) -> S:
        if isinstance(value, str) and value in known:
            return known[value]
        raise DecodeError(f"must be {words}")

    return decode


def or_null(decode: Decoder[T]) -> Decoder[T | None]:
    """Return a decoder of what `decode` takes, or `null`."""
    return lambda value: None if value is None else decode(value)


def list_of(decode: Decoder[T]) -> Decoder[tuple[T, ...]]:
    """Return a decoder of arrays of what `decode` takes."""

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
    """Return a decoder of objects with exactly the fields that `build` takes to make the value."""

    def decode(value: object) -> T:
        fields = Fields(an_object(value))
        built = build(fields)
        fields.end()
        return built

    return decode


def record(kind: Callable[..., T], /, **decoders: Decoder[object]) -> Decoder[T]:
    """Return a decoder of objects with exactly these fields, which become arguments of `kind`."""
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
