"""Where a plan is written, and in which format: what `--format`, `--output` and `-o` ask for together."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler import files
from reconciler.core.manifest import is_manifest
from reconciler.errors import ExitCode, LocalError, Problem, UsageError
from reconciler.render.formats import PlanFormat, render
from reconciler.session.context import Context
from reconciler.session.places import named_plan, site_of

if TYPE_CHECKING:  # files are checked without them
    from reconciler.core.plan import Plan
    from reconciler.core.review import Review
    from reconciler.settings import Flags

Draw = Callable[[PlanFormat, bool, int | None], str]
"""Returns the text in a format; the flag says whether it may have colours, the number how wide the terminal is."""

# What may follow one another on standard output: a log, which people read and a runner looks for commands in.
_LOG = frozenset({PlanFormat.TEXT, PlanFormat.GITHUB})

_ELSE = "write it to another file"
_CREDENTIALS = ("INFLUX_TOKEN_FILE", "INFLUX_CONFIGS_PATH", "SSL_CERT_FILE")


def _no_plan(path: Path) -> None:
    raise AssertionError(f"there is no plan that could be saved to {path}")


class Outputs(NamedTuple):
    """The formats for standard output, in this order, and what is to be in each file.

    That is a format, or None for the plan that `apply` takes.
    """

    shown: tuple[PlanFormat, ...]
    saved: Mapping[Path, PlanFormat | None]

    def check(self, read: Iterable[str], context: Context, flags: Flags | None = None) -> None:
        """Find out now what would keep a file from being written later; `read` are the files that this run reads.

        Raises UsageError for an output that would replace one of these, or of the credentials that the `flags` and the
        environment name, and LocalError for all that cannot be written.
        """
        if not self.saved:
            return
        own = (flags.token_file, flags.ca_file, flags.client_cert, flags.client_key) if flags else ()
        inputs = {os.path.realpath(name) for name in (*read, *filter(None, own), *credentials(context))}
        replaced = [path for path in self.saved if os.path.realpath(path) in inputs]
        if replaced:
            raise UsageError(
                [
                    Problem(f"the output {path} is a file that this run reads, or has credentials", _ELSE)
                    for path in replaced
                ]
            )
        if problems := _tried(files.probe, self.saved):
            raise LocalError(problems)

    def limit(self, allowed: Collection[PlanFormat], why: str, way_out: str = "write") -> None:
        """Raise UsageError for a format that is none of those that are allowed, and say why."""
        for form in (*self.shown, *self.saved.values()):
            if form and form not in allowed:
                raise UsageError(f"the format {form} {why}", f"{way_out} {', '.join(allowed)}")

    def write_plan(
        self,
        plan: Plan,
        files: Sequence[str],
        context: Context,
        review: Review | None = None,
        changed: ExitCode = ExitCode.OK,
    ) -> ExitCode:
        """Write the plan, made from these files, and a review of it, as `write` does; return the exit code.

        That is REFUSED when a guard refuses the plan, and else `changed` when it has changes. Text is for people, who
        are in their folder; all else names files as programs know them.
        """
        named = cache(lambda: named_plan(plan, files, context.environment))
        code = ExitCode.REFUSED if plan.refusals else changed if plan.changes else ExitCode.OK

        def draw(form: PlanFormat, colour: bool, columns: int | None) -> str:
            if form is PlanFormat.OPENMETRICS:
                return measured(code, context, plan)
            shown = plan if form is PlanFormat.TEXT else named()
            site = site_of(context.environment) if form is PlanFormat.MARKDOWN else None
            return render(shown, form, review, colour=colour, columns=columns, site=site)

        def save(path: Path) -> None:
            from reconciler.documents.plan import save_plan

            save_plan(named(), path)

        self.write(
            draw,
            context,
            save,
            is_settled=plan.is_settled and (not review or review.is_as_reviewed),
        )
        return code

    def write(
        self,
        draw: Draw,
        context: Context,
        save_plan: Callable[[Path], None] = _no_plan,
        *,
        is_settled: bool = False,
    ) -> None:
        """Write all of them, files first: what cannot be written keeps nothing else from being written.

        `draw` gives a format's text; `save_plan` writes what `apply` takes. `is_settled` says that there is nothing to
        do and nothing to look at: --quiet then leaves text out. Raises LocalError for all that could not be written.
        """
        context.shown.set()

        def save(path: Path) -> None:
            """Write one of the files."""
            form = self.saved[path]
            if form is None:
                save_plan(path)
            else:
                files.write(draw(form, False, None), path)
            from reconciler.render.escape import terminal

            context.streams.say(f"Saved to {terminal(str(path))}")

        problems, streams = _tried(save, self.saved), context.streams
        try:
            shown = [each for each in self.shown if not (each is PlanFormat.TEXT and is_settled and streams.terse)]
            streams.show("".join(draw(form, streams.colour, streams.columns) for form in shown))
        except LocalError as error:
            problems += error.problems
        finally:
            if problems:
                raise LocalError(problems)


def measured(code: ExitCode, context: Context, plan: Plan | None = None) -> str:
    """Return what monitoring gets of the server that was asked: the plan, or with the code why there is none."""
    from reconciler.render.metrics import Sample, openmetrics

    now, masked = context.clock(), context.streams.masked
    samples = [
        Sample(server=masked(name), code=code, took_s=now - since, plan=plan) for name, since in context.asked.items()
    ]
    return openmetrics(samples, context.now())


def credentials(context: Context) -> Iterator[str]:
    """Yield the files with tokens and certificates that the environment names, and that of the influx CLI's profiles.

    A secret may be nowhere else, so that no output replaces one, whether or not the command reads it.
    """
    yield str(context.home / files.PROFILES)
    yield from (file for name in _CREDENTIALS if (file := context.environment.get(name)))


def parse(wanted: Sequence[str], form: PlanFormat | None, out: str = "") -> Outputs:
    """What `--output` (each FORMAT or FORMAT=PATH), `--format` and `-o` ask for together.

    What names no path, or `-`, goes to standard output; when nothing does, text goes there. Raises UsageError for two
    that would be in each other's way.
    """
    if out == "-":
        raise UsageError("`-o` saves a plan to a file", "`--format json` prints the same to standard output")
    _check_name("-o", out)
    shown = [form] if form else []
    saved: dict[Path, PlanFormat | None] = {Path(out): None} if out else {}
    taken = {_identity(path) for path in saved}
    for text in wanted:
        each, path = _parsed(text)
        if each is PlanFormat.JSON:
            _check_name(f"--output {each}", path)
        if path == "-":
            shown.append(each)
        elif _identity(Path(path)) in taken:
            raise UsageError(f"two outputs would go to {path}", _ELSE)
        else:
            saved[Path(path)] = each
            taken.add(_identity(Path(path)))
    if len(shown) != len(set(shown)) or (len(shown) > 1 and not _LOG.issuperset(shown)):
        raise UsageError(
            f"these cannot all go to standard output: {', '.join(f'`{each}`' for each in shown)}",
            "give all but one a file, `--output FORMAT=PATH`; only `text` and `github` may follow one another",
        )
    return Outputs(tuple(shown) or (PlanFormat.TEXT,), saved)


def _check_name(source: str, path: str) -> None:
    """Refuse to save a plan where it would be taken for a manifest: read with a folder, or reviewed as one."""
    if is_manifest(Path(path).name):
        hint = f"call it `{Path(path).with_suffix('.json')}`"
        raise UsageError(f"`{source}` would save a plan under the name of a manifest: {path}", hint)


def _parsed(text: str) -> tuple[PlanFormat, str]:
    name, equals, path = text.partition("=")
    if name not in set(PlanFormat) or (equals and not path):
        what = f"`{text}` names no path" if name in set(PlanFormat) else f"there is no format `{name}`"
        hint = f"write FORMAT=PATH, or FORMAT for standard output; the formats are {', '.join(PlanFormat)}"
        raise UsageError(what, hint)
    if path.startswith("=") or (path.startswith("-") and path != "-"):
        hint = f"write `{name}={path.lstrip('=-') or 'PATH'}`, or `{name}=./{path}` for a file that is called so"
        raise UsageError(f"`{text}` names the file `{path}`", hint)
    return PlanFormat(name), path or "-"


def _identity(path: Path) -> Path:
    """What two names of one file have in common; a link is replaced and not followed, so it is its own file."""
    return Path(os.path.realpath(path.parent), path.name)


def _tried(act: Callable[[Path], None], paths: Iterable[Path]) -> list[Problem]:
    """Call `act` with every path; returns the problems of those where it failed."""
    problems: list[Problem] = []
    for path in paths:
        try:
            act(path)
        except LocalError as error:
            problems += error.problems
    return problems
