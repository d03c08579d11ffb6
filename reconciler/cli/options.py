"""The options of all commands: those that several take, each declared once, in groups, and what they mean."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperOption

from reconciler.cli.completion import formats, terms
from reconciler.core.plan import Guard
from reconciler.core.text import is_bare, is_digest
from reconciler.errors import ExitCode, Problem, UsageError
from reconciler.render.formats import DRAWN, REPORTS, PlanFormat
from reconciler.session.context import Context

if TYPE_CHECKING:
    from reconciler.apply.pace import Pacing
    from reconciler.session.sending import SendingOptions

_PATHS = frozenset({" PATH", " DIR", " FILE"})  # what options take that name something on this machine
_WORD = re.compile("[a-z-]+")
_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/s")
_NUMBER = re.compile(r"(?!0+(?:\.0*)?$)[0-9]{1,6}(?:\.[0-9]{1,3})?")  # without its unit
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Switch(StrEnum):
    """The values of an option that is on, off or, when it is left out, as the server's version has it."""

    TRUE = "true"
    FALSE = "false"


Option = tuple[str, Any, object]
"""The name of a parameter, its type as typer reads it, and its default."""


class Group(NamedTuple):
    """Options that form one parameter of a command: `make` takes what was typed and returns that parameter's value.

    `heading` is what they stand under in the help.
    """

    parameter: str
    heading: str
    options: Sequence[Option]
    make: Callable[..., object]


class Verb(TyperCommand):
    """A command whose help has what belongs together under one heading: its own options first."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options to the formatter."""
        sections: dict[str, list[Any]] = {"Arguments": [], "Options": []}
        for each in self.get_params(ctx):
            heading = getattr(each, "rich_help_panel", None) or f"{each.param_type_name.capitalize()}s"
            sections.setdefault(heading, []).append(each.get_help_record(ctx))
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def text(flag: str, metavar: str, help_text: str) -> Option:
    """Return an option that takes text, "" by default."""
    option = typer.Option(flag, metavar=metavar, show_default=False, help=help_text)
    return _parameter(flag), Annotated[str, option], ""


def _number(flag: str, default: str, help_text: str, most: int | None = None) -> Option:
    shown = f"{help_text}  [default: {default}]" if default else help_text
    option = typer.Option(flag, metavar="N", min=1, max=most, show_default=False, help=shown)
    return _parameter(flag), Annotated[int | None, option], None


def switch(flag: str, help_text: str) -> Option:
    """Return an option that is off by default."""
    return _parameter(flag), Annotated[bool, typer.Option(flag, help=help_text)], False


def _parameter(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILE]...", help="Files and folders, - for stdin.  [default: tokens.yaml]"),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="TERM",
        help="Only declarations with this name, id or LABEL=VALUE; repeatable.",
        autocompletion=terms,
    ),
]
Allow = Annotated[
    list[Guard] | None,
    typer.Option(
        "--allow", metavar="GUARD", help=f"Waive a guard, as part of the plan; repeatable: {', '.join(Guard)}."
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="Compare the files with those of this commit, by git."),
]
Journal = Annotated[
    str, typer.Option("--journal", metavar="DIR", show_default=False, help="The folder for the run's journal.")
]


def shown(forms: Iterable[str], note: str = "") -> Any:
    """Return the option for the format of standard output, one of these."""
    told = f"What stdout shows: {', '.join(forms)}.{note}  [default: text]"
    return typer.Option("--format", metavar="FORMAT", show_default=False, help=told)


