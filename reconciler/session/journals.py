"""The journals of the user: their folder, where a new run comes from, the run to undo, and interrupted runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from reconciler import __version__
from reconciler.apply import journal
from reconciler.apply.journal import LoadedJournal, RunTimes
from reconciler.core.outcome import Entry, Provenance, settle
from reconciler.core.plan import Plan
from reconciler.core.text import count
from reconciler.documents.journal import settled_line
from reconciler.errors import InvalidError, LocalError, Problem, RefusedError, StaleError, TokenctlError, UsageError
from reconciler.files import nearest_repository
from reconciler.influx.reader import Reader
from reconciler.render import text, words
from reconciler.session.connection import Connection
from reconciler.session.context import Context

_SHOWN = 5  # of the runs that began in the future, named in warnings


def folder_of(journal: str, context: Context) -> Path:
    """Return the folder for journals: that of `--journal`, the user's own by default."""
    if journal:
        return Path(journal)
    base = context.environment.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    return (Path(base) if base.startswith("/") else context.home / ".local" / "state") / "tokenctl"


Interrupted = Mapping[str, Sequence[LoadedJournal]]
"""The interrupted runs against each server, by its URL."""


class FleetRun(NamedTuple):
    """What the parts of a fleet's run have in common: when it began, and the interrupted runs."""

    started: datetime
    interrupted: Interrupted


def interrupted_runs(folder: Path, urls: frozenset[str], context: Context) -> Interrupted:
    """Look through the folder once for the interrupted runs against these servers; for none where talk is left out."""
    found: dict[str, list[LoadedJournal]] = {}
    for each in [] if context.streams.quiet else journal.interrupted(folder, urls):
        found.setdefault(each.run.server.url, []).append(each)
    return found


def stem_of(verb: str, started: datetime) -> str:
    """Return the name of a run, or how the names of the parts of a fleet's run begin."""
    return f"{verb}-{started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}"


def provenance_of(plan: Plan, files: Sequence[str], context: Context, whole: FleetRun | None = None) -> Provenance:
    """Return a new, unique name for a run, and where it comes from as far as that is known, without any secret.

    `whole` is the fleet's run that it is a part of.
    """
    started, name = (whole.started, context.streams.speaker) if whole else (context.now(), "")
    stem = stem_of("undo" if plan.undoes else "apply", started)
    declared = [
        place.file for change in plan.changes for place in change.places.values()
    ]  # a saved plan has these, too
    return Provenance(
        run=f"{stem}-{name}" if name else stem,
        started=started.isoformat(timespec="seconds"),
        tool=__version__,
        files=tuple(map(context.streams.masked, dict.fromkeys([*files, *declared]))),
        commit=_commit(files[0], context),
        run_url=run_url(context),
        who=context.streams.masked(context.who),
        server_name=name,
    )


def _commit(file: str, context: Context) -> str:
    """Return the hash of the commit that is checked out where the file is, "" for none."""
    top = nearest_repository(file)
    if top is None or not Path(file).exists():
        return ""
    from reconciler.repository.repository import head  # outside of repositories nobody needs git

    return head(top, context.environment, context.home)


def run_url(context: Context) -> str:
    """Return the URL at which GitHub Actions, GitLab CI or Jenkins shows this run, "" for none; without any secret."""
    environment = context.environment
    repository, number = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_RUN_ID")
    url = environment.get("CI_JOB_URL") or environment.get("BUILD_URL") or ""
    if repository and number:
        url = f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{number}"
    return context.streams.masked(url)


def tell_interrupted(found: Iterable[LoadedJournal], connection: Connection, context: Context) -> None:
    """Show what each of these interrupted runs against this server did, and what became of its operations in doubt.

    Once all of that is known, it is added to the run's journal, and the run is not shown again.
    """
    for each in found:
        context.streams.say(text.interrupted(each.run, str(each.path)))
        known = _read_again(each.run.in_doubt, connection.reader)
        for entry in known:
            context.streams.say(text.settled(entry))
        if all(entry.status for entry in known):
            journal.close(each.path, settled_line(known, context.now().isoformat(timespec="seconds"), __version__))


