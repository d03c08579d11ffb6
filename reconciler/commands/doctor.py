"""`tokenctl doctor`: proves what can be proven of server, credentials and this machine without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.apply import journal as journals
from reconciler.core import checkup
from reconciler.core.checkup import Check, Examined, State
from reconciler.core.endpoint import is_loopback
from reconciler.core.guards import too_large
from reconciler.core.live import Token
from reconciler.errors import ExitCode, Problem, TokenctlError
from reconciler.influx import network, trust
from reconciler.render import json, text
from reconciler.render.formats import ListFormat
from reconciler.session.connection import Connection, check, connected, without_token
from reconciler.session.context import Context
from reconciler.session.journals import folder_of
from reconciler.session.reading import DEFAULT, beside_default, read_manifest
from reconciler.settings import Flags, Settings

if TYPE_CHECKING:  # most runs are of one server
    from reconciler.core.fleet import Skipped
    from reconciler.session.fleet import Server
    from reconciler.session.fleet_files import Which


def run(
    files: Sequence[str],
    flags: Flags,
    form: ListFormat,
    context: Context,
    *,
    journal: str = "",
    which: Which | None = None,
) -> ExitCode:
    """Show every check, with --quiet only if one is not fine; return the exit code of the gravest failure.

    Checks `tokens.yaml` by default, if it exists. `journal` is the folder for journals, "" for the user's own. `which`
    are the servers of a fleet. Raises UsageError for settings that cannot be used, and for a fleet what reading its
    files raises.
    """
    if which:
        return _fleet(which, files, flags, form, context, journal)
    settings, lacking = without_token(flags, context)
    checks = [
        *_profile(settings),
        *(checkup.failed("token", lacking) if lacking else ()),
        *_file(files, settings, context),
        *_server(settings, context),
        *_journal(folder_of(journal, context)),
    ]
    is_json = form is ListFormat.JSON
    shown = json.checks(checks) if is_json else text.checks(checks, colour=context.streams.colour)
    _show(shown, checks, context, needed=is_json)
    return checkup.exit_code(checks)


def _show(shown: str, checks: Sequence[Check], context: Context, *, needed: bool) -> None:
    if needed or not context.streams.terse or any(each.state is not State.OK for each in checks):
        context.streams.show(context.streams.masked(shown))  # names of files are among it, and what is wrong with them


def _profile(settings: Settings) -> list[Check]:
    if not settings.profile:
        return []
    message = f"`{settings.profile}` of the influx CLI is in use, for {settings.endpoint.url}"
    return [Check(name="profile", state=State.OK, message=message)]


def _file(files: Sequence[str], settings: Settings, context: Context) -> list[Check]:
    if not files and not Path(DEFAULT).exists():
        near = " and ".join(beside_default(context))
        message = f"there is no {DEFAULT} here, but {near}"
        return [Check(name="file", state=State.NOTE, message=message, hint="name what is meant")] if near else []
    try:
        manifest, names = read_manifest(files, context)
        check(manifest, None, settings)
    except TokenctlError as error:
        return checkup.failed("file", error)
    said = "its `server:` holds" if manifest.server.url or manifest.server.org else "it asserts no server"
    return [Check(name="file", state=State.OK, message=f"{', '.join(names)}: {said}")]


def _server(settings: Settings, context: Context) -> Iterator[Check]:
    with connected(settings, context, patient=False) as connection:
        yield from _proxy(connection, context)
        try:
            server = connection.reader.server()
        except TokenctlError as error:
            yield from checkup.failed("server", error)
            return
        by = f"its certificate is trusted by {trust.trusted(settings.endpoint, context.environment)}"
        how = by if server.url.startswith("https:") else "over plain http"
        yield Check(name="server", state=State.OK, message=f"{server.url} answers, {how}")
        product = " ".join(filter(None, ("InfluxDB", server.build, server.version.removeprefix("v"))))
        yield Check(name="product", state=State.OK, message=product)
        if settings.endpoint.secret.reveal():
            yield from _credentials(connection, context)


def _journal(folder: Path) -> list[Check]:
    """Return whether a run could keep its journal, without which nothing is sent."""
    try:
        how = "can be written" if journals.probe(folder) else "is not there yet, and can be made"
    except TokenctlError as error:
        return checkup.failed("journal", error)
    return [Check(name="journal", state=State.OK, message=f"{folder} {how}")]


def _proxy(connection: Connection, context: Context) -> Iterator[Check]:
    """Yield the check of the proxy that the environment names, if any."""
    url, used = connection.settings.endpoint.url, connection.transport.proxy
    variable = network.proxy_variable(url, context.environment)
    if used:
        message = f"{used.address}, from {used.variable}"
        if seen := used.shows(url):
            hint = "use https:// for both, or name the server in NO_PROXY"
            yield Check(name="proxy", state=State.NOTE, message=seen, hint=hint)
        elif used.is_plain:
            seen = "is reached over plain http: anybody on the way sees which server is asked, and no more"
            yield Check(name="proxy", state=State.NOTE, message=f"{message}, {seen}")
        else:
            yield Check(name="proxy", state=State.OK, message=message)
    elif variable:
        is_own = is_loopback(urlsplit(url).hostname or "")
        why = "none reaches loopback" if is_own else "NO_PROXY excepts the server"
        yield Check(name="proxy", state=State.OK, message=f"that from {variable} is not used: {why}")


def _credentials(connection: Connection, context: Context) -> Iterator[Check]:
    reader, settings = connection.reader, connection.settings
    started, check = context.clock(), "list"
    try:
        listing = connection.listing()
        listed = listing.tokens
        took = context.clock() - started
        check = "user"
        user = reader.own_user()
        check = "own token"
        asked = settings.self_id if listed else None
        named = (listed.get(asked) or reader.get(asked)) if asked else None
    except TokenctlError as error:
        yield from checkup.failed(check, error)
        return
    tokens = list(listed.values())
    theirs = named if isinstance(named, Token) else None
    own = next((token for token in (*tokens, *([theirs] if theirs else [])) if token.proven), None)
    wrong = checkup.doubt(asked, named, own, user, tokens) if asked and named else None
    if theirs and not own and not (wrong and wrong[0]):
        own = theirs
    yield checkup.listing(tokens, took)
    for problem in too_large(tokens, listing.unreadable):
        yield Check(name="list", state=State.NOTE, message=problem.message, hint=problem.hint)
    yield checkup.user(user, tokens)
    if tokens:
        yield from checkup.own_token(own, settings.self_id, wrong)
        yield checkup.reading(tokens)
        yield checkup.writing(own, tokens)
        yield from _locks(connection, own, tokens, context)


def _locks(connection: Connection, own: Token | None, tokens: Sequence[Token], context: Context) -> Iterator[Check]:
    """Yield the checks of what `apply --lock` would find; as nobody has to lock, no failure of these counts."""
    names = {token.org_id: token.org for token in tokens}
    try:
        standing = connection.reader.locks()
        orgs = connection.reader.lockable(own.id) if own else None
    except TokenctlError as error:
        for check in checkup.failed("lock", error):
            yield check._replace(state=State.NOTE)
        return
    yield checkup.locking(orgs, tokens)
    for label in standing:
        if label.org_id in names:
            yield checkup.locked(names[label.org_id], label.properties, context.now())


def _fleet(
    which: Which, files: Sequence[str], flags: Flags, form: ListFormat, context: Context, journal: str
) -> ExitCode:
    """Show the checks of each server of a fleet, and of this machine; return the exit code of the gravest failure."""
    from reconciler.render import fleet as drawn
    from reconciler.session import fleet
    from reconciler.session.sources import Sources

    servers = fleet.read(which, Sources(files=files), flags, context)
    asked = fleet.ask_each(servers.servers, _examined, context)
    examined = [each if isinstance(each, Examined) else _unasked(each) for each in asked]
    own = [*_journal(folder_of(journal, context)), *checkup.unnamed(servers.unnamed, which.folder)]
    is_json = form is ListFormat.JSON
    streams = context.streams
    shown = (
        json.checks_of_fleet(examined, own)
        if is_json
        else drawn.checks(examined, own, colour=streams.colour, columns=streams.columns)
    )
    _show(shown, [*(check for each in examined for check in each.checks), *own], context, needed=is_json)
    return ExitCode.gravest([*(each.code for each in examined), checkup.exit_code(own)])


def _examined(one: Server, settings: Settings, turn: Context) -> Examined:
    """Check one server of a fleet."""
    from reconciler.session import fleet

    manifest = one.declared.manifest
    try:
        check(manifest, None, settings)
        held = [checkup.asserted(manifest.server.url)]
    except TokenctlError as error:
        held = checkup.failed("file", error)
    checks = [*_profile(settings), *held, *_server(settings, turn)]
    told = [fleet.told(Problem(each.message, each.hint)) for each in checks]
    worded = [each._replace(message=said.message, hint=said.hint) for each, said in zip(checks, told, strict=True)]
    return Examined(one.name, settings.endpoint.url, worded)


def _unasked(skipped: Skipped) -> Examined:
    """Return what is known of a server that was not asked: that it has no profile to use, or a mistake of ours."""
    name = "profile" if skipped.code is ExitCode.USAGE else "server"
    return Examined(skipped.name, skipped.url, checkup.failures(name, skipped.problems, skipped.code))
