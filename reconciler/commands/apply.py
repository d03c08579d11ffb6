"""`tokenctl apply`: makes or reads a plan, and sends it once it is agreed to."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.manifest import is_manifest
from reconciler.documents.kinds import is_fleet
from reconciler.documents.plan import is_plan, load_plan
from reconciler.errors import ExitCode, StaleError, UsageError
from reconciler.session.connection import check
from reconciler.session.context import Context
from reconciler.session.planning import PLAN_AGAIN, Source
from reconciler.session.sending import SendingOptions, plan_and_send, saved_source
from reconciler.session.sources import Sources, read
from reconciler.settings import Flags, Settings

if TYPE_CHECKING:  # most runs send to one server
    from reconciler.session import fleet_sending
    from reconciler.session.fleet_files import Which


def run(
    sources: Sources, flags: Flags, options: SendingOptions, context: Context, which: Which | None = None
) -> ExitCode:
    """Plan, or read the saved plan among the files, and send it if guards and user agree; return the exit code.

    A saved plan is known by its content and must be the only file. `which` are the servers of a fleet. Raises the
    errors of reading and planning, LockedError, StaleError, RefusedError and CancelledError: all before any PATCH.
    """
    if which:
        from reconciler.session import fleet_sending

        return fleet_sending.plan_and_send(partial(_fleet, which, sources, flags, options, context), options, context)
    plan = _saved_plan(sources, options)
    if plan and is_fleet(Path(plan)):
        from reconciler.session import fleet_sending

        return fleet_sending.plan_and_send(partial(_saved_fleet, plan, flags, context), options, context)
    find = partial(_saved, plan) if plan else partial(_declared, sources, options, context)
    return plan_and_send(find, flags, options, context)


def _saved_plan(sources: Sources, options: SendingOptions) -> str:
    """Return the file that is a saved plan, "" for none; raises UsageError when it may not be applied like this."""
    # With --base no file is read before it is known to be in the repository, and no saved plan can be meant.
    known = _is_saved if sources.base is None else lambda path: path.suffix == ".json"
    plans = [file for file in sources.files if file != "-" and known(Path(file))]
    if not plans:
        return ""
    if len(sources.files) > 1:
        raise UsageError("a saved plan stands alone: name one, or only manifests")
    if sources.usage:
        raise UsageError(
            "--usage is for a new plan: a saved one was judged by the evidence when it was made",
            "give it to `tokenctl plan -o FILE`, and have that plan reviewed",
        )
    if sources.select or sources.allow or sources.base is not None:
        raise UsageError(
            "--select, --allow and --base are part of a saved plan and cannot be added to it",
            "give them to `tokenctl plan -o FILE`, and have that plan reviewed",
        )
    # Otherwise a pull request could turn a manifest into a saved plan, and so waive guards.
    if is_manifest(Path(plans[0]).name) and not options.reviewed:
        message = f"{plans[0]} is a saved plan that is called like a manifest, and nobody is asked"
        raise UsageError(message, "say which plan was reviewed with `--expect DIGEST`, or call it `plan.json`")
    return plans[0]


def _is_saved(path: Path) -> bool:
    return is_plan(path) or is_fleet(path)


def _saved_fleet(file: str, flags: Flags, context: Context) -> fleet_sending.Sendable:
    """Read the saved plans of a fleet."""
    from reconciler.documents.fleet import load_fleet
    from reconciler.session.fleet import check_text, settings_for
    from reconciler.session.fleet_sending import Sendable

    saved = load_fleet(Path(file))
    settings = settings_for({each.name: each.plan.server.url for each in saved.changing}, flags, context)
    for each in saved.changing:
        check_text(each.plan, settings[each.name], context)
    return Sendable(saved, settings, {}, PLAN_AGAIN)


def _saved(file: str, settings: Settings) -> Source:
    saved = load_plan(Path(file))
    if saved.server.url != settings.endpoint.url:
        raise StaleError(
            f"the plan is for {saved.server.url}, but this run would talk to {settings.endpoint.url}",
            "set INFLUX_HOST or --url accordingly, or make a new plan",
        )
    return saved_source(saved, (file,))


def _fleet(
    which: Which, sources: Sources, flags: Flags, options: SendingOptions, context: Context
) -> fleet_sending.Sendable:
    """Read all files and plan all servers."""
    from reconciler.session import fleet
    from reconciler.session.fleet_sending import Sendable

    servers = fleet.read(which, sources, flags, context, reviewed=options.reviewed)
    settings = {each.name: each.settings for each in servers.servers if isinstance(each.settings, Settings)}
    files = {each.name: each.declared.files for each in servers.servers}
    return Sendable(fleet.plan(servers, context), settings, files)


def _declared(sources: Sources, options: SendingOptions, context: Context, settings: Settings) -> Source:
    declared = read(sources, context, reviewed=options.reviewed)
    check(declared.manifest, declared.baseline, settings)
    return declared.source
