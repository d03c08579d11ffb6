"""What a run left in its folder, as the action's outputs, a summary of the step and the Markdown that is kept."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from action import fates
from action.fates import Fate
from action.run import CODES, KEPT, SHOWN
from reconciler.core.text import is_digest
from reconciler.render.markdown import code

REASONS = {
    0: "ok", 1: "error", 2: "changes", 3: "partial", 4: "refused", 5: "stale", 6: "auth", 7: "unreachable",
    8: "cancelled", 9: "locked", 64: "usage", 65: "invalid", 130: "interrupted", 143: "interrupted",
}  # fmt: skip
"""The exit codes of tokenctl by their names in machine formats."""

_APPLIED = {
    "ok": "Everything is applied and was read back.",
    "partial": "**Something was changed, and not all of it is verified.**",
    "refused": "Nothing was sent: a guard refuses it.",
    "stale": "**Nothing was sent: this is no longer the plan that was agreed to.** Review the new one.",
    "auth": "**Nothing was changed:** the server does not let these credentials do this.",
    "unreachable": "**Nothing was changed:** no usable answer came from the server.",
    "interrupted": "**It was interrupted.** The journal says what was sent; running it again is safe.",
}
_PARTIAL_FLEET = (
    "**Something was changed, and not all is well on every server.** Running it again goes on where it stopped."
)
_NOT_APPLIED = "Nothing was applied; the log says why."
_NOTHING_TO_DO = "There was nothing to apply: the tokens are as declared."
_NOTHING_SENT = "**It was interrupted.** Nothing was sent."
_UNKNOWN = "**It is not known what was applied.** The journal says what was sent; running it again is safe."
_NO_PLAN = "**Nothing was applied:** there is no plan that may be."
_NO_RESULT = "It was not approved, or was ended before it could say what became of it: the run has the rest."
_NOTHING_DRAWN = "The log says why."
_NOBODY_REACHED = "Nothing is to be applied on the servers that were reached."
_REVIEWED = {"as-reviewed": "as reviewed", "differs": "differs from what was reviewed", "unknown": "not known"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of a run: its command and the name of its exit code.

    `shown` is the plan as JSON, or why there is none, and empty if tokenctl did not come to write that; `drawn` is what
    it drew for people, likewise. `journal` is the folder of what was sent, and `download` the command that brings it to
    another machine, "" where it is no artifact. `reviewed` is how the plan compares with the reviewed one, and
    `told` whether the action has to say it; `saved` says that the plan was made by another run.
    """

    command: str
    reason: str
    shown: Mapping[str, Any]
    drawn: str
    folder: Path | None
    journal: Path | None = None
    download: str = ""
    fates: tuple[Fate, ...] = ()
    reviewed: str = "unknown"
    told: bool = False
    saved: bool = False


def read(environment: Mapping[str, str]) -> Run:
    """Return what the earlier steps left, whatever became of them."""
    folder = Path(environment["TOKENCTL_FOLDER"]) if environment.get("TOKENCTL_FOLDER") else None
    file, drawn = _path(folder, SHOWN), _path(folder, f"{KEPT}/plan.md")
    shown = json.loads(Path(file).read_text("ascii")) if file else {}
    sent = _path(folder, f"{KEPT}/journal")  # it is begun before anything is sent
    journal = Path(sent) if sent else None
    return Run(
        command=environment.get("INPUT_COMMAND", ""),
        reason=_reason(folder, environment),
        shown=shown,
        drawn=Path(drawn).read_text("utf-8") if drawn else "",
        folder=folder,
        journal=journal,
        download=_download(environment) if journal else "",
        fates=fates.read(shown, journal),
        reviewed=_compared(shown, environment.get("INPUT_REVIEWED", "")),
        told=bool("servers" in shown and environment.get("INPUT_REVIEWED")),
        saved=bool(environment.get("INPUT_PLAN")),
    )


