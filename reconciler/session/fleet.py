"""Reads and plans the servers of a fleet, many at once: files and profiles become results, one for each server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from ssl import SSLContext
from typing import NamedTuple, TypeVar

from reconciler.core import secrets
from reconciler.core.fleet import Fleet, Member, Planned, Skipped
from reconciler.core.plan import Plan
from reconciler.documents.plan import plan_document
from reconciler.errors import ExitCode, InvalidError, Problem, StaleError, TokenctlError, UnreachableError, UsageError
from reconciler.influx import trust
from reconciler.influx.wire import FULL
from reconciler.influx_cli import Profile, of_profile, profiles
from reconciler.session import fleet_files, planning
from reconciler.session.connection import check, check_for_secrets, connected
from reconciler.session.context import Context, Turn
from reconciler.session.fleet_files import Which
from reconciler.session.planning import Source
from reconciler.session.sources import Declared, Sources
from reconciler.settings import Flags, Settings, check_fleet
from reconciler.settings import of_profile as settings_of

AT_ONCE = 32
"""The servers that are read at once."""
_WITHIN_S = 60.0  # for one server, retries included
_MEMORY = 8 * 1024 * 1024  # bytes of the tokens of one server
_SLICE_S = 0.5  # of a wait
_MOVED = "give the profile that URL again"
_T = TypeVar("_T")
_One = TypeVar("_One", "Server", "Plannable", "Named")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that is meant: its name, what its files declare, and its settings or why there are none."""

    name: str
    declared: Declared
    settings: Settings | TokenctlError


class Named(NamedTuple):
    """A server that is meant, whose files nobody has read."""

    name: str
    settings: Settings | TokenctlError


