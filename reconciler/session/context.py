"""Everything of the outside world that a command may use, handed in by the cli."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, TextIO

from reconciler.apply.interrupt import Interrupt
from reconciler.core.secrets import Known, masked
from reconciler.errors import CancelledError, LocalError, reason

if TYPE_CHECKING:  # reading files needs none of these
    import ssl
    from datetime import datetime

    from reconciler.apply.pace import Moment


class Display(Protocol):
    """Where progress is shown: first after `first_s` seconds, and then every `every_s`."""

    first_s: float
    every_s: float

    def draw(self, words: str, share: float | None) -> None:
        """Show these words in place of the last ones; `share` is the part that is done, None where it is not known."""

    def cleared(self) -> AbstractContextManager[object]:
        """Return a context in which no progress is shown, so that something else can be written; for any thread."""


class Secrets:
    """The secrets that a run knows, in every spelling in which they may appear."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._sought: Known | None = None
        self._lock = threading.Lock()

    def add(self, secret: str) -> None:
        """Add a secret, which is hidden from now on."""
        import json
        from base64 import b64encode
        from urllib.parse import quote

        encoded = b64encode(secret.encode("utf-8", "replace")).decode()
        in_csv = secret.replace('"', '""')
        spelled = (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe=""), in_csv, encoded)
        with self._lock:
            if not self._known.issuperset(spelled):
                self._known.update(spelled)
                self._sought = None

    def hidden(self, text: str) -> str:
        """Return the text with `***` for each known secret."""
        with self._lock:
            if self._sought is None:  # a longer one may begin like a shorter one
                self._sought = Known(sorted(self._known, key=len, reverse=True))
            sought = self._sought
        return sought.hidden(text)


class Streams(NamedTuple):
    """The standard streams of one run: stdout is for data, stderr for talk. None of them shows a known secret.

    `interactive` says that a person can be asked, and `unasked` that one could be if CI were not set; `colour` that
    stdout shows colours, and `columns` how wide the terminal is that it is, None where it is none; `display` is where
    progress is shown, None for nowhere. `quiet` leaves talk out, and `terse` text where there is nothing to do. `token`
    is the caller's secret as the environment has it, "" for none: talk may come before the run knows if it is used.
    `speaker` is the server of a fleet whose talk it is, which stands before it.
    """

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    secrets: Secrets
    display: Display | None = None
    interactive: bool = False
    unasked: bool = False
    colour: bool = False
    columns: int | None = None
    quiet: bool = False
    terse: bool = False
    debug: bool = False
    token: str = ""
    speaker: str = ""

    def __repr__(self) -> str:
        return "Streams(…)"  # nothing may show the token

    def masked(self, text: str) -> str:
        """Return the text with `***` for each known secret, and for everything that looks like one."""
        return masked(self.secrets.hidden(text), self.token)

    def show(self, text: str, *, needed: bool = False) -> None:
        """Write data to stdout as it is; what nobody reads any more is left out, as `| head` does.

        Raises LocalError when it cannot be written, and BrokenPipeError when nobody reads what is `needed`: what has
        to be seen before anything is changed.
        """
        try:
            with self.without_progress():
                self.stdout.write(self.secrets.hidden(text))
                self.stdout.flush()
        except BrokenPipeError:
            if needed:
                raise
        except OSError as error:
            raise unwritable(error) from error

    def say(self, text: str, *, public: bool = False) -> None:
        """Write a line of talk to stderr, unless told to be quiet; a `public` one may have the secret of a sandbox."""
        if not self.quiet:
            self._write(text if public else self.masked(text))

    def warn(self, text: str) -> None:
        """Write a warning to stderr even with --quiet."""
        self._write(self.masked(text))

    def confirm(self, question: str, otherwise: str) -> None:
        """Ask for a `yes`; without one, raises CancelledError with a message that begins with `otherwise`."""
        if not self.interactive:
            why, hint = "there is no terminal to ask on", "agree beforehand with `--yes`"
            if self.unasked:
                why, hint = "CI is set, so nobody is asked", f"{hint}, or unset CI"
            raise CancelledError(f"{otherwise}: {why}", hint)
        with self.without_progress():
            self.stderr.write(self.secrets.hidden(f"{question} Only `yes` does it: "))
            self.stderr.flush()
        if self.stdin.readline().decode("utf-8", "replace").strip() != "yes":
            raise CancelledError(f"{otherwise}: the answer was not `yes`")

    def without_progress(self) -> AbstractContextManager[object]:
        """Return a context in which no progress is shown, so that something else can be written."""
        return self.display.cleared() if self.display else nullcontext()

    def _write(self, text: str) -> None:
        text = f"{self.speaker}: {text}" if self.speaker else text
        # That nobody listens is no reason to stop in the middle of anything.
        with suppress(OSError, ValueError), self.without_progress():
            self.stderr.write(self.secrets.hidden(text) + "\n")
            self.stderr.flush()


class Turn(NamedTuple):
    """What one server of a fleet may take: `check` raises when its time is up or the run ends.

    `tls` is the context for TLS that all share, None where none speaks it, and `memory` the bytes of its tokens.
    """

    check: Callable[[], None]
    tls: ssl.SSLContext | None
    memory: int


class Context(NamedTuple):
    """The surroundings of one run.

    `clock` counts seconds from any moment, `moment` tells how old a look at the server is, also when the machine slept
    meanwhile, `now` gives the time of day in UTC, `sleep` waits for so many seconds, `pause` too but ends when the
    event is set, `chance` gives numbers from 0 to 1, and `nonce` a text that was never there before. `who` names user,
    machine and process. `interrupt` is what signals do, and `end_after` sets the time after which the run has to end.
    `collect_garbage` is called once a run goes on for longer than it takes to read and plan.
    `shown` is set once the command shows what it was asked for. `asked` has the servers that the run is about, by the
    name that monitoring gets, each with the moment of `clock` since when. `turn` is that of a server of a fleet.
    `command_line` runs another command line in such surroundings, and returns its exit code.
    """

    environment: Mapping[str, str]
    home: Path
    streams: Streams
    clock: Callable[[], float]
    moment: Callable[[], Moment]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    nonce: Callable[[], str]
    who: str
    interrupt: Interrupt
    shown: threading.Event
    asked: dict[str, float]
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    end_after: Callable[[float], object] = lambda _: None
    collect_garbage: Callable[[], object] = lambda: None
    turn: Turn | None = None
    command_line: Callable[[Sequence[str], Context], int] = lambda _, __: 0


def unwritable(error: OSError) -> LocalError:
    """Return the error for standard output that cannot be written."""
    return LocalError(f"cannot write to standard output: {reason(error)}")
