"""With a fleet, each secret goes to its own server and to no other, whatever is set, moved, renamed or added."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.fleet import NAMES, Fleet, fleet_on
from tests.liar import liar
from tests.shell import GRAFANA

DESCRIBE = f'id: "{GRAFANA}", description: dashboard'


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_on(tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture(autouse=True)
def _files(fleet: Fleet) -> None:
    for path in sorted((fleet.folder / "servers").glob("*"), reverse=True):
        path.unlink()
    for name in NAMES:
        fleet.declare(DESCRIBE, name=f"servers/{name}.yaml")
    fleet.profiles()


def strangers(fleet: Fleet) -> list[tuple[str, int]]:
    """The servers that were sent what is not their own token, with how often that was refused."""
    counted = [(name, [each.status for each in box.requests].count(401)) for name, box in fleet.sandboxes.items()]
    return [(name, number) for name, number in counted if number]


VARIABLES = {
    "INFLUX_TOKEN": "the secret of hamburg",
    "INFLUX_HOST": "http://127.0.0.1:9",
    "INFLUX_TOKEN_FILE": "profiles",
    "INFLUX_ORG": "acme",
    "INFLUX_ORG_ID": "5f2c9e1a77b0d3c4",
    "INFLUX_ACTIVE_CONFIG": "hamburg",
    "INFLUX_EXTRA_HTTP_HEADER": "X-Gate: secret-of-the-gate",
    "TOKENCTL_SELF_ID": "0d08544b51006000",
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_is_about_one_server_is_refused(fleet: Fleet, variable: str) -> None:
    before = sum(len(box.requests) for box in fleet.sandboxes.values())
    value = fleet.secret("hamburg") if variable == "INFLUX_TOKEN" else VARIABLES[variable]
    done = fleet.cli("plan", "--fleet", "servers", environment={variable: value})
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err == (
        f"{variable} cannot be used with --fleet: it is about one server\n"
        f"  hint: `unset {variable}`: each server has the URL and the token of its own influx CLI profile\n"
    )
    assert sum(len(box.requests) for box in fleet.sandboxes.values()) == before


@pytest.mark.parametrize("verb", ["list", "doctor"])
def test_every_verb_refuses_what_is_about_one_server(fleet: Fleet, verb: str) -> None:
    before = sum(len(box.requests) for box in fleet.sandboxes.values())
    given = {**VARIABLES, "INFLUX_TOKEN": fleet.secret("hamburg"), "INFLUX_HOST": fleet.sandboxes["lyon"].url}
    done = fleet.cli(verb, "--fleet", "servers", "--url", "http://127.0.0.1:9", environment=given)
    assert (done.code, done.out, done.err.count("cannot be used with --fleet")) == (ExitCode.USAGE, "", len(given) + 1)
    assert sum(len(box.requests) for box in fleet.sandboxes.values()) == before


@pytest.mark.parametrize(
    "option", ["--url=http://127.0.0.1:9", "--org=acme", "--token-file=profiles", "--profile=hamburg", "--self-id=1"]
)
def test_an_option_that_is_about_one_server_is_refused(fleet: Fleet, option: str) -> None:
    done = fleet.cli("plan", "--fleet", "servers", option, environment={})
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err.startswith(
        f"{option.partition('=')[0]} cannot be used with --fleet: it is about one server\n  hint: leave it out: "
    )


def test_each_server_gets_its_own_token_alone(fleet: Fleet) -> None:
    assert fleet.cli("plan", "--fleet", "servers", environment={}).code == ExitCode.OK
    assert strangers(fleet) == []


def test_a_token_that_is_a_word_keeps_no_file_from_being_read(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "dev": {"url": "http://localhost:1", "token": "dashboard"}})
    assert fleet.cli("plan", "--fleet", "servers", environment={}).code == ExitCode.OK


def test_a_profile_without_a_token_is_an_error_of_that_server_and_sends_none(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    del tables["lyon"]["token"]
    fleet.profiles(tables)
    asked = len(fleet.sandboxes["lyon"].requests)
    done = fleet.cli("plan", "--fleet", "servers", environment={})
    assert done.code == ExitCode.USAGE
    assert (
        "Not planned (usage): lyon: the influx CLI profile `lyon` has no token\n"
        "  hint: give it its own token: `influx config set`; no other token is used in its place\n"
    ) in done.out
    assert len(fleet.sandboxes["lyon"].requests) == asked
    assert strangers(fleet) == []


def test_a_renamed_moved_or_added_file_reaches_only_a_profile_of_its_name(fleet: Fleet) -> None:
    (fleet.folder / "servers/lyon.yaml").rename(fleet.folder / "servers/paris.yaml")
    done = fleet.cli("plan", "--fleet", "servers", environment={})
    assert done.code == ExitCode.USAGE
    assert "Not planned (usage): paris: the influx CLI has no profile `paris`\n" in done.out
    assert strangers(fleet) == []


def test_a_file_with_the_token_of_another_server_is_refused(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "token": "short-secret-of-lyon"}})
    fleet.write("version: 1\n# short-secret-of-lyon\ntokens: []\n", "servers/hamburg.yaml")
    done = fleet.cli("plan", "--fleet", "servers", environment={})
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert "short-secret-of-lyon" not in done.err
    assert "this is the token of the influx CLI profile `lyon`" in done.err


def test_a_fleets_plan_is_saved_and_shown_as_it_was_written(fleet: Fleet, tmp_path: Path) -> None:
    first, second = str(tmp_path / "one.json"), str(tmp_path / "two.json")
    assert fleet.cli("plan", "--fleet", "servers", "-o", first, environment={}).code == ExitCode.OK
    assert fleet.cli("show", first, "-o", second, environment={}).code == ExitCode.OK
    assert Path(first).read_bytes() == Path(second).read_bytes()
    for part in ("0", "1"):
        fleet.cli("plan", "--fleet", "servers", "--shard", f"{part}/2", "-o", f"{part}.json", environment={})
    assert fleet.cli("show", "0.json", "1.json", "-o", second, environment={}).code == ExitCode.OK
    lacking = fleet.cli("show", "0.json", "gone.json", environment={})
    assert (lacking.code, lacking.err) == (
        ExitCode.ERROR,
        "cannot read the plan gone.json: no such file or directory\n",
    )
    whole, merged = (json.loads(Path(each).read_bytes()) for each in (first, second))
    assert (merged["servers"], merged["digest"]) == (whole["servers"], whole["digest"])


def test_one_server_of_a_saved_fleet_is_a_plain_plan(fleet: Fleet) -> None:
    fleet.cli("plan", "--fleet", "servers", "-o", "fleet.json", environment={})
    assert fleet.cli("show", "fleet.json", "--server", "lyon", "-o", "lyon.json", environment={}).code == ExitCode.OK
    whole = json.loads((fleet.folder / "fleet.json").read_bytes())
    assert json.loads((fleet.folder / "lyon.json").read_bytes()) == whole["servers"][1]["plan"]
    assert fleet.cli("show", "lyon.json", environment={}).code == ExitCode.OK


@pytest.mark.parametrize(("one", "other"), [*combinations(VARIABLES, 2)])
def test_no_two_variables_together_send_a_token_anywhere(fleet: Fleet, one: str, other: str) -> None:
    before = [len(box.requests) for box in fleet.sandboxes.values()]
    given = {**VARIABLES, "INFLUX_TOKEN": fleet.secret("hamburg"), "INFLUX_HOST": fleet.sandboxes["lyon"].url}
    done = fleet.cli("plan", "--fleet", "servers", environment={name: given[name] for name in (one, other)})
    assert (done.code, done.out, done.err.count("cannot be used with --fleet")) == (ExitCode.USAGE, "", 2)
    assert [len(box.requests) for box in fleet.sandboxes.values()] == before


def _linked(folder: Path) -> None:
    (folder / "lyon.yaml").unlink()
    (folder / "lyon.yaml").symlink_to("hamburg.yaml")


CHANGES: dict[str, Callable[[Path], object]] = {
    "renamed": lambda folder: (folder / "lyon.yaml").rename(folder / "paris.yaml"),
    "swapped": lambda folder: [
        (folder / one).rename(folder / other)
        for one, other in (("lyon.yaml", "x"), ("hamburg.yaml", "lyon.yaml"), ("x", "hamburg.yaml"))
    ],
    "in other case": lambda folder: (folder / "lyon.yaml").rename(folder / "Lyon.yaml"),
    "added": lambda folder: (folder / "paris.yaml").write_bytes((folder / "lyon.yaml").read_bytes()),
    "a link": _linked,
    "removed": lambda folder: (folder / "lyon.yaml").unlink(),
}
PROFILES: dict[str, Callable[[dict[str, dict[str, str]]], object]] = {
    "whole": lambda _: None,
    "without a token": lambda tables: tables["lyon"].pop("token"),
    "without a URL": lambda tables: tables["lyon"].pop("url"),
    "one missing": lambda tables: tables.pop("hamburg"),
    "an active one": lambda tables: tables["us-cloud"].update(active="yes"),
    "in other case": lambda tables: tables.update(LYON=tables.pop("lyon")),
}


@pytest.mark.parametrize("profiles", PROFILES)
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_renamed_moved_or_added_each_token_goes_to_its_own_server(
    fleet: Fleet, change: str, profiles: str
) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    PROFILES[profiles](tables)
    fleet.profiles(tables)
    CHANGES[change](fleet.folder / "servers")
    whole = {name for name, table in tables.items() if table.keys() >= {"url", "token"} and "active" not in table}
    named = {path.stem for path in (fleet.folder / "servers").iterdir()}
    before = {name: len(box.requests) for name, box in fleet.sandboxes.items()}
    fleet.cli("plan", "--fleet", "servers", environment={})
    asked = {name for name, box in fleet.sandboxes.items() if len(box.requests) > before[name]}
    assert (asked, strangers(fleet)) == (set() if profiles == "an active one" else whole & named, [])


def test_the_bytes_of_each_request_hold_the_secret_of_its_own_server_alone(fleet: Fleet) -> None:
    with ExitStack() as stack:
        raw = {name: stack.enter_context(liar(box.url, lambda _: None)) for name, box in fleet.sandboxes.items()}
        fleet.profiles({name: {"url": each.url, "token": fleet.secret(name)} for name, each in raw.items()})
        for verb in ("plan", "list", "doctor", "apply"):
            before = {name: len(each.requests) for name, each in raw.items()}
            agreed = ["--yes", "--lock"] if verb == "apply" else []
            assert fleet.cli(verb, "--fleet", "servers", *agreed, environment={}).code == ExitCode.OK
            for name, each in raw.items():
                sent = each.requests[before[name] :]
                signed = [
                    line for one in sent for line in one.split(b"\r\n") if line.lower().startswith(b"authorization")
                ]
                own = b"Authorization: Token " + fleet.secret(name).encode()
                assert (len(sent) > 0, signed) == (True, [own] * len(sent)), verb
                others = [other for other in NAMES if other != name and fleet.secret(other).encode() in b"".join(sent)]
                assert others == []
