"""The commands as typer sees them; each calls `commands.<verb>.run` and returns its exit code.

Each function only makes a request and hands it on; what a command needs is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reconciler import __version__
from reconciler.cli import options
from reconciler.cli.options import SENDING, SERVER, command
from reconciler.commands.schema import SchemaName
from reconciler.core.live import Status
from reconciler.core.manifest import Field
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat, TokensFormat
from reconciler.session.context import Context

if TYPE_CHECKING:
    from reconciler.session.sending import SendingOptions
    from reconciler.settings import Flags

app = typer.Typer(
    name="tokenctl",
    help="GitOps for InfluxDB v2 API tokens: plan, review and apply their description and status.",
    epilog="Start with `tokenctl demo`. Exit codes: 0 ok, 2 changes, 3 partial, 4 refused, 5 stale, 6 auth, "
    "7 unreachable, 8 cancelled, 9 locked, 64 usage, 65 invalid, 130 and 143 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tokenctl {__version__}")
        raise typer.Exit


@app.callback()
def _tokenctl(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


@app.command(epilog=options.examples("tokenctl validate", "tokenctl validate tokens/ --by-folder"))
@command()
def validate(
    context: Context,
    files: options.Files = None,
    by_folder: options.ByFolder = False,
    form: options.ReportFormat = None,
    output: options.Output = None,
) -> ExitCode:
    """Check the files; name all problems at once. Needs no server."""
    from reconciler.commands import validate

    return validate.run(files or (), context, by_folder=by_folder, form=form, wanted=output or ())


@app.command(
    epilog=options.examples(
        "tokenctl plan tokens.yaml -o plan.json", "tokenctl plan tokens/ --output markdown=plan.md --detailed-exitcode"
    )
)
@command(SERVER)
def plan(
    context: Context,
    flags: Flags,
    files: options.Files = None,
    form: options.Format = None,
    out: options.Out = "",
    output: options.Output = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 if there are changes.")
    ] = False,
    select: options.Select = None,
    allow: options.Allow = None,
    base: options.Base = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Show what the files mean since --base; ask no server.")
    ] = False,
    reviewed: options.Reviewed = "",
) -> ExitCode:
    """Show what would change. Only reads from the server."""
    from reconciler.commands import plan
    from reconciler.session.sources import Sources

    request = plan.PlanRequest(
        sources=Sources(files=files or (), select=select or (), allow=allow or (), base=base),
        flags=flags,
        form=form,
        out=out,
        outputs=output or (),
        offline=offline,
        reviewed=reviewed,
        detailed_exitcode=detailed_exitcode,
    )
    return plan.run(request, context)


@app.command(epilog=options.examples("tokenctl show plan.json --format markdown"))
@command()
def show(
    context: Context,
    path: Annotated[str, typer.Argument(metavar="PLAN", help="A plan that `plan -o` saved.")],
    form: options.DrawnFormat = None,
    output: options.Output = None,
) -> ExitCode:
    """Draw a saved plan. Needs no server."""
    from reconciler.commands import show

    return show.run(path, form, output or (), context)


@app.command(
    epilog=options.examples(
        "tokenctl apply plan.json", "tokenctl apply tokens/ --expect DIGEST --yes --rate 10/s --timeout 10m"
    )
)
@command(SERVER, SENDING)
def apply(
    context: Context,
    flags: Flags,
    sending: SendingOptions,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PLAN | FILE...]", help="A saved plan, or manifests.  [default: tokens.yaml]"),
    ] = None,
    select: options.Select = None,
    allow: options.Allow = None,
    base: options.Base = None,
    form: Annotated[
        ListFormat,
        typer.Option("--format", help="How stdout tells the run; json is events as JSON Lines, and needs --yes."),
    ] = ListFormat.TEXT,
) -> ExitCode:
    """Plan, ask, send the changes, and read them back."""
    from reconciler.commands import apply
    from reconciler.session.sources import Sources

    sources = Sources(files=files or (), select=select or (), allow=allow or (), base=base)
    sending = sending.as_events() if form is ListFormat.JSON else sending
    return apply.run(sources, flags, sending, context)


@app.command(epilog=options.examples("tokenctl undo", "tokenctl undo JOURNAL --apply"))
@command(SERVER, SENDING)
def undo(
    context: Context,
    flags: Flags,
    sending: SendingOptions,
    path: Annotated[
        str, typer.Argument(metavar="[JOURNAL]", help="Of the run to undo.  [default: the newest]", show_default=False)
    ] = "",
    send: Annotated[bool, typer.Option("--apply", help="Send the changes; else they are only shown.")] = False,
    form: options.DrawnFormat = None,
    out: options.Out = "",
    output: options.Output = None,
    allow: options.Allow = None,
) -> ExitCode:
    """Plan to restore what a run changed; send that with --apply."""
    from reconciler.commands import undo

    request = undo.UndoRequest(
        journal=path,
        flags=flags,
        allow=allow or (),
        form=form,
        out=out,
        outputs=output or (),
        send=send,
        sending=sending,
    )
    return undo.run(request, context)


@app.command(epilog=options.examples("tokenctl unlock --org acme"))
@command(SERVER)
def unlock(context: Context, flags: Flags, yes: options.Yes = False) -> ExitCode:
    """Show who holds a lock, ask, and remove it."""
    from reconciler.commands import unlock

    return unlock.run(flags, context, yes=yes)


@app.command("list", epilog=options.examples("tokenctl list hamburg", "tokenctl list --status active --format csv"))
@command(SERVER)
def list_tokens(
    context: Context,
    flags: Flags,
    having: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Words of id, organisation, owner, description.")
    ] = None,
    user: options.User = "",
    status: options.OfStatus = None,
    not_in: Annotated[
        list[str] | None,
        typer.Option("--not-in", metavar="FILE", help="Only what this file or folder does not declare; repeatable."),
    ] = None,
    form: Annotated[TokensFormat, typer.Option("--format", help="How to show the list.")] = TokensFormat.TEXT,
) -> ExitCode:
    """List the live tokens with their status, never a secret."""
    from reconciler.commands import list as listing

    return listing.run(flags, form, context, having=having or (), user=user, status=status, not_in=not_in or ())


@app.command(
    "set",
    epilog=options.examples(
        "tokenctl set backup-2023 --status inactive", 'tokenctl set 0d234e88da406000 --description "Grafana" --check'
    ),
)
@command()
def set_fields(
    context: Context,
    term: Annotated[str, typer.Argument(metavar="TERM", help="A name, an id or LABEL=VALUE, as for --select.")],
    files: options.Files = None,
    status: Annotated[Status | None, typer.Option("--status", help="What the status is to be.")] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", show_default=False, help="What the description is to be.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="WHEN", show_default=False, help="The last day on which it is to work.")
    ] = "",
    protected: Annotated[bool, typer.Option("--protected", help="Refuse plans that would deactivate it.")] = False,
    unset: Annotated[
        list[Field] | None,
        typer.Option("--unset", metavar="FIELD", help=f"Take a field away; repeatable: {', '.join(Field)}."),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Declare it: TERM is the id of a token that no file declares.")
    ] = False,
    check: options.Check = False,
) -> ExitCode:
    """Change declarations in the files, and nothing else there. Needs no server."""
    from reconciler.commands import set as setting

    given = (("description", description), ("status", status), ("until", until), ("protected", protected and "true"))
    fields = {name: str(value) for name, value in given if value}
    request = setting.SetRequest(term=term, files=files or (), fields=fields, unset=unset or (), add=add, check=check)
    return setting.run(request, context)


@app.command(epilog=options.examples("tokenctl fmt", "tokenctl fmt tokens/ --check"))
@command()
def fmt(context: Context, files: options.Files = None, check: options.Check = False) -> ExitCode:
    """Format the files, without changing what they mean. Needs no server."""
    from reconciler.commands import fmt

    return fmt.run(files or (), context, check=check)


@app.command(epilog=options.examples("tokenctl export tokens.yaml", "tokenctl export tokens/ --user 'svc:*'"))
@command(SERVER)
def export(
    context: Context,
    flags: Flags,
    target: Annotated[
        str, typer.Argument(metavar="[FILE]", show_default=False, help="Or a folder.  [default: stdout]")
    ] = "",
    user: options.User = "",
    status: options.OfStatus = None,
) -> ExitCode:
    """Declare the live tokens that no declaration means; change none."""
    from reconciler.commands import export

    return export.run(target, flags, context, user=user, status=status)


@app.command(epilog=options.examples("tokenctl doctor tokens.yaml"))
@command(SERVER)
def doctor(
    context: Context,
    flags: Flags,
    files: options.Files = None,
    form: Annotated[ListFormat, typer.Option("--format", help="How to show the checks.")] = ListFormat.TEXT,
    journal: options.Journal = "",
) -> ExitCode:
    """Check server, credentials, rights and the journal's folder. Only reads."""
    from reconciler.commands import doctor

    return doctor.run(files or (), flags, form, context, journal=journal)


