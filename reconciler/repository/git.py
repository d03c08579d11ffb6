"""Arguments in, what `git` prints out: plumbing only, in an environment where nothing of a repository can run.

A repository's own configuration, which git always reads, may name programs for what is asked of it. Those that belong
to what is asked here are switched off, and no transport is allowed, so that git never fetches either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reconciler.errors import LocalError, Problem

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.warnAmbiguousRefs=true",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# What git needs of the user: where it is, and the configuration that says whose repositories are trusted. Nothing else
# of the environment reaches it: no credentials, and none of the variables that point git at another repository.
_KEPT = ("PATH", "XDG_CONFIG_HOME", "SUDO_UID")


@dataclass(frozen=True, slots=True)
class Said:
    """How a run of git ended: its exit code and its two streams."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Git:
    """The `git` program in the folder `top`; `environment` and `home` are those of the user."""

    top: Path
    environment: Mapping[str, str]
    home: Path
    patience_s: float = 60.0

    def ask(self, *arguments: str) -> Said:
        """Run git to its end. Raises LocalError when it cannot be run or does not end."""
        with self.running(*arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=self.patience_s)
            except subprocess.TimeoutExpired:
                message = f"`git {arguments[0]}` did not end in {self.patience_s:g} s"
                raise LocalError(Problem(message, "see what git waits for in this repository")) from None
        return Said(process.returncode, os.fsdecode(out), os.fsdecode(err).strip())

    @contextmanager
    def running(
        self, *arguments: str, stdin: int = subprocess.PIPE, stderr: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git that runs for the time of the block, and is ended with it; its stdout is a pipe.

        Raises LocalError when there is none.
        """
        surroundings = self._surroundings()
        program = shutil.which("git", path=surroundings["PATH"])
        if program is None:
            raise LocalError(Problem("the program `git` is not in PATH", "--base needs it: install git"))
        try:
            process = subprocess.Popen(  # noqa: S603  # a list of arguments, and no shell
                [program, "--no-pager", *(word for each in _SETTINGS for word in ("-c", each)), *arguments],
                cwd=self.top,
                env=surroundings,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as error:
            hint = "look at the program, and at the limits on processes and memory (`ulimit -a`)"
            raise LocalError(Problem(f"`{program}` cannot be started: {str(error.strerror).lower()}", hint)) from error
        with process:
            try:
                yield process
            finally:
                process.kill()

    def _surroundings(self) -> dict[str, str]:
        kept = {name: self.environment[name] for name in _KEPT if name in self.environment}
        # A relative folder would be one of the checkout: whoever wrote it must not choose the program.
        folders = kept.get("PATH", os.defpath).split(os.pathsep)
        path = os.pathsep.join(each for each in folders if each.startswith("/"))
        return {**kept, "PATH": path, "HOME": str(self.home), **_ENVIRONMENT}


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream of a process that was started with a pipe for it."""
    assert stream is not None  # noqa: S101  # the type cannot say so
    return stream