class Plannable(NamedTuple):
    """A server that is to be planned: with its settings, or why there are none, and where its plan comes from.

    `verify` raises what speaks against asking that server at all.
    """

    name: str
    settings: Settings | TokenctlError
    source: Source
    verify: Callable[[Settings], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """All servers that are meant, in their order, with the files read; the rest is as a `Fleet` has it.

    `unnamed` are the profiles that are for no server of the folder.
    """

    servers: Sequence[Server]
    left_out: int
    files: Sequence[str]
    removed: tuple[str, ...] = ()
    unnamed: Sequence[str] = ()


def read(which: Which, given: Sources, flags: Flags, context: Context, *, reviewed: bool = True) -> Servers:
    """Read all files and profiles. Raises InvalidError and UsageError; asks no server."""
    known = _known(flags, context)
    found = fleet_files.read(which, given, context, reviewed=reviewed)
    _check_secrets(found.servers, known)
    servers = [
        Server(name=name, declared=each, settings=_settings(name, known, flags)) for name, each in found.servers.items()
    ]
    unnamed = sorted(known.keys() - found.owned)
    return Servers(servers=servers, left_out=found.left_out, files=found.files, removed=found.removed, unnamed=unnamed)


def named(which: Which, flags: Flags, context: Context) -> Sequence[Named]:
    """Return the servers that are meant, in their order, without their files; raises InvalidError and UsageError."""
    known = _known(flags, context)
    return [Named(name, _settings(name, known, flags)) for name in fleet_files.names(which)]


def _known(flags: Flags, context: Context) -> Mapping[str, Profile]:
    """Return the profiles of the influx CLI, whose tokens are hidden from now on; raises UsageError."""
    check_fleet(flags, context.environment)
    known = profiles(context.environment, context.home)
    for profile in known.values():
        if profile.token:
            context.streams.secrets.add(profile.token)
    return known


def settings_for(urls: Mapping[str, str], flags: Flags, context: Context) -> Mapping[str, Settings]:
    """Return the settings of these servers, each of which has to be the one with that URL.

    Raises UsageError for profiles that cannot be used, and StaleError for those with another URL.
    """
    known = _known(flags, context)
    found = {name: _settings(name, known, flags) for name in urls}
    lacking = [each for each in found.values() if isinstance(each, TokenctlError)]
    if lacking:
        raise UsageError([of_profile(problem) for each in lacking for problem in each.problems])
    settings = {name: each for name, each in found.items() if isinstance(each, Settings)}
    moved = [
        Problem(f"{name}: this is about {url}, but the profile has {settings[name].endpoint.url}", _MOVED)
        for name, url in urls.items()
        if url != settings[name].endpoint.url
    ]
    if moved:
        raise StaleError(moved)
    return settings


def _check_secrets(found: Mapping[str, Declared], known: Mapping[str, Profile]) -> None:
    """Refuse files that hold the token of any profile: nothing may carry one to another server."""
    tokens = {profile.token: profile.name for profile in known.values() if profile.token}
    texts = [text for each in found.values() for text in each.manifest.texts.values()]
    said = [one.text for each in found.values() for one in each.manifest.tokens]
    for token in secrets.held("\n".join(dict.fromkeys((*texts, *said))), tokens):
        for each in found.values():
            check_for_secrets(each.manifest, token, tokens[token])


def _settings(name: str, known: Mapping[str, Profile], flags: Flags) -> Settings | TokenctlError:
    if name not in known:
        hint = f"make one with `influx config create`, or leave it out with --server '!{name}'"
        return UsageError(f"the influx CLI has no profile `{name}`", hint)
    try:
        return settings_of(known[name], flags)
    except UsageError as error:
        return error


def plan(servers: Servers, context: Context) -> Fleet:
    """Read and plan every server, many at once. Raises KeyboardInterrupt when a signal comes, and nothing else."""
    found = [
        Plannable(
            each.name,
            each.settings,
            each.declared.source,
            partial(check, each.declared.manifest, each.declared.baseline),
        )
        for each in servers.servers
    ]
    return replace(plan_each(found, context), left_out=servers.left_out, removed=servers.removed)


def plan_each(found: Sequence[Plannable], context: Context) -> Fleet:
    """Plan every server, many at once, as `plan` does."""

    def planned(one: Plannable, settings: Settings, turn: Context) -> Planned:
        began = context.clock()
        one.verify(settings)
        with connected(settings, turn) as server:
            made = planning.plan_from(one.source, server)
        refusals = tuple(each._replace(problem=of_profile(each.problem)) for each in made.refusals)
        made = made._replace(refusals=refusals, warnings=tuple(map(of_profile, made.warnings)))
        check_text(made, settings, context)
        return Planned(name=one.name, plan=made, took_s=context.clock() - began)

    return Fleet(members=tuple(_claimed(ask_each(found, planned, context))))


def ask_each(
    servers: Sequence[_One], act: Callable[[_One, Settings, Context], _T], context: Context
) -> list[_T | Skipped]:
    """Return what `act` returns for each server in its surroundings, or what kept it from that, in their order.

    Many are asked at once. Raises KeyboardInterrupt when a signal comes.
    """
    tls = tls_for([each.settings for each in servers if isinstance(each.settings, Settings)], context)

    def ask(one: _One) -> _T | Skipped:
        began, done = context.clock(), list[_T]()
        failed = attempted(lambda: done.append(act(one, _raised(one.settings), turn_of(one, tls, context))), context)
        if not failed:
            return done[0]
        url = one.settings.endpoint.url if isinstance(one.settings, Settings) else ""
        return Skipped(name=one.name, url=url, code=failed[0], problems=failed[1], took_s=context.clock() - began)

    return each_of(servers, ask, context)


def each_of(servers: Sequence[_One], act: Callable[[_One], _T], context: Context, most: int = AT_ONCE) -> list[_T]:
    """Return what `act` returns for each server, in their order; those with one URL come one after another."""
    lines: dict[str, list[int]] = {}
    for at, one in enumerate(servers):
        url = one.settings.endpoint.url if isinstance(one.settings, Settings) else ""  # nobody is asked
        lines.setdefault(url, []).append(at)
    done: dict[int, _T] = {}

    def run(line: Sequence[int]) -> None:
        for at in line:
            if context.interrupt.came:
                return
            done[at] = act(servers[at])

    with ThreadPoolExecutor(max_workers=max(1, min(most, len(lines)))) as pool:
        for future in [pool.submit(run, line) for line in lines.values()]:
            future.result()
    context.interrupt.check()
    return [done[at] for at in range(len(servers))]


def tls_for(settings: Iterable[Settings], context: Context) -> SSLContext | None:
    """Return the context for TLS that these servers share, None where none speaks it; raises UsageError."""
    speaking = [each.endpoint for each in settings if each.endpoint.url.startswith("https:")]
    return trust.context(speaking[0], context.environment) if speaking else None


def turn_of(
    one: Server | Named | Plannable | Planned, tls: SSLContext | None, context: Context, more_s: float = 0.0
) -> Context:
    """Return the surroundings of one server: its talk begins with its name, and its time and memory are limited.

    It may take so many seconds more. Once it notes signals only, as something is sent, its time has no limit.
    """
    ends = context.clock() + _WITHIN_S + more_s

    def look() -> None:
        context.interrupt.check()
        if context.clock() >= ends and not context.interrupt.is_deferred:
            raise UnreachableError(f"not read within {_WITHIN_S:g} s, retries included", "look at the server's load")

    def sleep(seconds: float) -> None:
        while seconds > 0:
            look()
            context.sleep(min(seconds, _SLICE_S))
            seconds -= _SLICE_S

    streams = context.streams._replace(speaker=one.name, display=None, stdout=StringIO(), interactive=False)
    turn = Turn(check=look, tls=tls, memory=_MEMORY)
    return context._replace(streams=streams, sleep=sleep, turn=turn, asked={}, shown=threading.Event())


def attempted(act: Callable[[], None], context: Context) -> tuple[ExitCode, tuple[Problem, ...]] | None:
    """Do what is to be done with one server; return the code and the problems of what ended it, None when nothing did.

    Raises KeyboardInterrupt.
    """
    try:
        act()
    except TokenctlError as error:
        code, problems = error.exit_code, error.problems
    except Exception as error:  # noqa: BLE001  a mistake with one server ends no other
        code = ExitCode.ERROR
        problems = (
            Problem(
                "this is a mistake in tokenctl itself", f"ask that server alone to see where: {type(error).__name__}"
            ),
        )
    else:
        return None
    masked = context.streams.masked
    said = map(told, problems)
    return code, tuple(each._replace(message=masked(each.message), hint=masked(each.hint)) for each in said)


def told(problem: Problem) -> Problem:
    """Return the problem of a server of a fleet with a way out that it has."""
    if FULL in problem.message:
        hint = f"a server of a fleet has room for {_MEMORY // 1024**2} MiB: ask this one alone, without --fleet"
        return problem._replace(hint=hint)
    return of_profile(problem)


def _raised(settings: Settings | TokenctlError) -> Settings:
    """Return the settings; raises why there are none."""
    if isinstance(settings, TokenctlError):
        raise settings
    return settings


def check_text(made: Plan, settings: Settings, context: Context) -> None:
    """Refuse a plan in which a text of the server is the token of another profile: its document would hold it."""
    text = json.dumps(plan_document(made))
    if context.streams.secrets.hidden(text) != text:
        message = f"a text of {settings.endpoint.url} holds the token of an influx CLI profile"
        raise InvalidError(message, "replace that token where it is valid: anybody who reads this server knows it")


def _claimed(members: Sequence[Member]) -> list[Member]:
    """Return the members, those skipped that claim a token which another one claims too on the same server."""
    claims: dict[tuple[str, str], set[str]] = {}
    for each in members:
        if isinstance(each, Planned):
            for change in each.plan.changes:
                claims.setdefault((each.plan.server.url, change.token.id), set()).add(each.name)
    twice = {name: (token, names) for (_, token), names in claims.items() if len(names) > 1 for name in names}
    return [
        _twice(each, *twice[each.name]) if isinstance(each, Planned) and each.name in twice else each
        for each in members
    ]


def _twice(member: Planned, token: str, names: set[str]) -> Skipped:
    message = f"the token {token} would be changed by {' and '.join(sorted(names))}, which are for one server"
    problem = Problem(message, "declare it once")
    return Skipped(
        name=member.name, url=member.plan.server.url, code=ExitCode.INVALID, problems=(problem,), took_s=member.took_s
    )
