"""`tokenctl demo`: plan, apply and plan again, on a sandbox of its own with a small world."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import reconciler
from reconciler.commands import apply, plan
from reconciler.errors import ExitCode
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import default_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.context import Context
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags

_FILE, _PLAN = "tokens.yaml", "plan.json"


def run(context: Context) -> ExitCode:
    """Run the three commands and show their output; return ERROR when the last plan is not empty."""
    example = Path(reconciler.__file__).parent / "examples" / _FILE
    seed = default_seed()
    with (
        TemporaryDirectory(prefix="tokenctl-demo-") as folder,
        chdir(folder),
        Sandbox.start(seed=seed, listen=("127.0.0.1", 0), data=None, profile=profile("2.7.12", hashed=None)) as sandbox,
    ):
        shutil.copy(example, _FILE)
        secret = seed.tokens[0].secret
        surroundings = {"INFLUX_HOST": sandbox.url, "INFLUX_TOKEN": secret, "XDG_STATE_HOME": folder}
        inside = context._replace(environment=surroundings, streams=context.streams._replace(token=secret, terse=False))
        context.streams.show(
            f"A sandbox with {len(seed.tokens)} tokens answers at {sandbox.url}; {example} declares some.\n"
        )
        first = plan.PlanRequest(sources=Sources(files=[_FILE]), flags=Flags(), out=_PLAN)
        last = first._replace(out="", detailed_exitcode=True)  # in the end nothing may be left to do
        runs: dict[str, Callable[[Context], ExitCode]] = {
            f"plan -o {_PLAN} {_FILE}": partial(plan.run, first),
            f"apply --yes {_PLAN}": partial(apply.run, Sources(files=[_PLAN]), Flags(), SendingOptions(yes=True)),
            f"plan {_FILE}": partial(plan.run, last),
        }
        codes = []
        for line, command in runs.items():
            context.streams.show(f"\n$ tokenctl {line}\n")
            codes.append(command(inside))
    return ExitCode.ERROR if any(codes) else ExitCode.OK
