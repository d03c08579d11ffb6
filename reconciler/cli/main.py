"""Runs the command line: makes the surroundings of the run, and is the only handler of errors."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from reconciler.apply.interrupt import Interrupt, is_struck
from reconciler.cli import COMPLETION, SHOWN, screen
from reconciler.cli.process import collect_garbage, leave_no_core
from reconciler.errors import ExitCode, TokenctlError
from reconciler.session.context import Context, Secrets, Streams, unwritable

if TYPE_CHECKING:  # checking files needs neither
    from datetime import datetime

    from reconciler.apply.pace import Moment

_CRASHED = (
    "this is a mistake in tokenctl itself\n"
    "  hint: please report it with the lines below. Secrets in them are masked, names and descriptions are not;\n"
    "  hint: when it came while changes were sent, the journal says which, and running it again is safe\n"
)


def main(arguments: Sequence[str], interrupt: Interrupt | None = None) -> int:
    """Run the command line and give the exit code; anything but a TokenctlError is a bug, and told as one.

    `interrupt` is what this process's signals are handled by, if they are.
    """
    interrupt = interrupt or Interrupt()
    _open_streams()
    try:
        code = run(arguments, _context(interrupt))
    finally:
        _release_streams()
    if code == ExitCode.INTERRUPTED:  # typer makes it of KeyboardInterrupt, too
        _complain(f"\n{interrupt.problem.message}\n  hint: {interrupt.problem.hint}\n", sys.stderr)
        return interrupt.exit_code
    return code


def run(arguments: Sequence[str], context: Context) -> int:
    """Run the command line in these surroundings, tell what went wrong on their stderr, and give the exit code."""
    _hide_header(context)
    try:
        if plain := _plain(arguments):
            return plain(context)
        if COMPLETION in os.environ and (told := _completed()):
            context.streams.stdout.write(f"{told}\n")
            return ExitCode.OK
        from reconciler.cli import line  # typer takes longer than all that a plain line needs

        return line.read(arguments, context)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # which only what has to be seen before anything is sent lets through
        told, code = "nothing was changed: nobody reads what has to be seen first\n", ExitCode.ERROR
    except TokenctlError as error:
        from reconciler.render import words

        told, code = context.streams.masked(words.problems(error.problems)), error.exit_code
    except Exception as error:  # noqa: BLE001  Python would show its traceback as it is
        if is_struck(error):
            return ExitCode.INTERRUPTED
        code = ExitCode.ERROR
        if isinstance(error, OSError) and SHOWN.intersection(arguments):
            told = f"{unwritable(error)}\n"
        else:
            told = report_crash(error, context)
    _complain(told, context.streams.stderr)
    return code


def _plain(arguments: Sequence[str]) -> Callable[[Context], ExitCode] | None:
    """What runs a line that typer need not read, None for any other."""
    if not arguments or arguments[0] not in _PLAIN:
        return None
    command, known, least = _PLAIN[arguments[0]]
    given: list[str] = []
    options: dict[str, str] = {}
    words = iter(arguments[1:])
    for word in words:
        if word[:1] not in ("", "-") or (word == "-" and arguments[0] in _WITHOUT_TOKEN):
            given.append(word)
        elif word in known and word not in options:
            options[word] = next(words, "") if known[word] else ""
            if not re.fullmatch(known[word], options[word]):
                return None
        else:
            return None
    return partial(command, given, options) if len(given) >= least else None


def _validate(files: Sequence[str], _: Mapping[str, str], context: Context) -> ExitCode:
    from reconciler.commands import validate

    return validate.run(files, context)


def _plan(files: Sequence[str], options: Mapping[str, str], context: Context) -> ExitCode:
    from reconciler.commands import plan
    from reconciler.session.sources import Sources
    from reconciler.settings import Flags

    leave_no_core()
    is_detailed = "--detailed-exitcode" in options
    request = plan.PlanRequest(
        sources=Sources(files=files), flags=Flags(), out=options.get("-o", ""), detailed_exitcode=is_detailed
    )
    return plan.run(request, context)


def _apply(files: Sequence[str], options: Mapping[str, str], context: Context) -> ExitCode:
    from reconciler.commands import apply
    from reconciler.session.sending import SendingOptions
    from reconciler.session.sources import Sources
    from reconciler.settings import Flags

    leave_no_core()
    sending = SendingOptions(
        expect=options.get("--expect", ""), yes="--yes" in options, journal=options.get("--journal", "")
    )
    return apply.run(Sources(files=files), Flags(), sending, context)


def _set(given: Sequence[str], options: Mapping[str, str], context: Context) -> ExitCode:
    from reconciler.commands import set as setting

    term, *files = given
    fields = {"status": options["--status"]} if "--status" in options else {}
    return setting.run(setting.SetRequest(term=term, files=files, fields=fields, check="--check" in options), context)


def _completed() -> str:
    from reconciler.cli import completion

    return completion.quickly(os.environ)


_PATH = "[A-Za-z0-9_./][A-Za-z0-9_./-]*[./][A-Za-z0-9_./-]*"  # one that no typing mistake looks like
_Command = Callable[[Sequence[str], Mapping[str, str], Context], ExitCode]  # of arguments and options
_PLAIN: Mapping[str, tuple[_Command, Mapping[str, str], int]] = {
    "validate": (_validate, {}, 0),
    "plan": (_plan, {"-o": _PATH, "--detailed-exitcode": ""}, 0),
    "apply": (_apply, {"--yes": "", "--expect": "[0-9a-f]{64}", "--journal": _PATH}, 0),
    "set": (_set, {"--status": "active|inactive", "--check": ""}, 1),
}
"""The commands of plain lines, their options with what a value looks like, "" for none, and their fewest arguments."""
_WITHOUT_TOKEN = ("validate", "set")  # one could come from standard input, too


def _hide_header(context: Context) -> None:
    """Let the streams hide the header for a gate: talk may come before the run knows its settings."""
    if header := context.environment.get("INFLUX_EXTRA_HTTP_HEADER"):
        from reconciler.core.endpoint import Header, Secret

        for secret in Header("", Secret(header.partition(":")[2].strip())).secrets:
            context.streams.secrets.add(secret.reveal())


def report_crash(error: BaseException, context: Context) -> str:
    """The whole traceback, with `***` for each secret that the run knows and for whatever looks like one."""
    import traceback

    from reconciler.render.escape import line

    _hide_header(context)
    context.streams.secrets.add(context.streams.token)  # it may have come too early for the run to know it
    trace = context.streams.masked("".join(traceback.format_exception(error)))
    # A message may have any text in it, and draw or command with it.
    return _CRASHED + "".join(f"{line(each)}\n" for each in trace.split("\n") if each)


def _complain(text: str, stream: TextIO) -> None:
    """Write to stderr, if it takes anything: the exit code says what matters."""
    with suppress(OSError):
        stream.write(text)
        stream.flush()


def _open_streams() -> None:
    """Make the standard streams usable whatever the process was given; what nobody can be shown cannot be written."""
    for name, mode, access in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:  # closed by who started us; no file or socket may get its number
            number = os.open(os.devnull, access)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # open until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal gets escapes, not a traceback


def _release_streams() -> None:
    """Drop what the streams could not take, such as on a full disk: Python would try again, and fail, at its end."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _context(interrupt: Interrupt) -> Context:
    environment = dict(os.environ)
    on_terminal, in_ci = sys.stdin.isatty() and sys.stderr.isatty(), screen.is_set("CI", environment)
    return Context(
        environment=environment,
        home=_home(),
        streams=Streams(
            stdin=sys.stdin.buffer,
            stdout=sys.stdout,
            stderr=sys.stderr,
            display=screen.display(sys.stderr, environment),
            interactive=on_terminal and not in_ci,
            unasked=on_terminal and in_ci,
            colour=_colour(environment, terminal=sys.stdout.isatty()),
            columns=screen.columns(sys.stdout, environment),
            secrets=Secrets(),
            token=environment.get("INFLUX_TOKEN", ""),
        ),
        clock=time.monotonic,
        moment=_moment,
        now=_now,
        sleep=time.sleep,
        chance=lambda: int.from_bytes(os.urandom(4)) / 2**32,
        nonce=lambda: os.urandom(16).hex(),
        who=_who(environment),
        interrupt=interrupt,
        shown=threading.Event(),
        asked={},
        end_after=partial(signal.setitimer, signal.ITIMER_REAL),  # then SIGALRM comes
        collect_garbage=partial(collect_garbage, wanted=True),
        command_line=run,
    )


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _moment() -> Moment:
    """Now, by a clock that goes on while the machine sleeps, as macOS's monotonic one does, and by the time of day."""
    from reconciler.apply.pace import Moment

    return Moment(time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time())


def _home() -> Path:
    """The user's folder; a container may run as a user that nobody has heard of."""
    with suppress(RuntimeError):
        return Path.home()
    return Path("/")


def _who(environment: dict[str, str]) -> str:
    """Who runs this, for whoever finds what the run left behind."""
    user = environment.get("USER") or environment.get("LOGNAME") or f"user {os.getuid()}"
    return f"{user} on {os.uname().nodename}, process {os.getpid()}"


def _colour(environment: dict[str, str], *, terminal: bool) -> bool:
    """https://no-color.org and https://force-color.org; a dumb terminal has no colours."""
    if environment.get("NO_COLOR"):
        return False
    return screen.is_set("FORCE_COLOR", environment) or (terminal and environment.get("TERM") != "dumb")
