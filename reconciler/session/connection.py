"""A connection to the configured server, which has to be the one that the files are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

from reconciler import settings
from reconciler.core.baseline import Baseline
from reconciler.core.contrast import apart
from reconciler.core.endpoint import HEADER, address, normalise
from reconciler.core.live import Live, is_id
from reconciler.core.manifest import Manifest
from reconciler.core.plan import explain
from reconciler.core.secrets import known_in, masked
from reconciler.core.text import trimmed
from reconciler.errors import InvalidError, Problem, RefusedError, UsageError
from reconciler.influx.reader import Listing, Reader
from reconciler.influx.retry import Retries, moment_of
from reconciler.influx.transport import Transport
from reconciler.manifest import syntax
from reconciler.render.escape import line
from reconciler.session.context import Context
from reconciler.settings import Flags, Settings

_LOOK_S = 0.5  # between two looks at whether the turn of a server is over
_SHOWN = 20  # places of one file where the own secret stands


class Connection(NamedTuple):
    """An open transport, what it was opened with, the run's retries, and a reader on it. Nothing here can write.

    `sends` says that what is planned is sent in this very run, with these very credentials. `opened` is the time here
    when it began.
    """

    settings: Settings
    transport: Transport
    retries: Retries
    reader: Reader
    sends: bool
    opened: datetime

    @property
    def clocks(self) -> tuple[float, ...]:
        """When the run began by the clock here and, where the first answer said it, by the server's: `Live.clocks`."""
        told = moment_of(self.transport.date or "")
        return (self.opened.timestamp(), *([] if told is None else [told]))

    def listing(self) -> Listing:
        """The tokens that the run is about: those of the only organisation, if it is limited to one.

        Raises the errors of `Reader.list_tokens`.
        """
        resolved = self.settings
        found = self.reader.list_tokens(resolved.org, by_id=resolved.org_is_id)
        return found._replace(server=found.server._replace(profile=resolved.profile))

    def live(self) -> Live:
        """All that the list says of these tokens, with none read by its id. Raises what `listing` does."""
        found = self.listing()
        return Live(
            server=found.server,
            tokens=found.tokens,
            missing=found.unreadable,
            org=found.org,
            org_id=found.org_id,
            clocks=self.clocks,
        )


@contextmanager
def connected(
    resolved: Settings, context: Context, *, patient: bool = True, sends: bool = False
) -> Iterator[Connection]:
    """A connection for the time of the block; opening it sends nothing.

    Warns of what a proxy would see, and reads again what failed; one that is not `patient` does neither. What progress
    is shown meanwhile is gone in the end.
    """
    streams, progress = context.streams, None
    if streams.display:  # where nobody looks on, what draws it is not loaded
        from reconciler.session.report import progress_of

        progress = progress_of(context)
    every_s, turn = _LOOK_S if context.turn else None, context.turn
    waiting = partial(progress.waiting, resolved.endpoint.url) if progress else lambda _: every_s
    transport = _transport(resolved, context, waiting)
    try:
        with transport:
            for secret in transport.endpoint.secrets:
                streams.secrets.add(secret)
            retries = Retries(
                chance=context.chance, now=context.now, sleep=context.sleep, say=lambda text: streams.say(line(text))
            )
            reader = Reader(
                transport,
                own_id=resolved.self_id,
                retries=retries if patient else None,
                progress=progress.tokens_read if progress else lambda _: None,
                memory=turn.memory if turn else None,
                meanwhile=partial(explain, ()) if sends else lambda: None,  # which loads deepdiff
            )
            if words := transport.proxy.shows(resolved.endpoint.url) if transport.proxy and patient else "":
                streams.say(line(f"Warning: {words}"))
            yield Connection(resolved, transport, retries, reader, sends, context.now())
    finally:
        with streams.without_progress():
            pass  # what is shown is taken away


def _transport(resolved: Settings, context: Context, waiting: Callable[[float], float | None]) -> Transport:
    turn = context.turn
    return Transport(
        resolved.endpoint,
        trace=context.streams.warn if context.streams.debug else None,
        clock=context.clock,
        check=turn.check if turn else context.interrupt.check,
        waiting=waiting,
        environment=context.environment,
        tls=turn.tls if turn else None,
    )


