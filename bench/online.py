"""Plans and applies of whole commands against a server, beside bare clients that do as little as can be done."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from bench import worlds
from bench.bare import AUTHORIZATIONS, send_all
from bench.servers import REAL, Server, Servers, listing
from bench.timing import PYTHON, TOKENCTL, Bounds, Command, compare, grows

_MEMORY_MIB = 64
_LIST = [PYTHON, "-m", "bench.bare", "list"]


@dataclass
class Online:
    """The comparisons on a server; descriptions are `text N`, another one each time that something is to be changed."""

    folder: Path
    servers: Servers
    _numbers: count[int] = field(default_factory=count)

    def rows(self) -> dict[str, Callable[[], bool]]:
        """Each by its name, those with fewer live tokens first: a real server only grows."""
        return {
            "plan-1000": partial(self._plan, 1_000, 1_000, 2.5),
            "apply-100-of-1000": self._apply_as_often_as_curl,
            "apply-1000": self._apply_as_eight_threads,
            # A list of the sandbox costs less than one of a real server, beside what tokenctl itself takes.
            "plan-10-of-10000": partial(self._plan, 10, 10_000, 0.35 if REAL else None),
            "plan-10000": partial(self._plan, 10_000, 10_000, 1.35),
            "apply-100-of-10000": partial(self._apply_beside_list, 100, 10_000, 0.6 if REAL else None),
            "plan-deactivation": partial(self._plan, 10, 10_000, None, status="inactive"),
            "export-10000": self._export_beside_list,
            "plan-linear": self._linear,
        }

    def _plan(self, declared: int, live: int, most: float | None, status: str = "active") -> bool:
        server = self.servers.having(live)
        text = self._text()
        if status == "active":
            self._describe(server, declared, text)
        file = worlds.declare(self.folder, server.ids[:declared], text, status)
        command = (
            [TOKENCTL, "plan", file, "--allow", "max_deactivations"]
            if status == "inactive"
            else [TOKENCTL, "plan", file]
        )
        what = "no change" if status == "active" else f"all {declared:,} to deactivate"
        title = f"plan, {declared:,} declared, {live:,} live, {what}; one list and decode by http.client"
        return self._compare(title, command, _LIST, server, wall=most)

    def _apply_beside_list(self, changes: int, live: int, most: float | None) -> bool:
        server = self.servers.having(live)
        title = f"apply, {changes:,} changes, {live:,} live; one list and decode by http.client"
        return self._compare(title, self._apply(server, changes), _LIST, server, wall=most)

    def _export_beside_list(self) -> bool:
        server = self.servers.having(10_000)
        title = "export, 10,000 live; list --format json of them"
        return self._compare(title, [TOKENCTL, "export"], [TOKENCTL, "list", "--format", "json"], server, wall=1.5)

    def _apply_as_often_as_curl(self) -> bool:
        server = self.servers.having(1_000)

        def curl() -> Sequence[str]:
            """Send each change by a process of its own."""
            body = f'{{"description": "{self._text()}"}}'
            options = (
                '-sSf -o /dev/null -X PATCH -H "Authorization: Token $INFLUX_TOKEN" -H "Content-type: application/json"'
            )
            urls = [f'"$INFLUX_HOST{AUTHORIZATIONS}/{each}"' for each in server.ids[:100]]
            return ["/bin/sh", "-ec", "\n".join(f"curl {options} -d {shlex.quote(body)} {url}" for url in urls)]

        title = "apply, 100 changes, 1,000 live; 100 PATCHes by curl, one process after the other"
        return self._compare(title, self._apply(server, 100), curl, server, wall=0.5)

    def _apply_as_eight_threads(self) -> bool:
        server = self.servers.having(1_000)
        title = "apply, 1,000 changes, 1,000 live, with journal and read-back; 8 threads of http.client"
        return self._compare(title, self._apply(server, 1_000), self._bare(server, 1_000), server, wall=1.6, cpu=4)

    def _compare(
        self,
        title: str,
        command: Command,
        yardstick: Command,
        server: Server,
        *,
        wall: float | None,
        cpu: float | None = None,
    ) -> bool:
        bounds = Bounds(wall=wall, cpu=cpu, peak_mib=_MEMORY_MIB)
        return compare(title, command, yardstick, bounds, server.environment)

    def _apply(self, server: Server, changes: int) -> Command:
        """An apply that gives so many tokens another description, each time that it runs."""

        def command() -> Sequence[str]:
            """Write the file for the next one."""
            file = worlds.declare(self.folder, server.ids[:changes], self._text())
            return [TOKENCTL, "apply", file, "--yes", "--journal", str(self.folder / "journals")]

        return command

    def _bare(self, server: Server, changes: int) -> Command:
        ids = self.folder / f"ids-{changes}"
        ids.write_text("\n".join(server.ids[:changes]))
        return lambda: [PYTHON, "-m", "bench.bare", "describe", str(ids), self._text()]

    def _describe(self, server: Server, size: int, text: str) -> None:
        """Give so many tokens this description."""
        bodies = [("PATCH", f"{AUTHORIZATIONS}/{each}", {"description": text}) for each in server.ids[:size]]
        send_all(server.url, server.secret, bodies)

    def _text(self) -> str:
        return f"text {next(self._numbers)}"

    def _linear(self) -> bool:
        for tokens, changed, files in ((1_000, 10, 1), (10_000, 100, 1), (100_000, 1_000, 10)):
            body = self.folder / f"list-{tokens}.json"
            body.write_bytes(worlds.answer(tokens, changed))
            paths = worlds.manifest(self.folder, tokens, files)
            with listing(body) as environment:
                grows(f"plan with {changed:>5,} changes", [TOKENCTL, "plan", *paths], tokens, environment)
        return True
