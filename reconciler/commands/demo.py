"""`tokenctl demo`: adopts, changes, plans, is refused, applies and undoes, on a sandbox with a small world."""

from __future__ import annotations

import shlex
import sys
from contextlib import chdir
from io import BytesIO, StringIO
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import NamedTuple

import reconciler
from reconciler.errors import ExitCode
from reconciler.render.escape import terminal
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import default_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.context import Context

EXAMPLE = Path(reconciler.__file__).parent / "examples" / "tokens.yaml"

_EDITED = "description: ingest of hall 1 to 4"
_AGREE = "Only `yes` does it: "
_LAPTOP, _INGEST, _GRAFANA, _BACKUP = "0d097beb91c06000", "0d234d71cc806000", "0d234e88da406000", "0d2cfd5618006000"


class Step(NamedTuple):
    """A command line, why it is run, how it has to end, and which lines of its output are left out: see `shortened`."""

    line: str
    why: str = ""
    code: ExitCode = ExitCode.OK
    cuts: tuple[tuple[str, str], ...] = ()


STEPS = (
    Step("export adopted.yaml", "1. Adopt: write down what the server has, as it is."),
    Step(
        'set ingest --description "ingest of hall 1 to 4" tokens.yaml',
        "2. Change: edit the file. Seven changes are in tokens.yaml; this is the eighth.",
    ),
    Step(
        "plan -o plan.json tokens.yaml",
        "3. Plan: see what would be sent and what it means, and let others review it.",
        cuts=((_GRAFANA, _LAPTOP), (_BACKUP, "Plan: ")),
    ),
    Step(
        "set 0d08544b51006000 --add --status inactive mistake.yaml",
        "4. Guards: a plan that does harm is refused. This one would lock you out.",
        cuts=(("", "mistake.yaml: 1 "),),
    ),
    Step("plan mistake.yaml", code=ExitCode.REFUSED),
    Step(
        "apply plan.json",
        "5. Apply: agree to what was reviewed. It is sent, read back and written down.",
        cuts=(("", _AGREE), (_GRAFANA, "Apply: ")),
    ),
    Step("plan tokens.yaml"),
    Step(
        "undo --apply",
        "6. Undo: restore what that run changed.",
        cuts=(("", _AGREE), (_INGEST, "Apply: ")),
    ),
    Step("plan adopted.yaml"),
)
_NEXT = """
Your own server next: https://github.com/tokenctl/tokenctl/blob/main/docs/adopt.md
To play with the same tokens, run `{program} sandbox`.
All that a file can say is in {example}
"""


def run(context: Context) -> ExitCode:
    """Run the steps and show their output; return OK, or the code of the first that did not end as it should."""
    seed = default_seed()
    with (
        TemporaryDirectory(prefix="tokenctl-demo-") as folder,
        chdir(folder),
        Sandbox.start(seed=seed, listen=("127.0.0.1", 0), data=None, profile=profile("2.7.12", hashed=None)) as sandbox,
    ):
        Path("tokens.yaml").write_text(EXAMPLE.read_text("utf-8").replace(_EDITED, "description: ingest"), "utf-8")
        surroundings = {"INFLUX_HOST": sandbox.url, "INFLUX_TOKEN": seed.tokens[0].secret, "XDG_STATE_HOME": folder}
        context.streams.show(f"A sandbox with {len(seed.tokens)} tokens answers at {sandbox.url}.\n")
        for step in STEPS:
            why = [step.why] if step.why else []
            context.streams.show("\n".join(("", *why, f"$ tokenctl {step.line}", "")))
            code = _run(step, context._replace(environment=surroundings))
            if code != step.code:
                context.streams.warn(f"the demo ends here: this was to end with {step.code:d}, not with {code:d}")
                return ExitCode(code or ExitCode.ERROR)
    program = "tokenctl" if which("tokenctl", path=context.environment.get("PATH", "")) else sys.argv[0]
    context.streams.show(_NEXT.format(program=terminal(program), example=EXAMPLE))
    return ExitCode.OK


def _run(step: Step, context: Context) -> int:
    """Run a step as somebody would who agrees to what is asked, show its output, and return its exit code."""
    screen, streams = StringIO(), context.streams
    inside = streams._replace(
        stdin=BytesIO(b"yes\n"), stdout=screen, stderr=streams.stderr if streams.debug else screen, display=None,
        interactive=True, quiet=False, terse=False, token=context.environment["INFLUX_TOKEN"],
    )  # fmt: skip
    debug = ["--debug"] if streams.debug else []
    code = context.command_line([*shlex.split(step.line), *debug], context._replace(streams=inside))
    output = screen.getvalue().replace(_AGREE, f"{_AGREE}yes\n")
    for since, until in step.cuts:
        output = shortened(output, since, until)
    streams.show(output)
    return code


def shortened(output: str, since: str, until: str) -> str:
    """Return the output with a count in place of the lines from the first with `since` to before that with `until`.

    Where there are no such lines, such as in the output of a step that failed, it is returned as it is.
    """
    lines = output.splitlines(keepends=True)
    first, last = (next((n for n, line in enumerate(lines) if text in line), 0) for text in (since, until))
    if first >= last:
        return output
    return "".join((*lines[:first], f"  … {last - first} lines left out\n", *lines[last:]))