@app.command(epilog=options.examples("tokenctl schema", "tokenctl schema plan > plan.v1.json"))
@command()
def schema(
    context: Context,
    name: Annotated[
        SchemaName, typer.Argument(metavar="[NAME]", help=f"What it is of: {', '.join(SchemaName)}.")
    ] = SchemaName.TOKENS,
) -> ExitCode:
    """Print the JSON Schema. Needs no server."""
    from reconciler.commands import schema

    return schema.run(name, context)


@app.command(epilog=options.examples("tokenctl demo"))
@command()
def demo(context: Context) -> ExitCode:
    """Plan, apply and plan again on a sandbox of its own."""
    from reconciler.commands import demo

    return demo.run(context)


@app.command(
    epilog=options.examples(
        "tokenctl sandbox --listen 127.0.0.1:0", "tokenctl sandbox --data world.sqlite --fault slow-body:GET:3"
    )
)
@command()
def sandbox(
    context: Context,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to serve; port 0 picks a free one.")
    ] = "127.0.0.1:8086",
    seed: Annotated[str, typer.Option("--seed", metavar="FILE", help="The world to begin with (JSON).")] = "",
    data: Annotated[str, typer.Option("--data", metavar="FILE", help="Keep the state in this SQLite file.")] = "",
    influxdb_version: Annotated[
        str, typer.Option("--influxdb-version", metavar="VERSION", help="Which server to be like.")
    ] = "2.7.12",
    hashed_tokens: Annotated[
        options.Switch | None,
        typer.Option("--hashed-tokens", help="Hide secrets in answers.  [default: as the version does]"),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="NAME[:METHOD[:COUNT]]", help="Break the first COUNT requests; repeatable."),
    ] = None,
    request_log: Annotated[
        str, typer.Option("--request-log", metavar="PATH", help="Write a line to this file for each request.")
    ] = "",
) -> ExitCode:
    """Serve an InfluxDB-compatible API, only to play with."""
    from reconciler.commands import sandbox

    hashed = None if hashed_tokens is None else hashed_tokens is options.Switch.TRUE
    request = sandbox.SandboxRequest(
        listen=listen, seed=seed, data=data, version=influxdb_version, hashed=hashed, faults=fault or (),
        request_log=request_log,
    )  # fmt: skip
    return sandbox.run(request, context)
