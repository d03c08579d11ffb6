"""A Python that stands for `python -I FOLDER VERB`: a process forks for it where everything is imported.

Steps of a workflow start it as they start the real one, in their folder and with their environment; that takes a tenth
of the time.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import runpy
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import reconciler
from tests.shell import unmeasured

ROOT = Path(__file__).parent.parent.parent
STANDS_FOR_IT = """#!/bin/sh
own="{folder}/$$"
env -0 > "$own.env"
mkfifo "$own.ended"
printf '%s\\t%s\\t%s\\t%s\\n' "$own" "$PWD" "$2" "$3" > "{folder}/wanted"
read -r code < "$own.ended"
cat "$own.log"
rm "$own".*
exit "$code"
"""


@contextmanager
def forked_python(folder: Path) -> Iterator[str]:
    """The path of that Python for the time of the block; it needs an empty folder."""
    path = folder / "python"
    path.write_text(STANDS_FOR_IT.format(folder=folder))
    path.chmod(0o755)
    os.mkfifo(folder / "wanted")
    with subprocess.Popen([sys.executable, "-m", "tests.action.forked", folder], cwd=ROOT, env=unmeasured()) as process:
        try:
            yield str(path)
        finally:
            process.kill()


def _become(python: str, own: str, workspace: str, folder: str, verb: str) -> None:
    """Be what the step started; both streams go into one file."""
    log = os.open(f"{own}.log", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(workspace)
    os.environ.clear()
    for each in Path(f"{own}.env").read_text().split("\0")[:-1]:
        name, _, os.environ[name] = each.partition("=")
    sys.executable, sys.argv = python, [folder, verb]
    code: object = 1
    try:
        runpy.run_path(folder, run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    except Exception:  # noqa: BLE001  # shown as Python would
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(int(str(code or 0)))


def main(folder: Path) -> None:
    """Fork for each line that comes, until somebody kills this."""
    for each in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not each.name.endswith("__main__"):
            import_module(each.name)
    gc.freeze()
    with os.fdopen(os.open(folder / "wanted", os.O_RDWR)) as wanted:  # also for writing, so that it never ends
        for line in wanted:
            own, *step = line.rstrip("\n").split("\t")
            if not (child := os.fork()):
                _become(str(folder / "python"), own, *step)
            _, status = os.waitpid(child, 0)
            Path(f"{own}.ended").write_text(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
