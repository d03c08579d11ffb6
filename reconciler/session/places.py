"""What programs get: files by their paths from the root of the repository, and problems without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ExitCode, Place, Problem, TokenctlError
from reconciler.files import STDIN, nearest_repository

if TYPE_CHECKING:  # files are named by commands that plan nothing, too
    from reconciler.core.baseline import Baseline
    from reconciler.core.plan import Plan, Revision, Site
    from reconciler.session.context import Context

_CRASHED = Problem("this is a mistake in tokenctl itself", "the log has what to report")

Name = Callable[[str], str]
"""Gives the name by which programs know a file, from the name that was typed."""

_SOURCE = re.compile(r"https?://[A-Za-z0-9._~:/%@-]+/")
_WORKSPACES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


def site_of(environment: Mapping[str, str]) -> Site:
    """Return where the Markdown of this run is shown, as CI systems tell it; a URL that could be more is none."""
    from reconciler.core.plan import Site

    source = environment.get("TOKENCTL_SOURCE_URL", "")
    return Site(
        environment=environment.get("TOKENCTL_ENVIRONMENT", ""),
        source=source if _SOURCE.fullmatch(source) else "",
        base=environment.get("TOKENCTL_BASE_BRANCH", "").removeprefix("refs/heads/"),
    )


def naming(environment: Mapping[str, str], ref: str = "") -> Name:
    """Return what names a file by its path from the root of the repository, else of the CI system's workspace.

    That is the repository of the current folder, or else the file's own. A file outside of it gets its whole path, so
    that nobody takes it for another one; where no root is known, a file is called as it was typed. Standard input
    keeps its name, and a file at the commit `ref` gets that before its own.
    """

    here = cache(lambda: nearest_repository(Path.cwd()))

    @cache
    def name(file: str) -> str:
        """Return the name of one file, which is looked for once."""
        if file == STDIN:
            return file
        if ref and file.startswith(f"{ref}:"):
            return f"{ref}:{name(file.removeprefix(f'{ref}:'))}"
        return _name(file, here, environment)

    return name


def _name(file: str, here: Callable[[], Path | None], environment: Mapping[str, str]) -> str:
    try:
        # As it was typed in, and as it is: either may be by way of a link.
        asked, found = Path(os.path.abspath(file)), Path(os.path.realpath(file))  # noqa: PTH100
        repository = here() or nearest_repository(asked.parent)
    except (OSError, ValueError):  # the current folder is gone, or this is no name of a file
        return file
    given = [path for each in _WORKSPACES if (path := Path(environment.get(each, ""))).is_absolute()]
    roots = [repository] if repository else given
    for root in roots:
        for one, other in ((asked, root), (found, Path(os.path.realpath(root)))):
            if one.is_relative_to(other):
                return one.relative_to(other).as_posix()
    return str(asked) if roots else file.removeprefix("./")


def named_plan(plan: Plan, files: Sequence[str], environment: Mapping[str, str]) -> Plan:
    """Return the plan with the files it was made from, and the file of each place, as programs know them.

    A saved plan has such places already; its own file is the one it was made from.
    """
    base = plan.base
    name = naming(environment, base.ref if base else "")
    if plan.files:
        return plan._replace(files=tuple(map(name, files)))
    known = {place.file for change in plan.changes for place in change.places.values()}
    changes = plan.changes
    if any(name(file) != file for file in known):
        changes = tuple(
            each._replace(places={key: _place(place, name) for key, place in each.places.items()}) for each in changes
        )
    return plan._replace(
        files=tuple(map(name, files)),
        changes=changes,
        warnings=_problems(plan.warnings, name),
        refusals=tuple(each._replace(problem=_problem(each.problem, name)) for each in plan.refusals),
        base=base._replace(revisions=_revisions(base.revisions, name)) if base else None,
    )


def named_revised(revised: Baseline, environment: Mapping[str, str]) -> Baseline:
    """Return what a change of the files means, with these as programs know them."""
    name = naming(environment, revised.ref)
    revisions, warnings = _revisions(revised.revisions, name), _problems(revised.warnings, name)
    return revised._replace(revisions=revisions, warnings=warnings)


def _problems(problems: Sequence[Problem], name: Name) -> tuple[Problem, ...]:
    return tuple(_problem(each, name) for each in problems)


def _revisions(revisions: Sequence[Revision], name: Name) -> tuple[Revision, ...]:
    return tuple(
        each._replace(
            place=_place(each.place, name) if each.place else None,
            base_place=_place(each.base_place, name) if each.base_place else None,
        )
        for each in revisions
    )


def _problem(problem: Problem, name: Name) -> Problem:
    return problem._replace(place=_place(problem.place, name)) if problem.place else problem


def _place(place: Place, name: Name) -> Place:
    return place._replace(file=name(place.file))


def code_and_problems(error: BaseException, context: Context) -> tuple[ExitCode, tuple[Problem, ...]]:
    """Return the exit code that an error means, and its problems as programs get them."""
    if isinstance(error, TokenctlError):
        return error.exit_code, published(error.problems, context)
    if isinstance(error, KeyboardInterrupt):
        return context.interrupt.exit_code, (context.interrupt.problem,)
    return ExitCode.ERROR, (_CRASHED,)


def published(problems: Sequence[Problem], context: Context) -> tuple[Problem, ...]:
    """Return the problems as programs get them: without secrets, as on stderr, and with files as programs know them."""
    name, masked = naming(context.environment), context.streams.masked
    return tuple(
        Problem(
            masked(each.message),
            masked(each.hint),
            each.place._replace(file=masked(name(each.place.file))) if each.place else None,
        )
        for each in problems
    )


def named(files: Sequence[str], context: Context) -> tuple[str, ...]:
    """Return the names by which programs know the files, without secrets."""
    name = naming(context.environment)
    return tuple(context.streams.masked(name(each)) for each in files)