Format = Annotated[PlanFormat | None, shown(PlanFormat)]
DrawnFormat = Annotated[PlanFormat | None, shown(DRAWN)]
ReportFormat = Annotated[PlanFormat | None, shown(REPORTS)]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FORMAT=PATH",
        help="Write this format too, - is stdout; repeatable.",
        autocompletion=formats,
    ),
]
Out = Annotated[str, typer.Option("-o", "--out", metavar="PATH", help="Save the plan, for `apply PATH`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Usage = Annotated[
    str, typer.Option("--usage", metavar="PATH", help="The evidence of what tokens were used, of `tokenctl usage -o`.")
]
Reviewed = Annotated[
    str, typer.Option("--reviewed", metavar="PLAN|DIGEST", help="Say whether it is this plan, and how it differs.")
]


SENDING = Group(
    "sending",
    "Sending",
    (
        text("--expect", "DIGEST", "Refuse any plan but this one."),
        switch("--yes", "Do not ask."),
        ("journal", Journal, ""),
        switch("--lock", "Hold the lock of each organisation meanwhile."),
        text("--lock-timeout", "DURATION", "Wait so long for another run's lock: 90s, 10m; implies --lock."),
        _number("--parallelism", "8", "Send so many changes at once.", 64),
        text("--rate", "N/s", "Send at most so many changes a second."),
        _number("--canary", "", "Send the first N and read them back before the rest."),
        _number(
            "--max-failures",
            "5 in a row, or more than half of the latest 20",
            "Begin no more changes after N failures.",
        ),
    ),
    lambda _, **values: sending_options(**values),
)
"""How a plan is agreed to, `--yes` among it, and how it is sent."""

_TALK = (
    switch("--quiet", "Nothing on stderr but errors, and no text when there is nothing to do."),
    switch("--debug", "Requests, answers and times on stderr."),
)


def about(*examples: str) -> dict[str, Any]:
    """Return how typer is to show a command, whose help ends with these command lines, as they are typed."""
    return {"cls": Verb, "epilog": "\n".join(["\b", "Examples:", *(f"  {line}" for line in examples)])}


def command(*groups: Group) -> Callable[[Callable[..., ExitCode]], Callable[..., int]]:
    """Return a decorator that turns a function into one with the options of these groups, for typer.

    The parameter `context` of the function gets the surroundings of the run, with --quiet and --debug applied, and that
    of each group the value that its options make, in this order. All other parameters are options of its own. `--help`
    shows these first, and then the groups from the last to the first.
    """
    options = [*(option for group in reversed(groups) for option in group.options), *_TALK]
    for group in groups:
        for _, taken, _ in group.options:
            taken.__metadata__[0].rich_help_panel = group.heading

    def decorate(run: Callable[..., ExitCode]) -> Callable[..., int]:
        """Wrap the function."""

        def called(typer_context: typer.Context, **values: Any) -> int:
            """Take the options as typer gives them."""
            return _call(run, groups, typer_context, values)

        kind, filled = inspect.Parameter.KEYWORD_ONLY, {"context", *(group.parameter for group in groups)}
        own = inspect.signature(
            run, eval_str=True, locals={"Flags": object, "SendingOptions": object, "Which": object}
        ).parameters
        parameters = [
            inspect.Parameter("typer_context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
            *(each.replace(kind=kind) for name, each in own.items() if name not in filled),
            *(inspect.Parameter(name, kind, default=given, annotation=taken) for name, taken, given in options),
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        called.__name__, called.__doc__ = run.__name__, run.__doc__
        return called

    return decorate


def _call(
    run: Callable[..., ExitCode], groups: Sequence[Group], typer_context: typer.Context, given: Mapping[str, Any]
) -> ExitCode:
    """Run a command with its options; why it fails goes to the formats that were asked for, too, and is raised."""
    values = dict(given)
    talk = {name: values.pop(name) for name, _, _ in _TALK}
    context: Context = typer_context.obj
    context = context._replace(streams=context.streams._replace(terse=talk["quiet"], **talk))
    try:
        _check(typer_context, given)
        _check_stdin(given, context)
        for group in groups:
            named = {name: values.pop(name) for name, _, _ in group.options}
            values[group.parameter] = group.make(context, **named)
        return run(context=context, **values)
    except BaseException as error:
        if given.get("form") or given.get("output"):  # else standard error is all there is
            from reconciler.session import failures

            failures.report(error, typer_context.info_name or "", given, context)
        raise


def _check(typer_context: typer.Context, values: Mapping[str, object]) -> None:
    """Raise UsageError for values that nobody can have meant.

    These are empty values, as an empty --expect would hold nothing back; white space and invisible characters around a
    value, except for --org, which is trimmed as a server does, and --out; and values that look like another option,
    which would be taken for the name of a file and leave the other option out.
    """
    options = [each for each in typer_context.command.params if isinstance(each, TyperOption)]
    names = {
        name: "" if each.is_flag else f" {each.make_metavar(typer_context)}" for each in options for name in each.opts
    }
    for each in typer_context.command.params:
        value, source = values.get(each.name or ""), typer_context.get_parameter_source(each.name or "")
        if source is None or source.name == "DEFAULT":
            continue
        texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        if "" in texts:
            what = {"having": "a word", "term": "TERM"}.get(each.name or "", "the name of a file")
            what = each.opts[0] if each in options else what
            raise UsageError(f"{what} is empty", "the variable that it was to come from may not be set")
        if each not in options:
            continue
        if each.name not in ("org", "out") and not all(map(is_bare, texts)):
            from reconciler.settings import padded

            raise UsageError(padded(each.opts[0]))
        for problem in filter(None, (_mistaken(each.opts, text, names) for text in texts)):
            raise UsageError(problem)


def _check_stdin(values: Mapping[str, Any], context: Context) -> None:
    """Raise UsageError when standard input would have to be the manifest and the token: who reads first gets both."""
    flag = values.get("token_file")
    source = f"--token-file {flag}" if flag else "INFLUX_TOKEN_FILE=-"
    named = flag or ("token_file" in values and context.environment.get("INFLUX_TOKEN_FILE"))
    what = "manifest" if values.get("files") or values.get("not_in") else "log"
    if named == "-" and "-" in [
        *(values.get("files") or ()),
        *(values.get("not_in") or ()),
        *(values.get("logs") or ()),
    ]:
        message = f"standard input cannot be both a {what} (`-`) and the token (`{source}`)"
        raise UsageError(message, f"give one of them another way: the {what} as a file, or the token with INFLUX_TOKEN")


def _mistaken(opts: Sequence[str], text: str, names: Mapping[str, str]) -> Problem | None:
    """Return what is wrong with an option's value, None for nothing; `names` has all options and what they take."""
    name, kind = opts[0], names[opts[0]]
    if text.partition("=")[0] in names:
        return Problem(f"`{name}` has no value: `{text}`, which follows it, is an option", f"write `{name}{kind}`")
    as_it_is = f", or `./{text}` for a file that is called so"
    if kind in _PATHS and (text.startswith("=") or (text.startswith("-") and text != "-")):
        meant = text.lstrip("=") if text.startswith("=") else ""
        return Problem(f"`{name}` names the file `{text}`", f"write `{name}{f' {meant}' if meant else kind}`{as_it_is}")
    # A short option takes the rest of a long one's name: `-out=plan.json` is `-o ut=plan.json`.
    rest, equals, value = text.partition("=")
    longs = (
        [each for each in names if each.startswith(f"-{name}") and rest.startswith(each[3:])] if len(name) == 2 else []
    )
    exact = [each for each in longs if rest == each[3:]]
    if len(name) == 2 and equals and rest.startswith(opts[-1][2:]) and f"--{rest}" in names:  # `-oout=plan.json`
        exact.append(f"--{rest}")
    if exact or (longs and equals and _WORD.fullmatch(rest)):
        long = max(exact or longs, key=len)
        meant = f"{long}={value}" if equals else f"{long}{names[long]}"
        return Problem(f"`{name}{text}` is read as `{name} {text}`", f"write `{meant}`{as_it_is}")
    return None


def sending_options(
    *, expect: str, lock: bool, lock_timeout: str, yes: bool, journal: str, **pace: Any
) -> SendingOptions:
    """Return the options of sending from what was typed, those of `pacing` included; raises UsageError."""
    from reconciler.session.sending import SendingOptions

    wait_s = duration("--lock-timeout", lock_timeout) if lock_timeout else 0.0 if lock else None
    if expect and not is_digest(expect):
        raise UsageError("--expect takes a whole digest: 64 hex digits, as `plan` prints them")
    return SendingOptions(expect=expect.lower(), yes=yes, journal=journal, pacing=pacing(**pace), lock=wait_s)


def pacing(*, rate: str, **numbers: int | None) -> Pacing:
    """Return the pacing from what was typed, None for defaults; `rate` is like `10/s` or "". Raises UsageError."""
    from reconciler.apply.pace import Pacing

    found = _RATE.fullmatch(rate)
    per_s = float(found[1]) if found else 0.0
    if rate and not per_s:
        hint = f"write `{rate}/s` for so many a second" if _NUMBER.fullmatch(rate) else "write it like 10/s or 0.5/s"
        raise UsageError(f"--rate takes a number of changes with its unit, and `{rate}` is none", hint)
    return Pacing(per_s=per_s, **{name: number for name, number in numbers.items() if number is not None})


def duration(option: str, text: str) -> float:
    """Return the seconds of a duration such as `250ms`, `2h` or `7d`; raises UsageError that names the option."""
    found = _DURATION.fullmatch(text)
    if not found:
        hint = (
            f"write `{text}s` for seconds, or like 10m, 1h or 7d"
            if _NUMBER.fullmatch(text)
            else "write it like 90s, 10m, 1h or 7d"
        )
        raise UsageError(f"{option} takes a duration with its unit, and `{text}` is none", hint)
    return float(found[1]) * _SECONDS[found[2]]
