"""What a run left in its folder, as the action's outputs, a summary of the step and the Markdown that is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from action.run import CODES, KEPT, SHOWN

REASONS = {
    0: "ok", 1: "error", 2: "changes", 3: "partial", 4: "refused", 5: "stale", 6: "auth", 7: "unreachable",
    8: "cancelled", 9: "locked", 64: "usage", 65: "invalid", 130: "interrupted", 143: "interrupted",
}  # fmt: skip
"""The exit codes of tokenctl by their names in machine formats."""

_APPLIED = {
    "ok": "Everything is applied and was read back.",
    "partial": "**Something was changed, and not all of it is verified.** The log and the journal say what.",
    "refused": "Nothing was sent: a guard refuses it.",
    "stale": "**Nothing was sent: this is no longer the plan that was agreed to.** Review the new one.",
    "interrupted": "**It was interrupted.** The journal says what was sent; running it again is safe.",
}
_NOT_APPLIED = "Nothing was applied; the log says why."
_NOTHING_SENT = "**It was interrupted.** Nothing was sent."
_UNKNOWN = "**It is not known what was applied.** The journal says what was sent; running it again is safe."
_NOTHING_DRAWN = "The log says why."


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of a run: its command and the name of its exit code.

    `shown` is the plan as JSON, or why there is none, and empty if tokenctl did not come to write that; `drawn` is what
    it drew for people, likewise.
    """

    command: str
    reason: str
    shown: Mapping[str, Any]
    drawn: str
    folder: Path | None


def read(environment: Mapping[str, str]) -> Run:
    """Return what the earlier steps left, whatever became of them."""
    folder = Path(environment["TOKENCTL_FOLDER"]) if environment.get("TOKENCTL_FOLDER") else None
    shown = _path(folder, SHOWN)
    drawn = _path(folder, f"{KEPT}/plan.md")
    return Run(
        command=environment.get("INPUT_COMMAND", ""),
        reason=_reason(folder, environment),
        shown=json.loads(Path(shown).read_text("ascii")) if shown else {},
        drawn=Path(drawn).read_text("utf-8") if drawn else "",
        folder=folder,
    )


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
        "reviewed": run.shown.get("review", {}).get("verdict", "unknown"),
        "reason": run.reason,
        "plan": _path(kept, "plan.json"),
        "markdown": _path(kept, "plan.md"),
        "journal": _path(kept, "journal"),
        "folder": str(kept) if kept else "",
    }


def markdown(run: Run) -> str:
    """Return what people are to read of a run: what tokenctl drew, if anything, and what became of an apply."""
    if run.command == "apply" and run.drawn:
        return f"{run.drawn}\n### Apply: {run.reason}\n\n{_sentence(run)}\n"
    return run.drawn or f"### tokenctl: {run.reason}\n\n{_sentence(run)}\n"


def brief(run: Run) -> str:
    """Return what became of a run in a few words, for where there is no room."""
    digest = f" Digest `{run.shown['digest']}`" if run.shown.get("digest") else ""
    return f"### tokenctl {run.command}: {run.reason}\n\n{_sentence(run)}{digest}\n"


def keep(run: Run, text: str) -> None:
    """Keep the Markdown of a run that drew nothing: a comment must not go on showing an older plan."""
    if run.folder and not run.drawn:
        kept = run.folder / KEPT
        kept.mkdir(exist_ok=True)
        (kept / "plan.md").write_text(text, "utf-8")


def _sentence(run: Run) -> str:
    if run.command == "apply":
        sent = bool(_path(run.folder, f"{KEPT}/journal"))  # it is begun before anything is
        if run.reason == "interrupted" and not sent:
            return _NOTHING_SENT
        return _APPLIED.get(run.reason, _UNKNOWN if sent else _NOT_APPLIED)
    return "The artifact has it." if run.drawn else _NOTHING_DRAWN


def _path(folder: Path | None, name: str) -> str:
    found = folder / name if folder else None
    return str(found) if found and found.exists() else ""
