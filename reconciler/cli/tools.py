"""The commands that plan nothing, as typer sees them: see `cli.app`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options
from reconciler.cli.options import command
from reconciler.cli.servers import FLEET, SERVER
from reconciler.commands.schema import SchemaName
from reconciler.core.live import Status
from reconciler.core.manifest import Field
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat, TokensFormat
from reconciler.session.context import Context

if TYPE_CHECKING:
    from reconciler.session.fleet_files import Which
    from reconciler.settings import Flags

_Check = Annotated[bool, typer.Option("--check", help="Write nothing; show the difference, exit 2 if there is one.")]
_User = Annotated[
    str, typer.Option("--user", metavar="GLOB", show_default=False, help="Only tokens of these owners, such as 'ci-*'.")
]
_OfStatus = Annotated[Status | None, typer.Option("--status", help="Only tokens of this status.")]

tools = typer.Typer()


@tools.command("list", **options.about("tokenctl list hamburg", "tokenctl list --status active --format csv"))
@command(SERVER, FLEET)
def list_tokens(
    context: Context,
    flags: Flags,
    which: Which | None,
    having: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Words of id, organisation, owner, description.")
    ] = None,
    user: _User = "",
    status: _OfStatus = None,
    not_in: Annotated[
        list[str] | None,
        typer.Option("--not-in", metavar="FILE", help="Only what this file or folder does not declare; repeatable."),
    ] = None,
    usage: options.Usage = "",
    form: Annotated[TokensFormat, options.shown(TokensFormat)] = TokensFormat.TEXT,
) -> ExitCode:
    """List the live tokens with their status, never a secret."""
    from reconciler.commands import list as listing

    request = listing.ListRequest(
        having=having or (), user=user, status=status, not_in=not_in or (), usage=usage, form=form, fleet=which
    )
    return listing.run(request, flags, context)


@tools.command(
    "set",
    **options.about(
        "tokenctl set backup-2023 --status inactive", 'tokenctl set 0d234e88da406000 --description "Grafana" --check'
    ),
)
@command()
def set_fields(
    context: Context,
    term: Annotated[
        str,
        typer.Argument(
            metavar="TERM", help="A name, an id or LABEL=VALUE, as for --select.", autocompletion=options.terms
        ),
    ],
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
    check: _Check = False,
) -> ExitCode:
    """Change declarations in the files, and nothing else there. Needs no server."""
    from reconciler.commands import set as setting

    given = (("description", description), ("status", status), ("until", until), ("protected", protected and "true"))
    fields = {name: str(value) for name, value in given if value}
    request = setting.SetRequest(term=term, files=files or (), fields=fields, unset=unset or (), add=add, check=check)
    return setting.run(request, context)


@tools.command(**options.about("tokenctl fmt", "tokenctl fmt tokens/ --check"))
@command()
def fmt(context: Context, files: options.Files = None, check: _Check = False) -> ExitCode:
    """Format the files, without changing what they mean. Needs no server."""
    from reconciler.commands import fmt

    return fmt.run(files or (), context, check=check)


@tools.command(**options.about("tokenctl export tokens.yaml", "tokenctl export tokens/ --user 'svc:*'"))
@command(SERVER)
def export(
    context: Context,
    flags: Flags,
    target: Annotated[
        str, typer.Argument(metavar="[FILE]", show_default=False, help="Or a folder.  [default: stdout]")
    ] = "",
    user: _User = "",
    status: _OfStatus = None,
) -> ExitCode:
    """Declare the live tokens that are not declared yet; change none."""
    from reconciler.commands import export

    return export.run(target, flags, context, user=user, status=status)


@tools.command(**options.about("tokenctl doctor tokens.yaml", "tokenctl doctor --format json"))
@command(SERVER, FLEET)
def doctor(
    context: Context,
    flags: Flags,
    which: Which | None,
    files: options.Files = None,
    form: Annotated[ListFormat, options.shown(ListFormat)] = ListFormat.TEXT,
    journal: options.Journal = "",
) -> ExitCode:
    """Check server, credentials, rights and the journal's folder. Only reads."""
    from reconciler.commands import doctor

    return doctor.run(files or (), flags, form, context, journal=journal, which=which)


@tools.command(
    **options.about("tokenctl usage influxd.log influxd.log.1.gz -o usage.json", "tokenctl usage - --since 24h")
)
@command(SERVER)
def usage(
    context: Context,
    flags: Flags,
    logs: Annotated[list[str], typer.Argument(metavar="LOG...", help="Request logs, plain or by gzip, - for stdin.")],
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="Only so much at the end of the log: 24h, 7d.")
    ] = "",
    tokens: Annotated[
        str, typer.Option("--tokens", metavar="PATH", help="What `list --format json` printed; asks no server.")
    ] = "",
    form: Annotated[ListFormat, options.shown(ListFormat)] = ListFormat.TEXT,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="PATH", help="Save the evidence, for `plan --usage PATH`.")
    ] = "",
) -> ExitCode:
    """Show from a request log when tokens were last used."""
    from reconciler.commands import usage

    request = usage.UsageRequest(
        logs=logs, flags=flags, since_s=options.duration("--since", since) if since else None,
        form=form, out=out, tokens=tokens,
    )  # fmt: skip
    return usage.run(request, context)


@tools.command(**options.about("tokenctl schema", "tokenctl schema plan > plan.v1.json"))
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


@tools.command(**options.about("tokenctl demo", "tokenctl demo --debug"))
@command()
def demo(context: Context) -> ExitCode:
    """Adopt, change, plan, be refused, apply and undo on a sandbox."""
    from reconciler.commands import demo

    return demo.run(context)


@tools.command(
    **options.about(
        "tokenctl sandbox --listen 127.0.0.1:0", "tokenctl sandbox --data world.sqlite --fault slow-body:GET:3"
    )
)
@command()
def sandbox(
    context: Context,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to serve; port 0 picks a free one.")
    ] = "127.0.0.1:8086",
    seed: Annotated[str, typer.Option("--seed", metavar="PATH", help="The world to begin with (JSON).")] = "",
    data: Annotated[str, typer.Option("--data", metavar="PATH", help="Keep the state in this SQLite file.")] = "",
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
