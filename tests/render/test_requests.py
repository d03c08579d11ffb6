"""The script sends what `apply` would send, and gives nothing away."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.render import reports
from tests.render.dataset import PLANS


def test_the_script_sends_exactly_the_requests_and_shows_the_secret_to_nobody(tmp_path: Path) -> None:
    plan = PLANS["hostile"]
    plan = replace(plan, changes=tuple(change for change in plan.changes if "\ud800" not in repr(change)))
    script = reports.curl(plan)
    assert subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True).returncode == 0
    stub = tmp_path / "curl"
    stub.write_text(f"#!/bin/sh\nexec >> '{tmp_path}/seen'\nprintf '%s\\0' \"$@\"\nprintf '\\1'\ncat\nprintf '\\2'\n")
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "INFLUX_TOKEN": "FAKE-secret"}
    done = subprocess.run(
        ["/bin/sh"], input=script, text=True, env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    seen = [call.split("\0\1") for call in (tmp_path / "seen").read_text().split("\2")[:-1]]
    operations = [json.loads(line) for line in reports.ops(plan).splitlines()]
    assert [request(arguments.split("\0")) for arguments, _ in seen] == [
        ("PATCH", plan.server.url + each["path"], each["body"]) for each in operations
    ]
    assert {(given, "FAKE-secret" in arguments) for arguments, given in seen} == {
        ("Authorization: Token FAKE-secret\n", False)
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curl", "seen"]
    without = subprocess.run(
        ["/bin/sh"], input=script, text=True, env={"PATH": environment["PATH"]}, capture_output=True, check=False
    )
    assert without.returncode != 0


def request(arguments: list[str]) -> tuple[str, str, Any]:
    """Method, URL and body of a call of curl."""
    assert "Content-type: application/json" in arguments
    body = json.loads(arguments[arguments.index("--data-raw") + 1])
    return arguments[arguments.index("--request") + 1], arguments[-1], body
