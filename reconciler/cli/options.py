"""The options and arguments that several commands take, each declared once; they do nothing by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.core.guard import Guard
from reconciler.render.formats import PlanFormat

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILE]...", help="Files and folders, - for stdin.  [default: tokens.yaml]"),
]
ByFolder = Annotated[
    bool, typer.Option("--by-folder", help="Make a manifest of the files of each folder, and of each server in it.")
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="TERM", help="Only declarations with this name, id or LABEL=VALUE; repeatable."),
]
Allow = Annotated[
    list[Guard] | None,
    typer.Option(
        "--allow", metavar="GUARD", help=f"Waive a guard, as part of the plan; repeatable: {', '.join(Guard)}."
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="Compare the files with those of this commit, by git."),
]
Format = Annotated[
    PlanFormat | None,
    typer.Option("--format", metavar="FORMAT", help=f"What stdout shows: {', '.join(PlanFormat)}.  [default: text]"),
]
Output = Annotated[
    list[str] | None,
    typer.Option("--output", metavar="FORMAT=PATH", help="Write this format too, - is stdout; repeatable."),
]
Out = Annotated[str, typer.Option("-o", "--out", metavar="PATH", help="Save the plan, for `apply PATH`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Reviewed = Annotated[
    str, typer.Option("--reviewed", metavar="PLAN|DIGEST", help="Say whether it is this plan, and how it differs.")
]
