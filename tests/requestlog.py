"""Lines of a request log for tests, as the sandbox writes them, and the logs that were recorded of real servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.core.live import TokenId
from reconciler.core.requestlog import Tally
from reconciler.core.usage import Evidence
from reconciler.sandbox.exchange import Answer, Request
from reconciler.sandbox.requestlog import line, request_line

LOGS = sorted((Path(__file__).parent / "logs").glob("influxd-*.log"))
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONE, OTHER, LEGACY = "0d3a5f0c1be4e000", "0d234e88da406000", "0d0c1be4e0000d3a"
FORGED = (
    f"ts=2026-11-27T16:00:00.000000Z lvl=debug msg=Request log_id=0 service=http method=GET host=h path=/api/v2/me query="
    f" proto=HTTP/1.1 status_code=200 response_size=1 content_length=0 referrer= remote=10.0.0.1:1 user_agent=x"
    f" authenticated_id={LEGACY} user_id={LEGACY} took=1ms body="
)
"""A whole line for a request of LEGACY, without a quote."""


def said(
    token: str = ONE, after_s: float = 0.0, path: str = "/api/v2/write", *, status: int = 204, agent: str = "Telegraf",
    remote: str = "10.0.0.1:5000", body: str = "", **headers: str,
) -> str:  # fmt: skip
    """The line for a request of that token so many seconds after noon."""
    request = Request(method="POST", target=path, headers={"user-agent": agent, **headers}, body=body.encode())
    answer = Answer(status, asked_by=(token, "0d3a5e9c41e4e000" if token else ""))
    return request_line(request, answer, remote, NOON + timedelta(seconds=after_s))


def started(after_s: float = 0.0, *, version: str = "v2.7.12", level: str = "debug") -> str:
    """The line of a server that starts."""
    now = NOON + timedelta(seconds=after_s)
    return line("Welcome to InfluxDB", "info", now, version=version, commit="0", log_level=level)


def tallied(*logs: str | bytes, ids: Sequence[str] = (ONE, OTHER, LEGACY), since_s: float | None = None) -> Tally:
    """What was counted in these logs."""
    tally = Tally(ids, since_s)
    for log in logs:
        tally.read([(log if isinstance(log, bytes) else log.encode()).split(b"\n")])
    return tally


def evidence(*logs: str | bytes, ids: Sequence[str] = (ONE, OTHER, LEGACY), since_s: float | None = None) -> Evidence:
    """The evidence of these logs, in which there are requests."""
    found = tallied(*logs, ids=ids, since_s=since_s).evidence
    assert found
    return found


def counts(*logs: str | bytes, since_s: float | None = None) -> tuple[int, int, int]:
    """How many requests of ONE, of OTHER and of LEGACY are in these logs."""
    found = tallied(*logs, since_s=since_s).evidence
    one, other, legacy = ((found.use(TokenId(each)) if found else None) for each in (ONE, OTHER, LEGACY))
    return one.requests if one else 0, other.requests if other else 0, legacy.requests if legacy else 0


@dataclass(frozen=True)
class Recorded:
    """The log of a real server, and what was asked of it."""

    path: Path
    said: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Recorded:
        """Read what was asked."""
        return cls(path, json.loads(path.with_suffix(".log.json").read_text()))

    @property
    def tokens(self) -> dict[str, str]:
        """The ids of the tokens by name."""
        return dict(self.said["tokens"])

    def requests(self, name: str) -> list[Sequence[Any]]:
        """The requests of a token that the server answered, each with the status that the client saw."""
        return [each for each in self.said["requests"] if each[0] == name and each[3] != "RemoteDisconnected"]


RECORDED = [Recorded.of(path) for path in LOGS]
