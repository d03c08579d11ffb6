"""Two servers of a fleet, one of which lies: no secret gets out or to the other one, and that one has what was declared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import quote

import pytest

from reconciler.errors import ExitCode
from reconciler.render.formats import TokensFormat
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.fleet_outputs import FORMATS
from tests.canary import CALLER, LISTED, PASSWORD, found, world
from tests.fleet import Fleet
from tests.influx.raw_server import RawServer
from tests.liar import Exchange, liar
from tests.lies import LIES
from tests.scenarios.test_exit_codes import ENDS
from tests.scenarios.test_origin import LEADS
from tests.shell import GRAFANA, OPERATOR, Done, group, texts, ticking

pytestmark = pytest.mark.no_cover

HONEST = "tHe-secret/of=the%honest&server"
SECRETS = (CALLER, PASSWORD, HONEST, *LISTED)
OUTPUTS = " ".join(f"--output {form}=out/plan.{form}" for form in FORMATS)
LINES = {
    "validate": [f"validate --fleet servers --server * {OUTPUTS.replace('openmetrics', 'json')}"],
    "list": [f"list --fleet servers --format {form}" for form in TokensFormat],
    "doctor": ["doctor --fleet servers", "doctor --fleet servers --format json"],
    "plan": [f"plan --fleet servers --shard 1/1 -o out/fleet.json {OUTPUTS}"],
    "show": ["show fleet.json --server l* -o out/fleet.json", "show fleet.json --server lyon --format html"],
    "apply": ["apply fleet.json --yes", "apply --fleet servers --yes --lock", "apply --fleet servers --yes --format json"],
    "undo": ["undo JOURNALS --allow moved -o out/fleet.json", "undo JOURNALS --apply --yes --allow moved"],
}  # fmt: skip
ASKING = ("list", "doctor", "plan", "apply", "undo")


class Pair(Fleet):
    """An honest server and one that answers as `lie` says."""

    lie: Callable[[Exchange], bytes | None]
    lying: RawServer


def honest_world() -> Seed:
    """The usual world with another operator's secret."""
    made = default_seed()
    return replace(
        made, tokens=tuple(replace(each, secret=HONEST) if each.id == OPERATOR else each for each in made.tokens)
    )


