"""What can go wrong, as one tree, and the exit code that each part of it means.

TokenctlError
├── UsageError         64  a bad flag or argument
├── InvalidError       65  the file is refused; a declared token is absent or its match is ambiguous
├── RefusedError        4  a guard said no
├── StaleError          5  the plan no longer fits the file, the server or the live tokens
├── AuthError           6  401 or 403, or a declared token is hidden from these credentials
├── UnreachableError    7  DNS, TCP, TLS, timeout, 5xx, or an answer that is no InfluxDB v2 answer, while reading
│   └── TransientError  7  the same, where asking again may help
├── CancelledError      8  answered no, or could not be asked
├── LockedError         9  another run holds the lock
└── LocalError          1  a local file cannot be read or written

`cli.main` alone turns these into text and an exit code. Everything else that escapes is a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import ClassVar, NamedTuple, TypeVar

_T = TypeVar("_T")


class ExitCode(IntEnum):
    """The exit codes of the command, the gravest first; `reason` is the name that machine formats carry."""

    # What was changed comes first, then what is not known, then why nothing was changed. A signal is no finding: it
    # only says why nothing else came.
    PARTIAL = 3
    ERROR = 1
    STALE = 5
    REFUSED = 4
    AUTH = 6
    UNREACHABLE = 7
    LOCKED = 9
    INVALID = 65
    USAGE = 64
    CANCELLED = 8
    CHANGES = 2
    INTERRUPTED = 130
    TERMINATED = 143
    OK = 0

    @property
    def reason(self) -> str:
        """The code's name in machine formats, such as `stale`; which signal interrupted a run makes no difference."""
        return "interrupted" if self is ExitCode.TERMINATED else self.name.lower()

    @classmethod
    def gravest(cls, codes: Iterable[ExitCode]) -> ExitCode:
        """The code of a run whose parts end with these, OK without any."""
        return min(codes, key=list(cls).index, default=cls.OK)


class Place(NamedTuple):
    """A position in an input file; `line` and `column` count from 1, `column` in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ProblemToken(NamedTuple):
    """A live token that a problem is about."""

    id: str
    status: str
    description: str
    org: str
    user: str


class Problem(NamedTuple):
    """One thing that is wrong: a message (lower case, no full stop), where it stands, and the way out.

    `tokens` are all those that it is about, where the message has no room for more than a few.
    """

    message: str
    hint: str = ""
    place: Place | None = None
    tokens: tuple[ProblemToken, ...] = ()

    @property
    def position(self) -> tuple[bool, str, int, int, str]:
        """What problems are sorted by: file, line, column; those without a place come last."""
        place = self.place or Place("", 0, 0)
        return self.place is None, place.file, place.line, place.column, self.message

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")


class TokenctlError(Exception):
    """Something a user can meet; holds every problem that was found, in the order to show them.

    It is made of the message and the hint of its only problem, or of problems.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init_subclass__(cls, code: ExitCode | None = None) -> None:
        if code is not None:
            cls.exit_code = code

    def __init__(self, problems: str | Problem | Sequence[Problem], hint: str = "", place: Place | None = None) -> None:
        if isinstance(problems, str):
            problems = Problem(problems, hint, place)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(TokenctlError, code=ExitCode.USAGE):
    """A flag, an argument or an environment variable cannot be used as it is."""


class InvalidError(TokenctlError, code=ExitCode.INVALID):
    """A manifest is refused, or what it declares cannot be found on the server."""


class RefusedError(TokenctlError, code=ExitCode.REFUSED):
    """A guard refuses the plan."""


class StaleError(TokenctlError, code=ExitCode.STALE):
    """A reviewed plan no longer describes what would happen."""


class AuthError(TokenctlError, code=ExitCode.AUTH):
    """The server does not let these credentials do this."""


class UnreachableError(TokenctlError, code=ExitCode.UNREACHABLE):
    """No usable answer came from the server.

    `is_over` says that the request was refused, and is not under way any more.
    """

    def __init__(self, problem: str | Problem, hint: str = "", *, is_over: bool = False) -> None:
        super().__init__(problem, hint)
        self.is_over = is_over


class FailureKind(StrEnum):
    """Why no usable answer came, as far as it matters to whoever may ask again."""

    STALE = "stale"  # the server closed a connection that it had kept open, and most likely saw no request
    PASSING = "passing"  # no connection, or one that broke, or 429, 502, 503, 504
    FAULT = "fault"  # 500, which InfluxDB also answers to a request that it does not understand
    LATE = "late"  # the time was up: the request may still be under way


class TransientError(UnreachableError):
    """No usable answer came from the server, and one may when it is asked again.

    `retry_after` is the text of the answer's header of that name, "" for none. A connection that had been
    closed before the request came counts as a refusal.
    """

    def __init__(
        self,
        problem: str | Problem,
        hint: str = "",
        *,
        kind: FailureKind,
        retry_after: str = "",
        is_over: bool = False,
    ) -> None:
        super().__init__(problem, hint, is_over=is_over or kind is FailureKind.STALE)
        self.kind = kind
        self.retry_after = retry_after


class CancelledError(TokenctlError, code=ExitCode.CANCELLED):
    """Nobody agreed to the plan."""


class LockedError(TokenctlError, code=ExitCode.LOCKED):
    """Another run holds the lock of an organisation."""


class LocalError(TokenctlError):
    """A file on this machine cannot be read or written."""


def reason(error: Exception) -> str:
    """Return what the system says of the error, as a part of a sentence; "" where it is not the system's."""
    return (getattr(error, "strerror", None) or "").lower()


def attempt(exchange: Callable[[], _T]) -> _T | TokenctlError:
    """What the exchange gives, or the error of the tree that it raises."""
    try:
        return exchange()
    except TokenctlError as error:
        return error
