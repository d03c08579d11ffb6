"""A fleet of sandboxes, each with a secret and a profile of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.sandbox.faults import Fault
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from tests.shell import OPERATOR, Program, secret, ticking

NAMES = ("hamburg", "lyon", "us-cloud")


def seed_of(name: str) -> Seed:
    """The world with secrets that no other server has."""
    seed = default_seed()
    tokens = [
        replace(each, secret=f"{name}-{number:03}-".ljust(86, "x").replace("x", "xY7q")[:85] + "A==")
        for number, each in enumerate(seed.tokens)
    ]
    return replace(seed, tokens=tuple(tokens))


@dataclass
class Fleet(Program):
    """A place to run commands from, with sandboxes by name."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict)

    def secret(self, name: str) -> str:
        """The token of the profile for that server."""
        return secret(OPERATOR, seed_of(name))

    def profiles(self, tables: Mapping[str, Mapping[str, str]] | None = None, name: str = "profiles") -> str:
        """Write the file of profiles: by default one for each server."""
        found = tables or {each: {"url": box.url, "token": self.secret(each)} for each, box in self.sandboxes.items()}
        text = "".join(
            f'["{each}"]\n' + "".join(f'{key} = "{value}"\n' for key, value in table.items())
            for each, table in found.items()
        )
        return self.write(text, name)

    def plain(self, output: str) -> str:
        """The output without what differs from run to run."""
        for name, box in self.sandboxes.items():
            output = output.replace(box.url, f"http://{name}")
        return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", output.replace(str(self.folder), "DIR"))


@contextmanager
def fleet_on(
    folder: Path, names: Sequence[str] = NAMES, faults: Mapping[str, Sequence[Fault]] | None = None
) -> Iterator[Fleet]:
    """A fleet with a server and a profile for each of these names."""
    with ExitStack() as stack:
        boxes = {
            name: stack.enter_context(
                Sandbox.start(
                    seed=seed_of(name), profile=profile("2.7.12"), now=ticking(), faults=(faults or {}).get(name, ())
                )
            )
            for name in names
        }
        made = Fleet(folder, {"XDG_STATE_HOME": str(folder / "state")}, here=True, sandboxes=boxes)
        made.environment["INFLUX_CONFIGS_PATH"] = made.profiles()
        yield made