def _compared(shown: Mapping[str, Any], reviewed: str) -> str:
    """How the plan compares with the reviewed one, a path or a digest; of a fleet, whether the digests are equal."""
    if "servers" not in shown:
        verdict: str = shown.get("review", {}).get("verdict", "unknown")
        return verdict
    digest = reviewed
    if not is_digest(reviewed):
        with suppress(OSError, ValueError, LookupError, TypeError):
            digest = str(json.loads(Path(reviewed).read_text("utf-8"))["digest"])
    if not is_digest(digest):
        return "unknown"
    return "as-reviewed" if digest.lower() == shown["digest"] else "differs"


def _download(environment: Mapping[str, str]) -> str:
    """The command that brings the journal of this attempt to another machine; the artifact's name is action.yml's."""
    if not environment.get("INPUT_ARTIFACT"):
        return ""
    name = f"{environment['INPUT_ARTIFACT']}-journal-{environment.get('GITHUB_RUN_ATTEMPT', '1')}"
    given = (
        "run",
        "download",
        environment.get("GITHUB_RUN_ID", ""),
        "--repo",
        environment.get("GITHUB_REPOSITORY", ""),
    )
    return shlex.join(["gh", *given, "--name", name, "--dir", "journal"])


def _reason(folder: Path | None, environment: Mapping[str, str]) -> str:
    """The name of the last step's exit code; of a step that left none, what the runner says of it."""
    planned, applied = (_code(folder, step) for step in ("plan", "apply"))
    applies = environment.get("INPUT_COMMAND") == "apply" and not planned  # else it did not begin
    code = applied if applies else planned
    if code is not None:
        return REASONS.get(code, "error")
    names = ("PLAN_OUTCOME", "APPLY_OUTCOME") if applies else ("PLAN_OUTCOME",)
    ended = {environment.get(name, "") for name in names}
    return "interrupted" if ended & {"cancelled", "skipped"} and "failure" not in ended else "error"


def _code(folder: Path | None, step: str) -> int | None:
    code = folder / CODES[step] if folder else None
    return int(code.read_text()) if code and code.exists() else None


def outputs(run: Run) -> dict[str, str]:
    """Return the outputs of the action; a count is "" where no plan was made."""
    counts = run.shown.get("counts", {})
    numbers = {f"to_{action}": counts.get(action, "") for action in ("activate", "deactivate", "describe")}
    kept = run.folder / KEPT if run.folder else None
    return {
        "changes": str(sum(numbers.values())) if counts else "",
        **{name: str(number) for name, number in numbers.items()},
        "digest": run.shown.get("digest", ""),
        "reviewed": run.reviewed,
        "reason": run.reason,
        "plan": _path(kept, "plan.json"),
        "markdown": _path(kept, "plan.md"),
        "journal": _path(kept, "journal"),
        "result": _path(kept, "result.md"),
        "folder": str(kept) if kept else "",
    }


def markdown(run: Run) -> str:
    """Return what people are to read of a run: what became of an apply, and then what tokenctl drew, if anything."""
    if run.command == "apply":
        return f"{result(run)}\n{_plan_below(run)}" if run.drawn else result(run)
    if run.drawn and run.told:
        return f"{run.drawn}\nReview: `{_REVIEWED[run.reviewed]}`\n"
    return run.drawn or f"### tokenctl: {run.reason}\n\n{_sentence(run)}\n"


def _plan_below(run: Run) -> str:
    """The plan that the action makes before it applies: folded, but where it says why nothing was sent."""
    if not run.journal:
        return run.drawn
    which = "The plan that was agreed to" if run.saved else "The plan, made again right before"
    return f"<details><summary>{which}</summary>\n\n{run.drawn}\n</details>\n"


def headline(run: Run) -> str:
    """Return how an apply ended, in a line."""
    counts = fates.counts(run.fates) if run.journal else ""
    return f"tokenctl apply: {run.reason}{f' ({counts})' if counts else ''}"


