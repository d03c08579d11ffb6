"""Reads the manifest of the files that the command line names; `validate` needs no more than this."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reconciler.core.manifest import Manifest, is_manifest
from reconciler.errors import InvalidError, Problem, UsageError
from reconciler.manifest.load import Disk, Loaded, load
from reconciler.session.context import Context

DEFAULT = "tokens.yaml"
_TOGETHER = (
    "for the second time, first in ",
    "these files are for different servers",
)  # said of two files


def read_manifest(files: Sequence[str], context: Context) -> tuple[Manifest, tuple[str, ...]]:
    """Read the files as `read_files` does; return their manifest and their names."""
    loaded = read_files(files, context)
    return loaded.manifest, loaded.files


def read_files(files: Sequence[str], context: Context, seen: dict[str, bytes] | None = None) -> Loaded:
    """Read the files, `tokens.yaml` by default; return what they declare. Shows the warnings.

    `seen` gets the bytes of each file.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read.
    """
    beside = [] if files else beside_default(context)
    try:
        loaded = load(named_or_default(files, beside), context.streams.stdin, seen=seen)
    except InvalidError as error:
        raise InvalidError(_hinting_at_fleet(error.problems, files)) from None
    others = [
        Problem(f"{name} is not read, only {DEFAULT}: no file was named", "name all that are meant") for name in beside
    ]
    loaded = loaded._replace(warnings=(*others, *loaded.warnings))
    for warning in loaded.warnings:
        from reconciler.render import words  # most files have none, and it costs as much as reading a small one

        context.streams.say(words.problem(warning, "Warning"))
    return loaded


def _hinting_at_fleet(problems: Sequence[Problem], files: Sequence[str]) -> list[Problem]:
    """Return the problems; the first one that a folder with a file for each server would have hints at --fleet."""
    told = list(problems)
    folders = [name for name in files if Path(name).is_dir()]
    for at, each in enumerate(told):
        if folder := next((name for name in folders if _is_of_several(each, name)), ""):
            told[at] = each._replace(
                hint=f"{each.hint}; if {folder} has one for each server: `--fleet {folder}`, no FILE"
            )
            break
    return told


def _is_of_several(problem: Problem, folder: str) -> bool:
    """Whether two files of the folder have that together, or its subfolders are the only ones with files."""
    if problem.place is None:
        return problem.message.startswith(f"{folder}: there is no *.yaml") and ", only in " in problem.message
    file = problem.place.file
    together = any(said in problem.message for said in _TOGETHER) and f"first in {file}:" not in problem.message
    return together and Path(file).parent == Path(folder)


def named_or_default(files: Sequence[str], beside: Sequence[str]) -> Sequence[str]:
    """Return the files, `tokens.yaml` by default; raises UsageError, with what lies `beside`, where there is none."""
    if not files and not Path(DEFAULT).exists():
        such = f", such as `{beside[0]}`" if beside else ""
        there = " and ".join(f"the folder {each}" if each.endswith("/") else each for each in beside)
        but = f", but {there}" if there else ""
        hint = f"name the files or folders to read{such}, or `-` for standard input"
        raise UsageError(f"no file was named and there is no {DEFAULT} here{but}", hint)
    return files or [DEFAULT]


def manifest_there(files: Sequence[str], context: Context) -> Manifest | None:
    """The manifest of those of the files that are there, or else of `tokens.yaml` here; None where neither is one.

    Saved plans among them are passed over.
    """
    from reconciler.documents.plan import is_plan

    there = [name for name in files if Path(name).is_file() and not is_plan(Path(name))]
    for paths in (there, [DEFAULT] if Path(DEFAULT).is_file() else []):
        with suppress(InvalidError):
            if paths:
                return load(paths, context.streams.stdin).manifest
    return None


def beside_default(context: Context) -> list[str]:
    """Return what could be mistaken for the default file here, such as `Tokens.yml` or a folder `tokens`."""
    disk = Disk(context.streams.stdin)
    near = [name for name in listed(".") if name.lower() in ("tokens.yaml", "tokens.yml", "tokens")]
    others = [name for name in near if disk.identity(name) != disk.identity(DEFAULT)]
    return [
        name if "." in name else f"{name}/" for name in others if "." in name or any(map(is_manifest, listed(name)))
    ]


def listed(folder: str) -> list[str]:
    """Return the names in a folder, sorted; none where there is no folder."""
    with suppress(OSError):
        return sorted(each.name for each in Path(folder).iterdir())
    return []
