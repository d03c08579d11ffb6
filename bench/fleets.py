"""Runs over many servers: one process beside many, servers that are slow or dead, files, memory and documents."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import trustme

from bench import worlds
from bench.timing import PYTHON, TOKENCTL, Bounds, Command, compare, once
from reconciler.core.fleet import Fleet, Planned
from reconciler.render import fleet as drawn
from reconciler.render import fleet_markdown
from reconciler.render.metrics import Sample, openmetrics

_DECLARED = 3  # tokens of a server
_RUNS = 3  # of what takes many seconds
_SINGLE = 20  # single plans, which stand for five times as many
_LIMIT_S = 60
_MEMORY_MIB = 200


def rows(folder: Path) -> dict[str, Callable[[], bool]]:
    """Each comparison by its name; it prints what it found, and gives whether the bounds were kept."""
    return {
        "fleet-plan": partial(_beside_single_plans, folder),
        "fleet-slow": partial(_slow, folder),
        "fleet-dead": partial(_dead, folder),
        "fleet-files": partial(_files, folder),
        "fleet-base": partial(_base, folder),
        "fleet-memory": partial(_memory, folder),
        "fleet-documents": _documents,
    }


def _names(number: int) -> list[str]:
    return [f"edge-{each:04}" for each in range(number)]


def _token(name: str) -> str:
    """A token as InfluxDB makes them."""
    return base64.b64encode(hashlib.sha512(name.encode()).digest()).decode()


def _fleet(folder: Path, name: str, servers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Write a manifest and a profile for each server, by its URL; gives the folder and the environment."""
    made = folder / name
    made.mkdir(exist_ok=True)
    (text,) = worlds.manifest(folder, _DECLARED)
    content = Path(text).read_text()
    for each in servers:
        (made / f"{each}.yaml").write_text(content)
    profiles = folder / f"{name}-profiles"
    profiles.write_text(
        "".join(f'["{each}"]\nurl = "{url}"\ntoken = "{_token(each)}"\n' for each, url in servers.items())
    )
    return str(made), {"INFLUX_CONFIGS_PATH": str(profiles), "NO_PROXY": "*"}


@contextmanager
def _serving(wait_ms: int = 0, *pem: str) -> Iterator[str]:
    """A URL below which any path is a server."""
    command = [PYTHON, "-m", "bench.fleet_server", str(wait_ms), *pem]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip() if process.stdout else ""
        process.terminate()


def _at(url: str, names: Sequence[str]) -> dict[str, str]:
    return {each: f"{url}/{each}" for each in names}


def _ends_with(code: int, command: str, *arguments: str) -> Command:
    """A command line that has to end with this code."""
    return ["sh", "-c", f'"$0" "$@"; test $? = {code}', command, *arguments]


def _beside_single_plans(folder: Path) -> bool:
    with _serving() as url:
        servers, environment = _fleet(folder, "hundred", _at(url, _names(100)))
        each = ["xargs", "-P", "8", "-I", "{}", TOKENCTL, "plan", f"{servers}/{{}}.yaml", "--profile", "{}"]
        single = ["sh", "-c", 'printf "%s\\n" $0 | "$@"', " ".join(_names(_SINGLE)), *each]
        title = f"plan of 100 servers; {_SINGLE} single plans by xargs -P 8: a fifth, and the bound is for all 100"
        bounds = Bounds(wall=0.1 * 100 / _SINGLE)
        return compare(title, [TOKENCTL, "plan", "--fleet", servers], single, bounds, environment, runs=_RUNS)


def _slow(folder: Path) -> bool:
    with _serving(100) as url:
        servers, environment = _fleet(folder, "slow", _at(url, _names(100)))
        # With one URL for all they are read one after another, and claim the same token.
        _, in_turn = _fleet(folder, "turn", dict.fromkeys(_names(100), url))
        plan = [TOKENCTL, "plan", "--fleet", servers]
        alone = ["env", *(f"{name}={value}" for name, value in in_turn.items()), *plan]
        title = "plan of 100 servers, 100 ms an answer; the same servers one after another"
        return compare(title, plan, _ends_with(65, *alone), Bounds(wall=1 / 8), environment, runs=1)


