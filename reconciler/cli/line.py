"""Reads a command line with typer and runs its command; what typer says against it is told in our own words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from functools import cache

import typer.main

# typer vendors click from 0.26 on and exports only a part of it.
from typer._click.core import Command
from typer._click.exceptions import ClickException, NoArgsIsHelpError, NoSuchOption
from typer._click.shell_completion import CompletionItem, add_completion_class
from typer._completion_classes import BashComplete
from typer.core import TyperGroup

from reconciler.cli import COMPLETION, SHOWN, completion
from reconciler.cli.app import app
from reconciler.cli.tools import tools
from reconciler.errors import ExitCode, UsageError
from reconciler.session.context import Context

_VERBS = {
    each.name or each.callback.__name__: each
    for each in (*app.registered_commands, *tools.registered_commands)
    if each.callback
}


class Bash(BashComplete):
    """Completion for bash with the words put together again that bash took apart at `:` and `=`."""

    name = "bash"
    _known = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete, and that one."""
        words, self._known = completion.joined(
            os.environ["COMP_WORDS"].split("\n")[: int(os.environ["COMP_CWORD"]) + 1]
        )
        os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(words), str(len(words) - 1)
        return super().get_completion_args()

    def format_completion(self, item: CompletionItem) -> str:
        """Return what bash is to put into the place of the last part of the word."""
        return super().format_completion(item).removeprefix(self._known)


def read(arguments: Sequence[str], context: Context) -> int:
    """Run the command line in these surroundings and return the exit code.

    Raises UsageError for one that cannot be read, and what the command raises.
    """
    verb = arguments[0] if arguments and COMPLETION not in os.environ else ""
    command = _command(verb if verb in _VERBS else "")
    if COMPLETION in os.environ:
        add_completion_class(Bash, "bash")  # typer has set up its own by now
    try:
        return int(command.main(list(arguments), prog_name="tokenctl", standalone_mode=False, obj=context) or 0)
    except SystemExit as error:  # typer's word for the end of a completion, and for a reader who has left
        return ExitCode.OK if not error.code or SHOWN.intersection(arguments) else ExitCode.ERROR
    except NoArgsIsHelpError as error:
        context.streams.warn(error.format_message())
        return ExitCode.USAGE
    except ClickException as error:
        message = _usage_message(error)
        message, hint = message[:1].lower() + message[1:], _help(command, arguments)
        if isinstance(error, NoSuchOption) and (meant := _meant(command, arguments)):
            message, hint = f"no such option: `{meant[1:]}`", f"write `{meant}`"
        found = UsageError(message, hint)
        _report_usage(found, command, arguments, context)
        raise found from None


@cache
def _command(verb: str) -> Command:
    """The group of all commands, or for a verb that of this one alone: making all of them takes longer than a plan."""
    known = copy(app)
    if verb:
        known.registered_commands, known.registered_groups = [_VERBS[verb]], []
    return typer.main.get_command(known)


def _usage_message(error: ClickException) -> str:
    """What is wrong with a command line; what an unknown option may have meant in typer's words for commands."""
    if isinstance(error, NoSuchOption) and error.possibilities:
        return f"{error.message}. Did you mean {', '.join(map(repr, error.possibilities))}?"
    return error.format_message().removesuffix(".")


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
        streams = context.streams._replace(quiet=bool(values.get("quiet")))
        failures.report(error, str(named.name), values, context._replace(streams=streams))


def _named(command: Command, arguments: Sequence[str]) -> Command:
    """The command of this group that was meant, or the group."""
    known = command.commands if isinstance(command, TyperGroup) else {}
    return next((known[each] for each in arguments if each in known), command)


def _meant(command: Command, arguments: Sequence[str]) -> str:
    """The long option that was written with one dash, with its value, "" for none."""
    known = {option for each in _named(command, arguments).params for option in each.opts}
    return next((f"-{each}" for each in arguments if len(each) > 2 and f"-{each}".partition("=")[0] in known), "")