def lying_world() -> Seed:
    """The world of secrets, in which the other server's is told, too."""
    made = world()
    return replace(
        made, tokens=tuple(replace(each, description=f"{each.description} {HONEST}") for each in made.tokens)
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    environment = {
        "XDG_STATE_HOME": str(folder / "state"),
        "HTTPS_PROXY": f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:1",  # loopback is reached without it
    }
    with ExitStack() as stack:
        honest, other = (
            stack.enter_context(Sandbox.start(seed=each, profile=profile("2.7.12"), now=ticking()))
            for each in (honest_world(), lying_world())
        )
        made = Pair(folder, environment, here=True, sandboxes={"hamburg": honest, "lyon": other})

        def lie(exchange: Exchange) -> list[bytes] | None:
            said = made.lie(exchange)
            return None if said is None else [said]

        made.lie = lambda _: None
        with liar(other.url, lie) as made.lying:
            tables = {"hamburg": (honest.url, HONEST), "lyon": (made.lying.url, CALLER)}
            (folder / "profiles").write_text(
                "".join(f"[{name}]\nurl = {json.dumps(url)}\ntoken = {json.dumps(token)}\n" for name, (url, token) in tables.items())
            )  # fmt: skip
            made.environment["INFLUX_CONFIGS_PATH"] = str(folder / "profiles")
            for name in tables:
                made.declare(f'id: "{GRAFANA}", description: dashboard', name=f"servers/{name}.yaml")
            reset(made, "by hand")
            for line in ("plan --fleet servers -o fleet.json", "apply --fleet servers --yes"):
                assert run(made, line).code == ExitCode.OK
            (folder / "state" / "tokenctl").rename(folder / "journals")
            yield made


def reset(pair: Pair, description: str) -> None:
    """Let both servers have that description, and leave nothing of a run before."""
    for name in ("state", "out"):
        shutil.rmtree(pair.folder / name, ignore_errors=True)
    (pair.folder / "out").mkdir()
    for box in pair.sandboxes.values():
        box.change(GRAFANA, description=description)


def run(pair: Pair, line: str) -> Done:
    """Run a line, which ends with a code that its command can mean, and with no mistake."""
    journals = " ".join(f"journals/{each.name}" for each in sorted((pair.folder / "journals").glob("*")))
    done = pair.cli(*line.replace("JOURNALS", journals).split(), "--debug", environment={})
    assert "a mistake in tokenctl" not in done.err
    assert done.code in ENDS[line.split(maxsplit=1)[0]]
    return done


def told(pair: Pair, line: str, lie: Callable[[Exchange], bytes | None]) -> Done:
    """What a line says while one server lies; holds what has to be true whatever that says."""
    values = ("dashboard", "by hand") if line.startswith("undo") else ("by hand", "dashboard")
    reset(pair, values[0])
    honest, before = pair.sandboxes["hamburg"], len(pair.lying.requests)
    seen = len(honest.requests)
    pair.lie = lie
    try:
        done = run(pair, line)
    finally:
        pair.lie = lambda _: None
    files = [*texts(pair.folder / "out"), *texts(pair.folder / "state")]
    assert found([done.out, done.err, *files], SECRETS) == set()
    asked = pair.lying.requests[before:]
    assert all(b"\r\nAuthorization: Token " + CALLER.encode() in each and HONEST.encode() not in each for each in asked)
    assert 401 not in [each.status for each in honest.requests[seen:]]
    patched = [each.method for each in honest.requests[seen:]].count("PATCH")
    stored = next(each.description for each in honest.tokens if each.id == GRAFANA)
    assert (patched, stored) in enumerate(values)
    sends = line.startswith("apply") or "--apply" in line
    assert sends or patched + sum(each.startswith(b"PATCH ") for each in asked) == 0
    return done


def test_every_command_for_many_servers_is_run_here() -> None:
    having = {
        name
        for name, each in group().commands.items()
        if {"--fleet", "--server"} & {one for each in each.params for one in each.opts}
    }
    assert {*LINES} == {*having, "undo"}  # which knows a fleet by its journals
    assert {*ASKING} == {*LINES} - {"validate", "show"}


@pytest.mark.parametrize("line", [line for lines in LINES.values() for line in lines])
def test_two_servers_whose_texts_are_secrets(pair: Pair, line: str) -> None:
    told(pair, line, lambda _: None)


@pytest.mark.parametrize("line", [LINES["plan"][0], LINES["apply"][-1]])
def test_a_description_with_the_secret_of_the_other_server_is_in_no_plan(pair: Pair, line: str) -> None:
    done = told(pair, line, lambda exchange: exchange.answer(body=exchange.body.replace(b"by hand", HONEST.encode())))
    assert done.code == ExitCode.INVALID
    assert "a text of http://" in done.out


Lie = Callable[[Exchange, str], bytes]


def alone(lie: Callable[[Exchange], bytes]) -> Lie:
    """A lie that has no need of the other server's URL."""
    return lambda exchange, _: lie(exchange)


SAID: dict[str, Lie] = {
    **{name: alone(lie) for name, lie in LIES.items()},
    **{f"{name} to the honest one": lead for name, lead in LEADS.items()},
}


TELLING = ("401", "a page", "no HTTP", "every text", "an id", "307 to the honest one", "links to the honest one")
"""Of those about a change: the others make no difference there that they do not make with one server."""


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        *((name, ASKING[number % len(ASKING)]) for number, name in enumerate(SAID)),
        *(pytest.param(name, "all", marks=pytest.mark.soak) for name in SAID),
    ],
)
def test_each_lie_of_one_of_two_servers(pair: Pair, name: str, commands: str) -> None:
    for command in ASKING if commands == "all" else (commands,):
        asked = len(pair.lying.requests)
        told(pair, LINES[command][-1], lambda exchange: SAID[name](exchange, pair.sandboxes["hamburg"].url))
        assert len(pair.lying.requests) > asked


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in TELLING else pytest.mark.soak) for name in SAID]
)
def test_each_lie_about_a_change_on_one_of_two_servers(pair: Pair, name: str) -> None:
    """The other one is right by then, as it is sent to first."""

    def lie(exchange: Exchange) -> bytes | None:
        return SAID[name](exchange, pair.sandboxes["hamburg"].url) if exchange.method == "PATCH" else None

    told(pair, LINES["apply"][-1], lie)
    assert [each.description for each in pair.sandboxes["hamburg"].tokens if each.id == GRAFANA] == ["dashboard"]
