"""Whether and when to send a failed request again: one policy and budget for a whole run."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from reconciler.core.text import count, seconds
from reconciler.errors import FailureKind, TransientError
from reconciler.influx import answers
from reconciler.influx.transport import Answer

_ATTEMPTS = {FailureKind.PASSING: 4, FailureKind.FAULT: 2, FailureKind.LATE: 2}
_STALE = 8  # connections in a row; each had answered before, so that a server cannot make more of them
_BASE_S, _CAP_S = 0.5, 20.0
_HONOURED_S = 60
_SHARE, _SPARE = 5, 10  # again for one request in five, and ten times more
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(rf"(?a)[A-Z][a-z]{{2}}, (\d\d) ({'|'.join(_MONTHS)}) ([1-9]\d{{3}}) (\d\d):(\d\d):(\d\d) GMT")
_DIGITS = 9  # of a time in seconds: more is a joke


class Retries:
    """The policy by which a run sends failed requests again, one for all of its threads.

    `chance` gives numbers from 0 to 1, `now` the time of day, `sleep` waits for so many seconds, and `say` is given a
    line for each wait.
    """

    def __init__(
        self,
        *,
        chance: Callable[[], float],
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self._chance = chance
        self._now = now
        self._sleep = sleep
        self._say = say
        self._lock = threading.Lock()
        self._requests = self._repeated = 0

    def count(self) -> None:
        """Note a request that is sent for the first time: the budget for retries grows with these."""
        with self._lock:
            self._requests += 1

    def read(self, send: Callable[[], Answer]) -> Answer:
        """Return the answer to a request that changes nothing, which is sent again as long as that may help.

        Raises what `send` raises, and TransientError when the last answer is one of `answers.PASSING_READS`.
        """
        self.count()
        failures: list[TransientError] = []
        while isinstance(got := _attempt(send), TransientError):
            failures.append(got)
            if why := self.wait(failures):
                problem = got.problems[0]
                raise TransientError(f"{problem.message}; {why}", problem.hint, kind=got.kind)
        return got

    def wait(self, failures: Sequence[TransientError]) -> str:
        """Wait until the request with these failures may be sent again; return why it may not, "" when it may."""
        wait = self.again(failures)
        if isinstance(wait, str):
            return wait
        if wait:
            self._sleep(wait)
        return ""

    def again(self, failures: Sequence[TransientError]) -> float | str:
        """Return the seconds to wait before the request with these failures is sent again, or why it is not.

        `failures` are those of one request, the latest last.
        """
        latest = failures[-1]
        stale = sum(each.kind is FailureKind.STALE for each in failures)
        attempts = len(failures) - stale
        if latest.kind is FailureKind.STALE:
            return 0.0 if stale <= _STALE else f"given up after {count(stale, 'connection')}"
        if attempts >= _ATTEMPTS[latest.kind]:
            return f"given up after {count(attempts, 'attempt')}"
        asked = self._asked(latest.retry_after)
        if asked > _HONOURED_S:
            return f"it asks to wait {asked:,} s, and a run waits at most {_HONOURED_S} s"
        if not self._spend():
            return "given up: this run has asked again too often"
        wait = asked or self._chance() * min(_CAP_S, _BASE_S * 2 ** (attempts - 1))
        self._say(f"{latest.problems[0].message}; asking again in {seconds(wait)}")
        return wait

    def _spend(self) -> bool:
        with self._lock:
            left = self._repeated * _SHARE < self._requests + _SPARE * _SHARE
            self._repeated += left
            return left

    def _asked(self, text: str) -> int:
        """Return the seconds that a Retry-After header asks for, 0 where it is unusable; see RFC 9110, 10.2.3."""
        if text.isascii() and text.isdigit():
            return int(text) if len(text) <= _DIGITS else 10**_DIGITS
        moment = moment_of(text)
        return max(0, math.ceil(moment - self._now().timestamp())) if moment is not None else 0


def moment_of(text: str) -> float | None:
    """Return the moment that a header says, in seconds since 1970; None where it says none. See RFC 9110, 5.6.7."""
    try:
        if usual := _DATE.fullmatch(text):
            day, month, year, *clock = usual.groups()
            hour, minute, second = map(int, clock)
            number = _MONTHS.index(month) + 1
            return datetime(int(year), number, int(day), hour, minute, second, tzinfo=UTC).timestamp()
        from email.utils import parsedate_to_datetime  # takes 8 ms

        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _attempt(send: Callable[[], Answer]) -> Answer | TransientError:
    try:
        answer = send()
    except TransientError as caught:
        return caught
    error = answers.error(answer, reading=True) if answer.status in answers.PASSING_READS else None
    return error if isinstance(error, TransientError) else answer
