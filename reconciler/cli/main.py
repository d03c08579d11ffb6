"""Runs the command line: makes the surroundings of the run, and is the only handler of errors."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import typer.main

# typer vendors click from 0.26 on and exports only a part of it.
from typer._click.core import Command
from typer._click.exceptions import ClickException, NoArgsIsHelpError, NoSuchOption
from typer.core import TyperGroup

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Moment
from reconciler.cli import screen
from reconciler.cli.app import app
from reconciler.cli.process import collect_garbage
from reconciler.core.endpoint import HEADER, Header, Secret
from reconciler.errors import ExitCode, TokenctlError, UsageError
from reconciler.session.context import Context, Streams, unwritable

_HELP = {"-h", "--help", "--version"}
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
        code = run(typer.main.get_command(app), arguments, _context(interrupt))
    finally:
        _release_streams()
    if code == ExitCode.INTERRUPTED:  # typer makes it of KeyboardInterrupt
        _complain(f"\n{interrupt.problem.message}\n  hint: {interrupt.problem.hint}\n", sys.stderr)
        return interrupt.exit_code
    return code


def run(command: Command, arguments: Sequence[str], context: Context) -> int:
    """Run the command line in these surroundings, tell what went wrong on their stderr, and give the exit code."""
    _hide_header(context)
    try:
        return int(command.main(list(arguments), prog_name="tokenctl", standalone_mode=False, obj=context) or 0)
    except SystemExit:  # typer's word for a reader who has left
        told, code = "", ExitCode.OK if _HELP.intersection(arguments) else ExitCode.ERROR
    except NoArgsIsHelpError as error:
        told, code = f"{error.format_message()}\n", ExitCode.USAGE
    except ClickException as error:
        from reconciler.render.escape import terminal

        message = error.format_message().removesuffix(".")
        message, hint = message[:1].lower() + message[1:], _help(command, arguments)
        if isinstance(error, NoSuchOption) and (meant := _meant(command, arguments)):
            message, hint = f"no such option: `{meant[1:]}`", f"write `{meant}`"
        told = f"{terminal(context.streams.masked(message))}\n  hint: {terminal(context.streams.masked(hint))}\n"
        code = ExitCode.USAGE
        _report_usage(UsageError(message, hint), command, arguments, context)
    except TokenctlError as error:
        from reconciler.render import words

        told, code = context.streams.masked(words.problems(error.problems)), error.exit_code
    except Exception as error:  # noqa: BLE001  Python would show its traceback as it is
        code = ExitCode.ERROR
        if isinstance(error, OSError) and _HELP.intersection(arguments):  # typer writes these
            told = f"{unwritable(error)}\n"
        else:
            told = report_crash(error, context)
    _complain(told, context.streams.stderr)
    return code


def _hide_header(context: Context) -> None:
    """Let the streams hide the header for a gate: talk may come before the run knows its settings."""
    if header := context.environment.get(HEADER):
        for secret in Header("", Secret(header.partition(":")[2].strip())).secrets:
            context.streams.secrets.add(secret.reveal())


def _help(command: Command, arguments: Sequence[str]) -> str:
    """Where to read how the command that was meant is used."""
    named = _named(command, arguments)
    return f"see `tokenctl{'' if named is command else f' {named.name}'} --help`"


def _report_usage(error: UsageError, command: Command, arguments: Sequence[str], context: Context) -> None:
    """Tell what is wrong with a command line in the formats that it asks for, as far as it can be read."""
    named = _named(command, arguments)
    given = list(arguments[arguments.index(named.name) + 1 :] if named.name in arguments else [])
    values = named.make_context(named.name, given, resilient_parsing=True, ignore_unknown_options=True).params
    if values.get("form") or values.get("output"):
        from reconciler.session import failures

        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        # An unknown option and its value are among them.
        values["files"] = [each for each in values.get("files") or () if each == "-" or os.path.lexists(each)]
        streams = replace(context.streams, quiet=bool(values.get("quiet")))
        failures.report(error, str(named.name), values, replace(context, streams=streams))


def _named(command: Command, arguments: Sequence[str]) -> Command:
    """The command of this group that was meant, or the group."""
    known = command.commands if isinstance(command, TyperGroup) else {}
    return next((known[each] for each in arguments if each in known), command)


def _meant(command: Command, arguments: Sequence[str]) -> str:
    """The long option that was written with one dash, with its value, "" for none."""
    known = {option for each in _named(command, arguments).params for option in each.opts}
    return next((f"-{each}" for each in arguments if len(each) > 2 and f"-{each}".partition("=")[0] in known), "")


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
    """Make the standard streams usable whatever the process was given."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started us; no file or socket may get its number
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # open until the end
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
            token=environment.get("INFLUX_TOKEN", ""),
        ),
        clock=time.monotonic,
        moment=_moment,
        now=lambda: datetime.now(UTC),
        sleep=time.sleep,
        chance=lambda: int.from_bytes(os.urandom(4)) / 2**32,
        nonce=lambda: os.urandom(16).hex(),
        who=_who(environment),
        interrupt=interrupt,
        end_after=partial(signal.setitimer, signal.ITIMER_REAL),  # then SIGALRM comes
        collect_garbage=partial(collect_garbage, wanted=True),
    )


def _moment() -> Moment:
    """Now, by a clock that goes on while the machine sleeps, as macOS's monotonic one does, and by the time of day."""
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
