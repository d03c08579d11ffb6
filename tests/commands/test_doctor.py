"""`doctor`: each check in each of its states, word for word."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.commands import doctor
from reconciler.commands import list as listing
from reconciler.core.live import TokenId
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.settings import Flags
from tests.influx.raw_server import SECRET, RawServer, answer, raw_server, refusal
from tests.influx.test_wire import entry, listed
from tests.liar import Exchange, liar
from tests.session.test_locking import EDGE, NOW, THEIRS, locked
from tests.shell import ABSENT, GRAFANA, LAPTOP, MANAGER, OPERATOR, Done, Shell, shell_on

GOLDEN = Path(__file__).parent / "golden"


def examined(shell: Shell, *files: str, form: ListFormat = ListFormat.TEXT, colour: bool = False, **flags: str) -> Done:
    """Run `doctor`."""
    asked = Flags(**flags)  # type: ignore[arg-type]
    return shell.call(lambda context: doctor.run(files, asked, form, context), colour=colour)


def test_everything_is_proven_where_secrets_are_shown(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = examined(shell)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert shell.sent() == [
        "GET /ping", "GET /api/v2/authorizations", "GET /api/v2/me", "GET /api/v2/labels?name=tokenctl.lock",
        f"GET /api/v2/authorizations/{OPERATOR}",
    ]  # fmt: skip
    golden(GOLDEN / "doctor.txt", done.out)
    coloured = examined(shell, colour=True).out
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == done.out != coloured


def test_json_has_the_same(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = examined(shell, form=ListFormat.JSON)
    golden(GOLDEN / "doctor.json", done.out)
    assert json.loads(done.out)["reason"] == "ok"


def test_what_lies_beside_the_default_file_is_noted(shell: Shell) -> None:
    with chdir(shell.folder):
        assert "file" not in examined(shell).out.partition("\n")[0]
        shell.declare(f'id: "{GRAFANA}"', name="tokens.yml")
        done = examined(shell)
    assert done.out.startswith(
        "note  file       there is no tokens.yaml here, but tokens.yml\n                 hint: name what is meant\n"
    )
    assert done.code == ExitCode.OK


def nobody() -> Seed:
    """The world in which a token may read everything and change nothing, and belongs to a user it may not read."""
    seed = default_seed()
    rights = (Permission("read", "authorizations"), Permission("read", "users", seed.users[0].id))
    tokens = tuple(replace(each, permissions=rights) if each.id == LAPTOP else each for each in seed.tokens)
    return replace(seed, tokens=tokens)


CASES: dict[str, tuple[dict[str, object], dict[str, Any], ExitCode]] = {
    "a server that hides secrets": ({"version": "2.9.1"}, {}, ExitCode.OK),
    "a server that hides secrets, and --self-id": ({"version": "2.9.1"}, {"self_id": OPERATOR}, ExitCode.OK),
    "a wrong --self-id": ({"version": "2.9.1"}, {"self_id": TokenId(ABSENT)}, ExitCode.USAGE),
    "the cloud": ({"version": "cloud"}, {}, ExitCode.OK),
    "a manager of one organisation": ({"caller": MANAGER}, {}, ExitCode.OK),
    "only one organisation": ({}, {"org": "edge-lab"}, ExitCode.OK),
    "one organisation, and a --self-id of another": ({}, {"org": "edge-lab", "self_id": OPERATOR}, ExitCode.OK),
    "a token without any rights here": ({"caller": GRAFANA}, {}, ExitCode.AUTH),
    "a reader of one user's tokens": ({"seed": nobody(), "caller": LAPTOP}, {}, ExitCode.OK),
    "an unknown organisation": ({}, {"org": "nowhere"}, ExitCode.USAGE),
}


def test_what_is_not_proven_is_said_with_a_way_out(tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    said = []
    for name, (world, flags, code) in CASES.items():
        running: AbstractContextManager[Shell] = shell_on(tmp_path, **world)  # type: ignore[arg-type]
        with running as shell:
            done = examined(shell, **flags)
        assert (done.code, done.err) == (code, ""), name
        said.append(f"# {name}: {code.reason}\n{done.out}")
    golden(GOLDEN / "doctor-credentials.txt", "\n".join(said))


SERVERS = {
    "InfluxDB 1": (answer(204, X_Influxdb_Version="1.8.10"), ExitCode.UNREACHABLE),
    "InfluxDB 3": (answer(401, cluster_uuid="9c1"), ExitCode.UNREACHABLE),
    "a web page": (answer(200, "<html>", Content_Type="text/html"), ExitCode.UNREACHABLE),
    "a proxy": (answer(502, "<html>", Content_Type="text/html"), ExitCode.UNREACHABLE),
    "something else": (answer(404, "nothing"), ExitCode.UNREACHABLE),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", ExitCode.UNREACHABLE),
}


def test_what_is_no_influxdb_v2_is_named(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    said = []
    for name, (given, code) in SERVERS.items():
        running: AbstractContextManager[RawServer] = raw_server(given)
        with running as server:
            shell.environment.update(INFLUX_HOST=server.url, INFLUX_TOKEN=SECRET)
            done = examined(shell)
            assert len(server.requests) == 1
        assert (done.code, done.err) == (code, ""), name
        said.append(f"# {name}: {code.reason}\n{done.out}")
    shell.environment.update(INFLUX_HOST=shell.sandbox.url.replace("http:", "https:"))
    said.append(f"# TLS on a plain port: unreachable\n{examined(shell).out.replace(shell.sandbox.url, 'PLAIN')}")
    golden(GOLDEN / "doctor-servers.txt", "\n".join(said))


@pytest.mark.parametrize(("path", "check"), [("/api/v2/me", "user"), (f"/api/v2/authorizations/{ABSENT}", "own token")])
def test_a_question_that_fails_is_told_as_that_one_and_not_as_the_list(shell: Shell, path: str, check: str) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        return [exchange.answer(status=500, body="broken")] if exchange.path == path else None

    with liar(shell.sandbox.url, lie) as server:
        shell.environment.update(INFLUX_HOST=server.url)
        done = examined(shell, self_id=ABSENT)
    assert done.code is ExitCode.UNREACHABLE
    assert re.findall("(?m)^fail +(.*?)  ", done.out) == [check]


def test_a_lock_that_somebody_holds_is_told(shell: Shell) -> None:
    shell.now = lambda: NOW
    locked(shell)
    locked(shell, "0123456789abcdef")
    locked(shell, EDGE, THEIRS._replace(expires="2026-01-01T00:00:00Z"))
    done = examined(shell)
    assert done.out.partition("ok    lock")[2].splitlines()[1:] == [
        "note  lock       organisation `acme` is locked by `deploy on web-1, process 7` since 2026-01-01T23:55:00Z, 5 min ago",
        "                 hint: see `tokenctl unlock`",
        "note  lock       organisation `edge-lab` is locked by `deploy on web-1, process 7` since 2026-01-01T23:55:00Z, 5 min ago, and expired",
        "                 hint: see `tokenctl unlock`",
        "ok    journal    DIR/state/tokenctl is not there yet, and can be made",
        "",
        "No problems.",
    ]
    assert done.code == ExitCode.OK


def test_labels_that_cannot_be_listed_are_no_problem_of_who_takes_no_lock(shell: Shell) -> None:
    answers = [answer(204), answer(200, listed(entry())), answer(200, '{"id": "0d3a5e9c41e4e000"}')]
    with raw_server(*answers, refusal(500, "internal error", "no labels here")) as server:
        shell.environment.update(INFLUX_HOST=server.url, INFLUX_TOKEN=SECRET)
        done = examined(shell)
    assert done.code == ExitCode.OK
    assert "\nnote  lock       URL answered 500 no labels here\n" in done.out


@pytest.mark.parametrize(("secret", "code"), [("FAKE-wrong", ExitCode.AUTH), ("", ExitCode.USAGE)])
def test_a_wrong_secret_is_no_secret_at_all(shell: Shell, secret: str, code: ExitCode) -> None:
    shell.environment["INFLUX_TOKEN"] = secret
    done = examined(shell)
    assert done.code == code
    assert ("does not know this token (10 characters" in done.out) == (code is ExitCode.AUTH)
    assert "FAKE" not in done.out + done.err


TOKENS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no token": ({"INFLUX_TOKEN": ""}, {}),
    "no token file": ({"INFLUX_TOKEN": ""}, {"token_file": "/nowhere/token"}),
    "no token of one line": ({"INFLUX_TOKEN": "SENTINEL SENTINEL"}, {}),
    "a profile without one": ({"INFLUX_TOKEN": ""}, {"profile": "bare"}),
    "a profile for another server": ({"INFLUX_TOKEN": "", "INFLUX_HOST": "http://127.0.0.1:1"}, {"profile": "other"}),
    "a token for another server": ({"INFLUX_HOST": "", "INFLUX_ACTIVE_CONFIG": "bare"}, {}),
    "no server": ({"INFLUX_TOKEN": "", "INFLUX_HOST": "http://127.0.0.1:1"}, {}),
}


def test_without_a_token_it_says_what_it_can(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    url = shell.sandbox.url
    (shell.folder / "home" / ".influxdbv2").mkdir(parents=True)
    shell.write(f'[bare]\nurl = "{url}"\n[other]\nurl = "http://127.0.0.1:1"\ntoken = ""\n', "home/.influxdbv2/configs")
    said = []
    for name, (environment, flags) in TOKENS.items():
        asked = Flags(**flags)  # type: ignore[arg-type]
        done = shell.call(functools.partial(doctor.run, (), asked, ListFormat.TEXT), environment=environment)
        assert done.err == ""
        said.append(f"# {name}: {ExitCode(done.code).reason}\n{done.out}")
        assert {*shell.sent()} <= {"GET /ping"}
    assert "SENTINEL" not in "".join(said)
    golden(GOLDEN / "doctor-token.txt", "\n".join(said))


def test_no_token_is_no_header(shell: Shell) -> None:
    with raw_server(answer(204, X_Influxdb_Version="2.7.12")) as server:
        shell.environment.update(INFLUX_HOST=server.url, INFLUX_TOKEN="", INFLUX_EXTRA_HTTP_HEADER="X-Gate: open")
        assert examined(shell).code == ExitCode.USAGE
        (request,) = server.requests
    assert b"authorization" not in request.lower()
    assert b"\r\nX-Gate: open\r\n" in request


def test_the_folder_for_journals_is_tried_and_left_as_it_was(shell: Shell) -> None:
    state = shell.folder / "state"
    (shell.folder / "file").write_text("")
    (shell.folder / "everybody").mkdir()
    (shell.folder / "everybody").chmod(0o777)
    (shell.folder / "dangling").symlink_to("nowhere")
    hint = "\n                 hint: name a folder that can be written with `--journal DIR`; without a journal nothing is sent\n"
    for name, said in (
        ("", "ok    journal    DIR/state/tokenctl is not there yet, and can be made\n"),
        ("own", "ok    journal    DIR/own is not there yet, and can be made\n"),
        ("state", "ok    journal    DIR/state can be written\n"),
        ("file", f"fail  journal    cannot write the journal DIR/file: not a directory{hint}"),
        ("file/below", f"fail  journal    cannot write the journal DIR/file/below: not a directory{hint}"),
        ("dangling", f"fail  journal    cannot write the journal DIR/dangling: no such file or directory{hint}"),
        (
            "everybody",
            "fail  journal    cannot write the journal DIR/everybody: everybody may write to this folder, and remove what is not theirs"
            + hint,
        ),
    ):
        if name == "state":
            state.mkdir()
        before = sorted(shell.folder.rglob("*"))
        folder = name and str(shell.folder / name)
        done = shell.call(functools.partial(doctor.run, (), Flags(), ListFormat.TEXT, journal=folder))
        assert done.out.rpartition("\n\n")[0].endswith(f"\n{said[:-1]}"), done.out
        assert done.code == (ExitCode.ERROR if said.startswith("fail") else ExitCode.OK)
        assert sorted(shell.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("head", "said", "code"),
    [
        ("", "ok    file       DIR/tokens.yaml: it asserts no server\n", ExitCode.OK),
        ("server: {org: acme}\n", "ok    file       DIR/tokens.yaml: its `server:` holds\n", ExitCode.OK),
        (
            "server: {url: https://influx.example}\n",
            "fail  file       the file is for https://influx.example, but this run would talk to URL\n"
            "                 hint: the file never chooses the server: set INFLUX_HOST or --url, or correct `server.url`\n",
            ExitCode.REFUSED,
        ),
        (
            "unmanaged: maybe\n",
            "fail  file       DIR/tokens.yaml:2:12: unknown unmanaged `maybe`\n"
            "                 hint: write `ignore`, `warn` or `fail`\n",
            ExitCode.INVALID,
        ),
    ],
)
def test_the_file_is_held_against_the_server(shell: Shell, head: str, said: str, code: ExitCode) -> None:
    done = examined(shell, shell.declare(f'id: "{GRAFANA}"', head=head))
    assert (done.code, done.out.startswith(said), done.out.count("\nok    server ")) == (code, True, 1), done.out
    assert done.out.endswith("\nNo problems.\n" if code is ExitCode.OK else "\n1 problem.\n")


PROXIES: dict[str, tuple[str, dict[str, str]]] = {
    "none for loopback": ("", {"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": "influx.example"}),
    "one that NO_PROXY rules out": ("https://tokenctl.invalid", {"ALL_PROXY": "http://p.example", "no_proxy": ".invalid"}),
    "over TLS": ("https://influx.example", {"HTTPS_PROXY": "https://me:SENTINEL@127.0.0.1:1"}),
    "over plain http": ("https://influx.example", {"ALL_PROXY": "http://127.0.0.1:1"}),
    "over plain http with a password": ("https://influx.example", {"https_proxy": "http://me:SENTINEL@127.0.0.1:1"}),
    "that sees the token": ("http://influx.example", {"HTTP_PROXY": "127.0.0.1:1"}),
}  # fmt: skip


def test_a_proxy_is_named_without_its_password(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    said = []
    for name, (url, environment) in PROXIES.items():
        flags = Flags(url=url, allow_insecure_http=True)
        done = shell.call(functools.partial(doctor.run, (), flags, ListFormat.TEXT), environment=environment)
        assert done.err == ""
        said.append(f"# {name}: {ExitCode(done.code).reason}\n{done.out}")
    assert "SENTINEL" not in "".join(said)
    golden(GOLDEN / "doctor-proxy.txt", "\n".join(said))


def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(shell: Shell) -> None:
    shell.environment.update(INFLUX_HOST="https://influx.example", HTTPS_PROXY="socks5://me:SENTINEL@x")
    done = examined(shell)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err.startswith("the proxy that HTTPS_PROXY names cannot be used\n")


def test_other_commands_warn_of_what_a_proxy_would_see(shell: Shell) -> None:
    shell.environment.update(INFLUX_HOST="http://influx.example", HTTP_PROXY="http://me:SENTINEL@127.0.0.1:1")
    flags = Flags(allow_insecure_http=True)
    done = shell.call(lambda context: listing.run(listing.ListRequest(), flags, context))
    first, *_, last, _ = done.err.splitlines()
    assert (done.code, done.out) == (ExitCode.UNREACHABLE, "")
    assert (
        first
        == "Warning: the proxy http://127.0.0.1:1 (from HTTP_PROXY) sees your token: URL is plain http, and so is the way to the proxy, which takes its password"
    )
    proxied = "no connection to URL through the proxy http://127.0.0.1:1 (from HTTP_PROXY)"
    assert last == f"{proxied}: nothing listens there; given up after 4 attempts"
    assert (
        "Warning" not in shell.call(lambda context: listing.run(listing.ListRequest(), flags, context), quiet=True).err
    )
    shell.environment.update(INFLUX_HOST="https://influx.example", ALL_PROXY="http://127.0.0.1:1")
    assert "Warning" not in shell.call(lambda context: listing.run(listing.ListRequest(), flags, context)).err