def resolve(flags: Flags, context: Context) -> Settings:
    """Return which server to use and as whom, which is the beginning of asking it; raises UsageError."""
    resolved, lacking = without_token(flags, context)
    if lacking:
        raise lacking
    context.asked[resolved.profile or address(resolved.endpoint.url)] = context.clock()
    return resolved


def without_token(flags: Flags, context: Context) -> tuple[Settings, UsageError | None]:
    """Return the settings and, when no token can be sent, why; raises UsageError for anything else."""
    found = settings.without_token(flags, context.environment, context.home, context.streams.stdin)
    for secret in found[0].endpoint.own:
        context.streams.secrets.add(secret)
    return found


def check(manifest: Manifest, baseline: Baseline | None, resolved: Settings) -> None:
    """Hold the files, and the `server:` block of the base too, against the settings, before anything is sent.

    Raises RefusedError and InvalidError.
    """
    _check_server(manifest, resolved)
    _check_secret(manifest, resolved)
    if baseline:
        _check_server(baseline.manifest, resolved, baseline.ref)


def _check_server(manifest: Manifest, resolved: Settings, ref: str = "") -> None:
    """Hold the file's `server:` block, or that of the file at `ref`, against the settings, before anything is sent.

    Raises RefusedError when it does not hold.
    """
    url, org = manifest.server.url, manifest.server.org
    file = f"the file at `{ref}`" if ref else "the file"
    fix = "change `server.{}` in a change of its own" if ref else "correct `server.{}`"
    problems = []
    if url is not None and normalise(url) != resolved.endpoint.url:
        message = f"{file} is for {url}, but this run would talk to {resolved.endpoint.url}"
        hint = f"the file never chooses the server: set INFLUX_HOST or --url, or {fix.format('url')}"
        problems.append(Problem(message, hint))
    # An id and a name can only be compared once tokens were read: then every declared one is.
    ids = resolved.org_is_id or is_id(resolved.org.lower()) or is_id((org or "").lower())
    if org is not None and resolved.org and not ids and trimmed(org) != resolved.org:
        asserted, asked = apart(org, resolved.org)
        message = f"{file} is for organisation `{asserted}`, but this run is limited to `{asked}`"
        problems.append(Problem(message, f"set INFLUX_ORG or --org accordingly, or {fix.format('org')}"))
    if problems:
        raise RefusedError(problems)


def _check_secret(manifest: Manifest, resolved: Settings) -> None:
    """Refuse a manifest with a secret that the server is sent, which need not look like one: nothing would mask it.

    Raises InvalidError.
    """
    what, where = "the token that you sign in with", "replace that token on the server"
    for own in resolved.endpoint.own:
        _check_for(own, what, f"remove it here and from the history, and {where}", manifest)
        what, where = f"what {HEADER} holds", "replace it where it is valid"


def check_for_secrets(manifest: Manifest, token: str, profile: str) -> None:
    """Refuse a manifest with the token of a profile; raises InvalidError."""
    what = f"the token of the influx CLI profile `{profile}`"
    _check_for(token, what, "remove it here and from the history, and replace that token on its server", manifest)


def _check_for(own: str, what: str, hint: str, manifest: Manifest) -> None:
    """Refuse a manifest that holds this secret: in its files' names, in what is written, in what escapes made of that.

    Raises InvalidError.
    """
    for name in manifest.texts:
        syntax.check_name(name, own)
    found = [
        Problem(f"this is {what}", hint, syntax.place(name, text, at))
        for name, text in manifest.texts.items()
        for at in sorted(set(islice(known_in(text, own), _SHOWN)))
    ]
    excepted = "\n".join(text for each in manifest.excepted for text in (each.user, each.org, each.description) if text)
    head = {"server.url": manifest.server.url, "server.org": manifest.server.org, "unmanaged.except": excepted}
    places = [manifest.places.get(key) for key, text in head.items() if text and masked(text, own) != text]
    texts = [each.text for each in manifest.tokens]
    whole = "\n".join(texts)  # in which nothing is found that is in none of them, but for what spans two
    if masked(whole, own) != whole:
        told = zip(manifest.tokens, texts, strict=True)
        places += [each.origin.place("") for each, text in told if masked(text, own) != text]
    if problems := found or [Problem(f"this declaration holds {what}", hint, place) for place in places]:
        raise InvalidError(problems)