def result(run: Run) -> str:
    """Return what became of an apply, token by token, and how to undo what it did."""
    digest = run.shown.get("digest", "")
    parts = [f"### {headline(run)}", _sentence(run)]
    if run.journal:
        parts += [fates.table(run.fates), _undo(run)]
    elif run.reason == "stale" and (moved := fates.moved(run.shown)):
        parts += ["What moved since then:", moved]
    elif run.reason not in ("stale", "ok") and run.fates:
        parts += [fates.table(run.fates)]
    if left := fates.not_planned(run.shown):
        parts.append(f"Without a plan, so that nothing is sent: {left}.")
    which = "Digest of the plan as it is now" if run.reason == "stale" and not run.saved else "Digest"
    return "\n\n".join([*parts, *([f"{which} `{digest}`"] if digest else [])]) + "\n"


def _undo(run: Run) -> str:
    if not run.download:
        return "The journal is on the runner only, for `tokenctl undo`."
    lines = [run.download, "tokenctl undo journal/*.ndjson", "tokenctl undo journal/*.ndjson --apply"]
    said = "The journal is an artifact of this run. With it, `undo` shows what undoing would do, and does it:"
    return f"{said}\n\n" + "\n".join(f"    {line}" for line in lines)


def told(folder: Path, reason: str, changes: str) -> str:
    """Return the result of an apply, from the folder of its artifact, or of that of the plan before it.

    `reason` and `changes` are that plan's: without changes, or without a plan, there was no apply.
    """
    result, drawn = folder / "result.md", folder / "plan.md"
    if result.exists():
        return result.read_text("utf-8")
    if reason == "ok" and changes == "0":
        return f"### tokenctl apply: nothing to do\n\n{_NOTHING_TO_DO}\n"
    if reason != "ok" and (reason != "unreachable" or changes in ("", "0")):
        why = _NOBODY_REACHED if changes == "0" and reason == "unreachable" else _NO_PLAN
        plan = f"\n{drawn.read_text('utf-8')}" if drawn.exists() else ""
        return f"### tokenctl apply: {reason or 'error'}\n\n{why}\n{plan}"
    return f"### tokenctl apply: no result\n\n{_NO_RESULT}\n"


def approved(environment: str, who: Mapping[str, Sequence[str]], digest: str) -> str:
    """Return who approved or rejected what, and for which environment."""
    said = [f"{state} by {', '.join(map(code, names))}" for state, names in who.items() if names]
    what = f", digest `{digest}`" if digest else ""
    return f"Environment {code(environment)}: {'; '.join(said) or 'nobody was asked'}{what}."


def log_lines(run: Run) -> list[str]:
    """Return lines of the log for an apply that did not end well: how it ended, and each change that is not done."""
    if run.command != "apply" or run.reason == "ok":
        return []
    known = () if run.reason == "stale" else run.fates  # nobody agreed to the changes of a plan that is another one
    return list(fates.log_lines(known, headline(run)))


def brief(run: Run) -> str:
    """Return what became of a run in a few words, for where there is no room."""
    digest = f" Digest `{run.shown['digest']}`" if run.shown.get("digest") else ""
    return f"### tokenctl {run.command}: {run.reason}\n\n{_sentence(run)}{digest}\n"


def keep(run: Run, text: str) -> None:
    """Keep an apply's result, and the Markdown of a run that drew nothing: a comment must not show an older plan."""
    if not run.folder:
        return
    kept = run.folder / KEPT
    kept.mkdir(exist_ok=True)
    if not run.drawn:
        (kept / "plan.md").write_text(text, "utf-8")
    if run.command == "apply":
        (kept / "result.md").write_text(result(run), "utf-8")


def _sentence(run: Run) -> str:
    if run.command == "apply":
        if run.reason == "interrupted" and not run.journal:
            return _NOTHING_SENT
        if run.reason == "ok" and not run.journal:
            return _NOTHING_TO_DO
        if run.reason == "partial" and "servers" in run.shown:
            return _PARTIAL_FLEET
        return _APPLIED.get(run.reason, _UNKNOWN if run.journal else _NOT_APPLIED)
    return "The artifact has it." if run.drawn else _NOTHING_DRAWN


def _path(folder: Path | None, name: str) -> str:
    found = folder / name if folder else None
    return str(found) if found and found.exists() else ""
