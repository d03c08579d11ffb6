"""The commands as typer sees them; each calls `commands.<verb>.run` and returns its exit code.

Each function only makes a request and hands it on; what a command needs is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reconciler import __version__
from reconciler.cli import options
from reconciler.cli.options import SENDING, command
from reconciler.cli.servers import FLEET, SERVER, Globs
from reconciler.cli.tools import tools
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat
from reconciler.session.context import Context

if TYPE_CHECKING:
    from reconciler.session.fleet_files import Which
    from reconciler.session.sending import SendingOptions
    from reconciler.settings import Flags

app = typer.Typer(
    name="tokenctl",
    help="GitOps for InfluxDB v2 API tokens: plan, review and apply their description and status.",
    epilog="Start with `tokenctl demo`. Exit codes: 0 ok, 1 error, 2 changes, 3 partial, 4 refused, 5 stale, 6 auth, "
    "7 unreachable, 8 cancelled, 9 locked, 64 usage, 65 invalid, 130 and 143 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tokenctl {__version__}")
        raise typer.Exit


app.add_typer(tools)


@app.callback()
def _tokenctl(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


@app.command(**options.about("tokenctl validate", "tokenctl validate tokens/ --by-folder"))
@command(FLEET)
def validate(
    context: Context,
    which: Which | None,
    files: options.Files = None,
    by_folder: Annotated[
        bool, typer.Option("--by-folder", help="Check the files of each folder and server by themselves.")
    ] = False,
    form: options.ReportFormat = None,
    output: options.Output = None,
) -> ExitCode:
    """Check the files; name all problems at once. Needs no server."""
    from reconciler.commands import validate

    return validate.run(files or (), context, by_folder=by_folder, which=which, form=form, wanted=output or ())


@app.command(
    **options.about(
        "tokenctl plan tokens.yaml -o plan.json", "tokenctl plan tokens/ --output markdown=plan.md --detailed-exitcode"
    )
)
@command(SERVER, FLEET)
def plan(
    context: Context,
    flags: Flags,
    which: Which | None,
    files: options.Files = None,
    select: options.Select = None,
    allow: options.Allow = None,
    base: options.Base = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Show how the files differ from --base; ask no server.")
    ] = False,
    usage: options.Usage = "",
    reviewed: options.Reviewed = "",
    form: options.Format = None,
    out: options.Out = "",
    output: options.Output = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 if there are changes.")
    ] = False,
) -> ExitCode:
    """Show what would change. Only reads from the server."""
    from reconciler.commands import plan
    from reconciler.session.sources import Sources

    request = plan.PlanRequest(
        sources=Sources(files=files or (), select=select or (), allow=allow or (), base=base, usage=usage),
        flags=flags,
        form=form,
        out=out,
        outputs=output or (),
        offline=offline,
        reviewed=reviewed,
        detailed_exitcode=detailed_exitcode,
        fleet=which,
    )
    return plan.run(request, context)


@app.command(
    **options.about("tokenctl show plan.json --format markdown", "tokenctl show plan.json --output html=plan.html")
)
@command()
def show(
    context: Context,
    paths: Annotated[
        list[str], typer.Argument(metavar="PLAN...", help="A plan that `plan -o` saved; of a fleet also its shards.")
    ],
    form: options.DrawnFormat = None,
    out: options.Out = "",
    output: options.Output = None,
    server: Globs = None,
) -> ExitCode:
    """Draw a saved plan. Needs no server."""
    from reconciler.commands import show

    return show.run(paths, form, output or (), context, globs=server or (), out=out)


@app.command(
    **options.about(
        "tokenctl apply plan.json", "tokenctl apply tokens/ --expect DIGEST --yes --rate 10/s --timeout 10m"
    )
)
@command(SERVER, FLEET, SENDING)
def apply(
    context: Context,
    flags: Flags,
    which: Which | None,
    sending: SendingOptions,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PLAN | FILE...]", help="A saved plan, or manifests.  [default: tokens.yaml]"),
    ] = None,
    select: options.Select = None,
    allow: options.Allow = None,
    base: options.Base = None,
    usage: options.Usage = "",
    form: Annotated[
        ListFormat, options.shown(ListFormat, " As json these are events, and it needs --yes.")
    ] = ListFormat.TEXT,
) -> ExitCode:
    """Plan, ask, send the changes, and read them back."""
    from reconciler.commands import apply
    from reconciler.session.sources import Sources

    sources = Sources(files=files or (), select=select or (), allow=allow or (), base=base, usage=usage)
    sending = sending.as_events() if form is ListFormat.JSON else sending
    return apply.run(sources, flags, sending, context, which)


@app.command(**options.about("tokenctl undo", "tokenctl undo JOURNAL --apply"))
@command(SERVER, SENDING)
def undo(
    context: Context,
    flags: Flags,
    sending: SendingOptions,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOURNAL]...",
            help="Of the run to undo; of a fleet all.  [default: newest]",
            show_default=False,
        ),
    ] = None,
    send: Annotated[bool, typer.Option("--apply", help="Send the changes; else they are only shown.")] = False,
    deactivated: Annotated[
        bool, typer.Option("--deactivated", help="Only the tokens that the run switched off.")
    ] = False,
    allow: options.Allow = None,
    form: options.DrawnFormat = None,
    out: options.Out = "",
    output: options.Output = None,
) -> ExitCode:
    """Plan to restore what a run changed; send that with --apply."""
    from reconciler.commands import undo

    request = undo.UndoRequest(
        journals=paths or (),
        flags=flags,
        allow=allow or (),
        form=form,
        out=out,
        outputs=output or (),
        send=send,
        sending=sending,
        deactivated=deactivated,
    )
    return undo.run(request, context)


@app.command(**options.about("tokenctl unlock", "tokenctl unlock --org acme --yes"))
@command(SERVER)
def unlock(context: Context, flags: Flags, yes: options.Yes = False) -> ExitCode:
    """Show who holds a lock, ask, and remove it."""
    from reconciler.commands import unlock

    return unlock.run(flags, context, yes=yes)
