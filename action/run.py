"""What the inputs need is installed, tokenctl is run in this very process, and its exit code is left for the report.

The runner's signals go to the process that a step began with. The step's shell is replaced by this process (`exec`),
and tokenctl runs in it, so that an interrupted apply ends as tokenctl ends it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from action.runner import Inputs

LOCKED = Path(__file__).parent / "requirements.txt"

CODES, KEPT = {"plan": "plan.code", "apply": "apply.code"}, "kept"
"""Below the run's folder: the exit code of each step, and the folder of what is kept as an artifact."""

_UNREACHABLE = 7

SHOWN = "shown.json"
"""The plan with its review, which is not what a saved plan holds."""

_PIP = ["-I", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "install", "--only-binary=:all:"]


def install(inputs: Inputs, temporary: Path, run: Callable[[Sequence[str]], object]) -> dict[str, str]:
    """Make the run's folder, install into an environment in it, and give what later steps need.

    tokenctl itself is the source beside this folder, which runs as it is, with dependencies that are locked by their
    hashes; or else a release, with what its own metadata asks for. With `install: false` this interpreter is taken.
    """
    folder = Path(tempfile.mkdtemp(prefix="tokenctl-", dir=temporary))
    python = Path(sys.executable)
    if inputs.install:
        environment = folder / "environment"
        run([sys.executable, "-I", "-m", "venv", str(environment)])
        python = environment / "bin" / "python"
        wanted = [f"tokenctl=={inputs.version}"] if inputs.version else ["--require-hashes", "-r", str(LOCKED)]
        run([str(python), *_PIP, *wanted])
    return {"folder": str(folder), "python": str(python)}


def plan(inputs: Inputs, folder: Path, main: Callable[[], int]) -> int:
    """Validate or plan, as the inputs say; before an apply too, so that its outputs say what it was about.

    A fleet is applied without the servers that are not reached, whatever code its plan has for them.
    """
    if inputs.plan:
        arguments = ["show", *_shown(folder), *_saved(folder), "--", inputs.plan]
    elif inputs.command == "validate" or (inputs.fleet and inputs.offline):  # no fleet is compared without its servers
        arguments = ["validate", *_shown(folder), *_servers(inputs), "--", *inputs.files]
    else:
        arguments = [*_planning(inputs, folder), "--", *inputs.files]
    goes_on = inputs.command == "apply" and bool(inputs.fleet or inputs.plan)
    return _run("plan", arguments, folder, main, (_UNREACHABLE,) if goes_on else ())


def apply(inputs: Inputs, folder: Path, main: Callable[[], int]) -> int:
    """Apply, and write the journal into the folder that is kept."""
    expect = [f"--expect={inputs.expect}"] if inputs.expect else []
    arguments = ["apply", "--yes", *expect, *_common(inputs), f"--journal={folder / KEPT / 'journal'}"]
    saved = [inputs.plan] if inputs.plan else []
    return _run("apply", [*arguments, "--", *saved, *inputs.files], folder, main)


def _planning(inputs: Inputs, folder: Path) -> list[str]:
    arguments = ["plan", *_shown(folder), *_common(inputs)]
    if inputs.offline:  # makes no plan that could be saved or reviewed
        return [*arguments, "--offline"]
    # The report holds the digest of a fleet against the reviewed one.
    arguments += [f"--reviewed={inputs.reviewed}"] if inputs.reviewed and not inputs.fleet else []
    return [*arguments, *_saved(folder)]


def _saved(folder: Path) -> list[str]:
    kept = folder / KEPT
    return [f"--out={kept / 'plan.json'}", f"--output=html={kept / 'plan.html'}", f"--output=json={folder / SHOWN}"]


def _servers(inputs: Inputs) -> list[str]:
    """The options that say which servers of a fleet are meant."""
    given = (("fleet", inputs.fleet), *(("server", each) for each in inputs.servers), ("shard", inputs.shard))
    return [f"--{name}={value}" for name, value in given if value]


def _common(inputs: Inputs) -> list[str]:
    """The options that a plan and the apply of it have in common."""
    given = (("base", inputs.base), ("client-cert", inputs.client_cert), ("client-key", inputs.client_key))
    options = [f"--{name}={value}" for name, value in given if value]
    return [*_servers(inputs), *options, *(f"--allow={guard}" for guard in inputs.allow)]


def _shown(folder: Path) -> list[str]:
    """The options for what people see: the log with annotations, and the Markdown of a comment and the summary."""
    return ["--output=text", "--output=github", f"--output=markdown={folder / KEPT / 'plan.md'}"]


def _run(step: str, arguments: list[str], folder: Path, main: Callable[[], int], passed: Collection[int] = ()) -> int:
    """Run tokenctl and return its exit code, 0 for one that is passed over."""
    code = folder / CODES[step]
    code.unlink(missing_ok=True)  # that of another attempt
    (folder / KEPT).mkdir(exist_ok=True)
    sys.argv = ["tokenctl", *arguments]
    result = main()
    result = 0 if result in passed else result
    code.write_text(str(result))
    return result
