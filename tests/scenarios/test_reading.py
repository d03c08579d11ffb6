"""What a plan reads: tokens by their ids where these are enough, a list where they are not, and never another plan."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from reconciler.core.baseline import Baseline
from reconciler.core.live import Status, TokenId
from reconciler.core.manifest import Asserted, Declaration, Manifest, Severity
from reconciler.core.plan import Guard, Plan
from reconciler.errors import ExitCode, TokenctlError
from reconciler.render.formats import PlanFormat
from reconciler.sandbox.seed import Authorization, Org, Seed, User, default_seed
from reconciler.session import planning
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.planning import Source
from reconciler.session.sources import Declared
from reconciler.settings import Flags
from tests.builders import ACME, EDGE, declared, manifest, token_id
from tests.commands.test_apply import applied
from tests.commands.test_plan import planned
from tests.liar import Exchange, liar
from tests.shell import BENCH, GRAFANA, INGEST, LAPTOP, Shell, shell_on
from tests.strategies import OWNERS, SEES_ALL, Realm, realms

LIST = "GET /api/v2/authorizations"
DESCRIBE = f'id: "{GRAFANA}", description: dashboard'
GONE, ORPHAN = token_id(8), token_id(9)  # of no realm, and of a user who was deleted
SLIP = TokenId(token_id(1).replace("0d", "d0"))  # which is of no realm either, and nearest to its first token


@dataclass
class Told:
    """What came of planning: a plan, or an error with its problems."""

    plan: Plan | None = None
    error: type[TokenctlError] | None = None
    said: Sequence[object] = field(default_factory=tuple)


def told(source: Source, flags: Flags, shell: Shell, *, sends: bool = False) -> Told:
    """What planning from the source gives, but how many tokens were listed and whether the caller's own was among them."""
    found = Told()

    def run(context: Context) -> ExitCode:
        with connected(resolve(flags, context), context, sends=sends) as connection:
            found.plan = planning.plan_from(source, connection)._replace(live=None, knows_own=False)
        return ExitCode.OK

    def caught(context: Context) -> ExitCode:
        try:
            return run(context)
        except TokenctlError as error:
            found.error, found.said = type(error), error.problems
            return error.exit_code

    shell.call(caught)
    return found


def _seed(realm: Realm, secrets: Mapping[TokenId, str]) -> Seed:
    stamps = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
    tokens = [
        Authorization(
            id=each.id, secret=secrets[each.id], status=each.status.value, description=f"token {each.id[-1]}",
            org_id=each.org_id, user_id=each.user_id, permissions=realm.permissions[each.id], **stamps,
        )
        for each in realm.tokens.values()
    ]  # fmt: skip
    orphan = replace(tokens[0], id=ORPHAN, secret="orphan", user_id="9" * 16)
    users = [User(each, name, "active" if each in realm.active else "inactive") for name, each in OWNERS.items()]
    orgs = (Org(ACME, "acme"), Org(EDGE, "edge"), Org("b" * 16, "empty"))
    return Seed(orgs=orgs, users=tuple(users), buckets=(), tokens=(*tokens, orphan))


@st.composite
def _declarations(draw: st.DrawFn, realm: Realm) -> tuple[Declaration, ...]:
    """Declarations of some tokens by id, mostly of those that the caller sees, and mostly such as switch off nothing."""
    seen = [each for each in realm.tokens.values() if realm.may(realm.caller, "read", each)]
    ids = [each.id for each in seen] * 9 + [*realm.tokens, GONE, SLIP, ORPHAN]
    said = []
    for number, one in enumerate(draw(st.lists(st.sampled_from(ids), min_size=1, max_size=6, unique=True)), 1):
        live = realm.tokens.get(one)
        same = live.status if live else None
        said.append(
            declared(number)._replace(target=one, protected=draw(st.booleans()),
                description=draw(st.sampled_from([None, None, "new", f"token {one[-1]}"])),
                status=draw(st.sampled_from([None, same, Status.ACTIVE, Status.INACTIVE, Status.INACTIVE])),
            )
        )  # fmt: skip
    return tuple(said)


@st.composite
def _manifests(draw: st.DrawFn, realm: Realm) -> Manifest:
    org = draw(st.sampled_from([*[None] * 6, "acme", "edge", " acme", "nowhere", ACME]))
    absent = draw(st.sampled_from([Severity.FAIL, Severity.WARN, Severity.WARN]))
    return manifest(*draw(_declarations(realm)), absent=absent, server=Asserted(org=org))


