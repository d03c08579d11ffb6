"""The wanted version in, an interpreter that has what tokenctl needs out: in a fresh place outside the workspace."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from action.inputs import Inputs

LOCKED = Path(__file__).parent / "requirements.txt"
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
