"""A real git repository with a working tree, the same on every machine: own identity, dates and configuration."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

EPOCH = 1_764_547_200  # 2025-12-01T00:00:00Z, before anything happens on a sandbox


@dataclass
class Checkout:
    """A repository in a folder; `day` counts the commits, of which there is one a day."""

    folder: Path
    day: int = 0

    @classmethod
    def init(cls, folder: Path) -> Checkout:
        """An empty repository whose branch is `main`."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        made.git("init", "--quiet", "--initial-branch=main", "--template=")
        return made

    def git(self, *arguments: str) -> str:
        """Run git in the folder and give what it prints."""
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (
                ("NAME", "Test"),
                ("EMAIL", "test@example.com"),
                ("DATE", f"{self.time(self.day)} +0000"),
            )
        }
        fixed = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env={**fixed, **identity}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, content: str) -> str:
        """Put a file into the working tree and give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return str(path)

    def commit(self) -> str:
        """Commit everything, a day after the last commit, and give the hash."""
        self.day += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"day {self.day}")
        return self.git("rev-parse", "HEAD")

    @staticmethod
    def time(day: int) -> int:
        """When that day's commit was made, in seconds since 1970."""
        return EPOCH + 86_400 * day