@settings(max_examples=2 * settings().max_examples)
@given(realms(), st.data())
def test_a_plan_from_single_reads_and_one_from_a_list_are_the_same_for_every_world_manifest_and_caller(
    realm: Realm, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        rights = {**realm.permissions, realm.caller: (*realm.permissions[realm.caller], *SEES_ALL)}
        realm = replace(realm, permissions=rights)
    version = data.draw(st.sampled_from(["2.1.0", "2.7.12", "2.9.1", "2.9.1"]))
    flags = Flags(
        org=data.draw(st.sampled_from([*[""] * 6, "acme", "acme", "edge", "empty", "nowhere", ACME])),
        self_id=data.draw(st.sampled_from([*[""] * 4, *[realm.caller] * 3, *realm.tokens, GONE])),
    )
    head = data.draw(_manifests(realm))
    base = data.draw(st.none() | _manifests(realm))
    baseline = Baseline(ref="main", commit="0" * 40, revisions=(), manifest=base) if base else None
    given = Declared(
        manifest=head, files=(), baseline=baseline, reviewed=data.draw(st.booleans()),
        waivers=data.draw(st.sampled_from([(), (), tuple(Guard)])),
    )  # fmt: skip
    seed, sends = _seed(realm, {each: f"secret-{each}" for each in realm.tokens}), data.draw(st.booleans())
    with TemporaryDirectory() as folder, shell_on(Path(folder), seed, version, realm.caller) as shell:
        source = given.source
        plan = told(source, flags, shell, sends=sends)
        asked = shell.sent()
        assert plan == told(source._replace(needs_list=True), flags, shell, sends=sends)
    event(
        f"{'an error' if plan.error else 'a plan'} after {sum(each.partition('?')[0] == LIST for each in asked)} lists"
    )


def _ids(number: int) -> list[str]:
    """So many ids that no token has."""
    return [f"0fffffff{each:08x}" for each in range(number)]


def test_a_few_ids_are_read_without_a_list_and_the_title_has_no_total(shell: Shell) -> None:
    file = shell.declare(DESCRIBE, *(f'id: "{each}"' for each in (BENCH, LAPTOP, INGEST)))
    out = str(shell.folder / "plan.json")
    done = planned(shell, file, out=out)
    assert sorted(shell.sent()) == [f"{LIST}/{each}" for each in sorted((GRAFANA, BENCH, LAPTOP, INGEST))]
    assert done.out.startswith("acme, edge-lab · URL · InfluxDB 2.7.12 · 4 declared\n\n  ~ describe")
    assert "live" not in json.loads(Path(out).read_text())["counts"]
    assert applied(shell, out, yes=True).code == ExitCode.OK
    read = f"{LIST}/{GRAFANA}"
    assert shell.sent() == [read, f"PATCH /api/v2/authorizations/{GRAFANA}", read]
    assert (
        ">3 declared, 3 unchanged<"
        in planned(shell, shell.declare(*map(_entry, (BENCH, LAPTOP, INGEST))), form=PlanFormat.HTML).out
    )


def _entry(token_id: str) -> str:
    return f'id: "{token_id}"'


@pytest.mark.parametrize(
    ("head", "entry"),
    [
        ("", "match: {user: grafana}, description: x"),
        ("unmanaged: warn\n", DESCRIBE),
        ('server: {org: "5f2c9e1a77b0d3c4"}\n', DESCRIBE),
        ("", "match: {user: grafana}, description: x, name: grafana"),
    ],
)
def test_what_is_about_other_tokens_too_is_one_list(shell: Shell, head: str, entry: str) -> None:
    done = planned(shell, shell.declare(entry, head=head))
    assert (done.code, shell.sent(), "12 tokens, 1 declared" in done.out) == (ExitCode.OK, [LIST], True)


@pytest.mark.parametrize("head", ["", "absent: warn\n"])
def test_a_slip_in_an_id_takes_a_list_which_tells_what_was_meant(shell: Shell, head: str) -> None:
    done = planned(shell, shell.declare(_entry(GRAFANA[:-1] + "1"), _entry(LAPTOP), head=head))
    assert f"hint: did you mean {GRAFANA} (`grafana dashbord`)? Else remove the declaration" in done.out + done.err
    asked = shell.sent()
    assert [*sorted(asked[:2]), *asked[2:]] == [f"{LIST}/{LAPTOP}", f"{LIST}/{GRAFANA[:-1]}1", LIST]


def test_a_run_for_one_organisation_reads_by_id_what_is_of_it(shell: Shell) -> None:
    file = shell.declare(DESCRIBE, _entry(BENCH))
    for org, by_list in (("acme", False), ("5f2c9e1a77b0d3c4", True)):
        done = planned(shell, file, flags=Flags(org=org))
        assert "left out: not a token of organisation `acme`" in done.out
        assert any(each.startswith(f"{LIST}?") for each in shell.sent()) is by_list
    shell.environment["INFLUX_ORG_ID"] = "5f2c9e1a77b0d3c4"
    assert planned(shell, file).code == ExitCode.OK
    assert sorted(shell.sent()) == [f"{LIST}/{each}" for each in (GRAFANA, BENCH)]
    assert planned(shell, shell.declare(_entry(BENCH))).code == ExitCode.INVALID
    assert shell.sent() == [f"{LIST}/{BENCH}", f"{LIST}?orgID=5f2c9e1a77b0d3c4"]


def test_of_thousands_that_are_not_there_a_hundred_are_asked_for(shell: Shell) -> None:
    done = planned(shell, shell.declare(*map(_entry, _ids(3000)), DESCRIBE))
    assert done.code == ExitCode.INVALID
    assert done.err.startswith(
        "DIR/tokens.yaml:3:5: 3,000 of 3,001 declarations find no token on URL (3,000 absent): 0fffffff00000000, "
    )
    assert sorted(shell.sent()) == [LIST, *(f"{LIST}/{each}" for each in _ids(100))]


def test_every_id_is_asked_for_where_one_of_the_first_hundred_exists(tmp_path: Path) -> None:
    seed = default_seed()
    orphan = replace(seed.tokens[0], id="0" * 15 + "1", secret="orphan", user_id="9" * 16)
    with shell_on(tmp_path, replace(seed, tokens=(*seed.tokens, orphan))) as shell:
        ids = [orphan.id, *_ids(150)]
        done = planned(shell, shell.declare(*map(_entry, ids), DESCRIBE, head="absent: warn\n"))
        assert done.code == ExitCode.OK
        assert f"token {orphan.id} is orphaned" in done.out
        assert sorted(shell.sent()) == [LIST, *(f"{LIST}/{each}" for each in ids)]


def test_eight_are_asked_for_at_a_time_and_the_order_of_answers_changes_nothing(shell: Shell) -> None:
    together = threading.Barrier(8)  # which breaks when fewer come
    under_way: list[int] = []

    def lie(exchange: Exchange) -> None:
        if exchange.path.rpartition("/")[2] != GRAFANA:
            under_way.append(1)
            together.wait(20)

    ids = _ids(16)
    file = shell.declare(DESCRIBE, *map(_entry, ids), head="absent: warn\n")
    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        told = [planned(shell, file) for _ in range(2)]
    assert told[0] == told[1]
    assert (told[0].code, together.broken, len(under_way)) == (ExitCode.OK, False, 32)


WAYS: list[tuple[int, str, str]] = [
    (401, "unauthorized", "unauthorized access"), (403, "forbidden", "User is inactive"), (500, "internal error", "boom"),
    (404, "", ""), (200, "", ""), (418, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message"), WAYS)
def test_a_server_that_only_lists_gives_the_same_plan(shell: Shell, status: int, code: str, message: str) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path == "/api/v2/authorizations":
            return None
        return [exchange.answer(status=status, body={"code": code, "message": message} if code else "{}")]

    file = shell.declare(DESCRIBE, _entry(INGEST))
    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        done = planned(shell, file)
    assert done.code == ExitCode.OK
    assert "12 tokens, 2 declared" in done.out


def test_the_error_is_that_of_the_first_id_that_has_one_and_nothing_more_is_asked_for(shell: Shell) -> None:
    ids = _ids(40)
    failing = {ids[5]: 502, ids[3]: 503, ids[30]: 504}

    def lie(exchange: Exchange) -> list[bytes] | None:
        status = failing.get(exchange.path.rpartition("/")[2])
        return [exchange.answer(status=status, body="<html>", Content_Type="text/html")] if status else None

    file = shell.declare(*map(_entry, ids))
    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        done = planned(shell, file)
        asked = {each.split(b" ")[1].decode().rpartition("/")[2] for each in server.requests}
    assert done.code == ExitCode.UNREACHABLE
    assert " answered 503 with a web page; given up after 4 attempts\n" in done.err
    assert "authorizations" not in asked