def _dead(folder: Path) -> bool:
    with _serving() as url:
        servers = _at(url, _names(100))
        whole, environment = _fleet(folder, "living", servers)
        well = once([TOKENCTL, "plan", "--fleet", whole], environment)
        whole, environment = _fleet(folder, "dying", {**servers, "edge-0050": f"{url}/silent"})
        ill = once(_ends_with(7, TOKENCTL, "plan", "--fleet", whole), environment)
    ratio = ill.wall_ms / (well.wall_ms + _LIMIT_S * 1000)
    print(
        f"plan of 100 servers, 1 of them silent: {ill.wall_ms / 1000:.1f} s, without it {well.wall_ms / 1000:.1f} s, "
        f"ratio {ratio:.2f} of at most 1.1 to that and {_LIMIT_S} s"
    )
    return ratio <= 1.1


def _unasked(folder: Path) -> tuple[str, dict[str, str]]:
    """A fleet of which no server is asked: a token would be shown to everybody on the way."""
    return _fleet(folder, "thousand", {each: f"http://{each}.example" for each in _names(1_000)})


def _files(folder: Path) -> bool:
    servers, environment = _unasked(folder)
    one = folder / "one"
    one.mkdir(exist_ok=True)
    worlds.manifest(one, 1_000 * _DECLARED, files=1_000)
    title = "1,000 files and profiles, read by plan --fleet; validate of as many files as one manifest"
    command = _ends_with(64, TOKENCTL, "plan", "--fleet", servers)
    return compare(title, command, [TOKENCTL, "validate", str(one)], Bounds(wall=3), environment)


def _base(folder: Path) -> bool:
    servers, environment = _unasked(folder)
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for each in (["init", "-q"], ["add", servers], ["commit", "-qm", "The fleet"]):
        subprocess.run([*git, *each], check=True)
    command = _ends_with(64, TOKENCTL, "plan", "--fleet", servers, "--base", "HEAD")
    without = _ends_with(64, TOKENCTL, "plan", "--fleet", servers)
    return compare("1,000 files with --base; without", command, without, Bounds(wall=5), environment, runs=_RUNS)


def _memory(folder: Path) -> bool:
    authority, pem = folder / "authority.pem", folder / "server.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(authority)
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    found = {}
    with _serving(0, str(pem)) as url:
        for number in (10, 1_000):
            servers, environment = _fleet(folder, f"tls-{number}", _at(url, _names(number)))
            found[number] = once([TOKENCTL, "plan", "--fleet", servers, "--ca-file", str(authority)], environment)
    ten, thousand = found[10], found[1_000]
    ratio = thousand.peak_mib / ten.peak_mib
    print(
        f"plan of 1,000 servers over TLS: {thousand.wall_ms / 1000:.1f} s, CPU {thousand.cpu_ms / 1000:.1f} s, "
        f"peak {thousand.peak_mib:.0f} MiB of at most {_MEMORY_MIB}, ratio {ratio:.2f} of at most 2 to 10 servers"
    )
    return ratio <= 2 and thousand.peak_mib <= _MEMORY_MIB


def _documents() -> bool:
    plan = worlds.made_plan(_DECLARED)
    members = tuple(
        Planned(name=name, plan=plan._replace(server=plan.server._replace(url=f"https://{name}.example")))
        for name in _names(1_000)
    )
    fleet, now = Fleet(members=members), datetime.now(UTC)
    samples = [Sample(each.name, each.code, each.took_s, each.plan) for each in members]

    def all_three() -> None:
        drawn.json(fleet)
        fleet_markdown.plan(fleet)
        openmetrics(samples, now)

    best = [min(_took(draw) for _ in range(_RUNS)) for draw in (all_three, lambda: drawn.json(fleet))]
    print(
        f"1,000 plans into JSON, Markdown and metrics: {best[0] * 1000:.0f} ms, "
        f"ratio {best[0] / best[1]:.2f} of at most 3 to JSON alone"
    )
    return best[0] / best[1] <= 3


def _took(draw: Callable[[], object]) -> float:
    started = time.perf_counter()
    draw()
    return time.perf_counter() - started
