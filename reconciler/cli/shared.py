"""The options that several commands share, each declared once, and how a command gets them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from reconciler.commands.context import Context
from reconciler.errors import ExitCode


def _text(flag: str, metavar: str, help_text: str) -> Any:
    return Annotated[str, typer.Option(flag, metavar=metavar, show_default=False, help=help_text)]


_SERVER: dict[str, tuple[Any, object]] = {
    "url": (_text("--url", "URL", "The server; else INFLUX_HOST, else http://localhost:8086."), ""),
    "org": (_text("--org", "NAME", "Only this organisation's tokens; else INFLUX_ORG."), ""),
    "token_file": (
        _text("--token-file", "PATH", "The caller's token, - for stdin; else INFLUX_TOKEN_FILE, INFLUX_TOKEN."),
        "",
    ),
    "profile": (_text("--profile", "NAME", "A profile of the influx CLI; else its active one."), ""),
    "self_id": (_text("--self-id", "ID", "The id of the caller's own token; else TOKENCTL_SELF_ID."), ""),
    "ca_file": (_text("--ca-file", "PATH", "Trust only these certificates (PEM)."), ""),
    "client_cert": (_text("--client-cert", "PATH", "A client certificate (PEM)."), ""),
    "client_key": (_text("--client-key", "PATH", "The client certificate's key (PEM)."), ""),
    "allow_insecure_http": (
        Annotated[
            bool, typer.Option("--allow-insecure-http", help="Send the token over plain http to another machine.")
        ],
        False,
    ),
}
_TALK: dict[str, tuple[Any, object]] = {
    "quiet": (Annotated[bool, typer.Option("--quiet", help="Nothing on stderr but errors.")], False),
    "debug": (Annotated[bool, typer.Option("--debug", help="Requests, answers and times on stderr.")], False),
}


def command(run: Callable[..., ExitCode]) -> Callable[..., int]:
    """The function as typer is to see it.

    Its parameter `context` is filled with the surroundings of the run, with --quiet and --debug applied; a parameter
    `flags` with the options that say which server to use and as whom. All others are its own options.
    """
    own = inspect.signature(run, eval_str=True, locals={"Flags": object}).parameters  # never loaded for --help
    server = _SERVER if "flags" in own else {}

    def called(typer_context: typer.Context, **values: Any) -> int:
        context: Context = typer_context.obj
        talk = {name: values.pop(name) for name in _TALK}
        if server:
            from reconciler.settings import Flags

            values["flags"] = Flags(**{name: values.pop(name) for name in server})
        return run(context=replace(context, **talk), **values)

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("typer_context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(each.replace(kind=kind) for name, each in own.items() if name not in ("context", "flags")),
        *(
            inspect.Parameter(name, kind, default=default, annotation=annotation)
            for name, (annotation, default) in {**server, **_TALK}.items()
        ),
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__name__, called.__doc__ = run.__name__, run.__doc__
    return called