def _read_again(entries: Iterable[Entry], reader: Reader) -> list[Entry]:
    """Return the entries with what a read of their tokens says; after the first failed read no more are sent."""
    known: list[Entry] = []
    why = ""
    for entry in entries:
        try:
            seen = None if why else reader.get(entry.change.token.id)
        except TokenctlError as error:
            seen, why = None, f"not known, {error.problems[0].message}"
        known.append(settle(entry, seen) if seen else entry._replace(status=None, reason=why))
    return known


def find_journal(path: str, folder: Path, url: str, context: Context) -> LoadedJournal:
    """Return the run to undo: that of the journal at `path`, by default the newest that changed anything at `url`.

    Raises LocalError and InvalidError for what is no journal, UsageError when there is none or it is not known which is
    the newest, StaleError for a run against another server, RefusedError for a run that still goes on.
    """
    found = journal.load(Path(path)) if path else _newest(folder, url, context)
    if found.run.server.url != url:
        raise StaleError(
            f"the journal is of a run against {found.run.server.url}, but this run would talk to {url}",
            "set INFLUX_HOST or --url accordingly, or name another journal",
        )
    return _ended(found)


def of_fleet(paths: Sequence[str]) -> dict[str, LoadedJournal]:
    """Return the journals at these paths by the servers that they name.

    Raises LocalError and InvalidError for what is no journal, UsageError for one that is of no fleet's run or a second
    one of a server, and RefusedError for a run that still goes on.
    """
    found: dict[str, LoadedJournal] = {}
    for path in paths:
        loaded = _ended(journal.load(Path(path)))
        name = loaded.run.server_name
        if not name:
            raise UsageError(f"{path} is not of the run of a fleet", "undo it alone")
        if name in found:
            raise UsageError(
                f"{found[name].path} and {path} are both of the server {name}", "undo one run after another"
            )
        found[name] = loaded
    return found


def _ended(found: LoadedJournal) -> LoadedJournal:
    """Return the journal; raises RefusedError when its run still goes on."""
    if found.running:
        raise RefusedError(
            f"{found.run.name} still goes on: what it will have changed is not known yet", "wait until it ends"
        )
    return found


def _newest(folder: Path, url: str, context: Context) -> LoadedJournal:
    glances = journal.latest_first(folder, os.geteuid(), url)
    ahead = [each for each in glances if each.ahead(context.now)]
    for each in ahead[:_SHOWN]:
        message = f"{each.path} is passed over: it is of a run that began at {each.started}, which is yet to come"
        context.streams.say(
            words.problem(Problem(message, "see which clock is wrong, or name that journal to undo it"), "Warning")
        )
    possible: list[tuple[RunTimes, LoadedJournal]] = []
    for each in (glance for glance in glances if glance not in ahead):
        try:
            found = journal.load(each.path)
        except (LocalError, InvalidError) as error:
            context.streams.say(words.problem(error.problems[0], "Warning"))
            continue
        if found.run.effective:
            possible.append((each, found))
            if found.running or not each.unknown:
                break
    if possible:
        return _the_newest(possible, url)
    but = f", but for {count(len(ahead), 'run')} that began in the future" if ahead else ""
    raise UsageError(
        f"{folder} has no journal of a run that changed anything at {url}{but}", "name the journal of the run to undo"
    )


def _the_newest(possible: list[tuple[RunTimes, LoadedJournal]], url: str) -> LoadedJournal:
    """Return the newest of these runs.

    The last one has a time of the server or still goes on, if any has or does; the time of all others is unknown.
    Raises UsageError where only the clocks of clients could tell which is the newest, as they may be wrong.
    """
    glance, last = possible[-1]
    if last.running:
        return last
    # Who found a token that was changed at that time, or later, began its change after that.
    if glance.changed and any(each.after and each.after >= glance.changed for each, _ in possible[:-1]):
        possible = possible[:-1]
    if len(possible) == 1:
        return possible[0][1]
    names = " or ".join(str(found.path) for _, found in possible[:_SHOWN])
    more = f" or one of {len(possible) - _SHOWN:,} more" if len(possible) > _SHOWN else ""
    raise UsageError(
        f"no answer of the server says which run changed something at {url} last: {names}{more}",
        "name the journal of the run to undo; `tokenctl apply` first finds out what became of interrupted runs",
    )
