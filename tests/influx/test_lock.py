"""Taking and giving back a lock over real sockets: whatever cannot be decided is no lock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.core.live import OrgId
from reconciler.core.lock import LabelId, LockLabel, LockProperties
from reconciler.errors import AuthError, ExitCode, StaleError, TokenctlError, TransientError, UnreachableError
from reconciler.influx.lock import Lock
from reconciler.influx.reader import Reader
from reconciler.influx.retry import Retries
from reconciler.influx.transport import Transport
from tests.influx.raw_server import SECRET, Connection, Script, answer, raw_server, refusal

ORG, ID = OrgId("5f2c9e1a77b0d3c4"), LabelId("0d3a5f0c1be4e000")
OURS, THEIRS = LockProperties(nonce="ours", holder="we"), LockProperties(nonce="theirs", holder="they")
JSON = {"Content_Type": "application/json; charset=utf-8", "X_Influxdb_Build": "OSS", "X_Influxdb_Version": "v2.7.12"}
NO_RIGHT = refusal(401, "unauthorized", f"read:orgs/{ORG}/labels/{ID} is unauthorized")
CONFLICT = refusal(422, "conflict", "label with name tokenctl.lock already exists")
BROKEN = refusal(500, "internal error", "disk full")
GONE = refusal(404, "not found", "label not found")
DELETED = answer(204)


def entry(lock: LockProperties = OURS, **changes: object) -> dict[str, object]:
    return {"id": ID, "orgID": ORG, "name": "tokenctl.lock", "properties": lock.as_mapping, **changes}


def listed(*entries: object) -> bytes:
    return answer(200, json.dumps({"links": {}, "labels": entries}), **JSON)


def one(properties: LockProperties = OURS, status: int = 200, **changes: object) -> bytes:
    return answer(status, json.dumps({"links": {}, "label": entry(properties, **changes)}), **JSON)


@dataclass
class Meeting:
    """A lock on a server with set answers, what it said, and what the server saw."""

    lock: Lock
    said: list[str]
    requests: list[bytes] = field(default_factory=list)

    def seen(self) -> list[str]:
        """Methods and targets."""
        return [request.decode().partition(" HTTP")[0] for request in self.requests]

    def take(self) -> LockLabel | None:
        """Try to lock."""
        return self.lock.take(ORG, "acme", OURS)


class Patience(Retries):
    """Lets a request be sent again so often, at once."""

    def __init__(self, left: int) -> None:
        self.left = left

    def wait(self, failures: Sequence[TransientError]) -> str:
        """Count down."""
        assert failures
        self.left -= 1
        return "given up" if self.left < 0 else ""


@contextmanager
def meeting(*answers: bytes, script: Script | None = None, again: int = 0) -> Iterator[Meeting]:
    with raw_server(*answers, script=script) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic) as transport:
            said: list[str] = []
            retries = Patience(left=again)
            yield Meeting(Lock(transport, Reader(transport), retries, say=said.append), said, server.requests)


LIST = f"GET /api/v2/labels?name=tokenctl.lock&orgID={ORG}"
POST, DELETE = "POST /api/v2/labels", f"DELETE /api/v2/labels/{ID}"


def test_a_lock_is_made_and_read_back_and_said_beforehand() -> None:
    with meeting(one(status=201), listed(entry())) as met:
        assert met.take() == LockLabel(ID, ORG, OURS)
        assert met.seen() == [POST, LIST]
        assert json.loads(met.requests[0].rpartition(b"\r\n")[2]) == {
            "orgID": ORG, "name": "tokenctl.lock", "properties": {"nonce": "ours", "holder": "we"},
        }  # fmt: skip
        assert met.said == ["lock: making the label `tokenctl.lock` in organisation `acme`"]


def test_another_runs_lock_is_told() -> None:
    with meeting(CONFLICT, listed(entry(THEIRS))) as met:
        assert met.take() == LockLabel(ID, ORG, THEIRS)


def test_a_lock_that_was_given_back_in_between_is_tried_for_again() -> None:
    with meeting(CONFLICT, listed(), one(status=201), listed(entry())) as met:
        assert met.take() == LockLabel(ID, ORG, OURS)
        assert met.seen() == [POST, LIST] * 2


def test_somebodys_lock_that_cannot_be_seen_is_nobodys_we_know() -> None:
    with meeting(*[CONFLICT, listed()] * 2) as met:
        assert met.take() is None


@pytest.mark.parametrize(
    "lost", [BROKEN, answer(502, "<html>", Content_Type="text/html"), answer(201, "{"), answer(200, "{}"), b""]
)
def test_a_lost_answer_is_settled_by_reading_whose_it_is(lost: bytes) -> None:
    with meeting(lost, listed(entry())) as met:
        assert met.take() == LockLabel(ID, ORG, OURS)
    with meeting(lost, listed(entry(THEIRS))) as met:
        assert met.take() == LockLabel(ID, ORG, THEIRS)


FORBIDDEN = refusal(403, "forbidden", "User is inactive")
UNDECIDED: list[tuple[Sequence[bytes], ExitCode, str, Sequence[str]]] = [
    ([refusal(401, "unauthorized", f"write:orgs/{ORG}/labels is unauthorized"), listed()], ExitCode.AUTH, "your token lacks `write` on `labels`", [POST, LIST]),
    ([FORBIDDEN, FORBIDDEN], ExitCode.AUTH, "the owner of your token is inactive", [POST, LIST]),
    ([BROKEN, listed()], ExitCode.UNREACHABLE, "answered 500 disk full", [POST, LIST]),
    ([BROKEN, BROKEN], ExitCode.UNREACHABLE, "answered 500 disk full", [POST, LIST]),
    ([GONE, listed()], ExitCode.UNREACHABLE, "404 label not found", [POST, LIST]),
    ([CONFLICT, BROKEN], ExitCode.UNREACHABLE, "answered 500 disk full", [POST, LIST]),
    ([answer(422, "{}"), listed()], ExitCode.UNREACHABLE, "answered 422", [POST, LIST]),
    ([one(status=201), listed(), DELETED], ExitCode.AUTH, "cannot be read", [POST, LIST, DELETE]),
    ([one(status=201), BROKEN, DELETED], ExitCode.UNREACHABLE, "answered 500", [POST, LIST, DELETE]),
    ([one(status=201), BROKEN, BROKEN], ExitCode.UNREACHABLE, "answered 500", [POST, LIST, DELETE]),
    ([one(status=201), listed(entry(), 5), DELETED], ExitCode.UNREACHABLE, "something that is no label", [POST, LIST, DELETE]),
    ([one(status=201, name="other"), listed()], ExitCode.UNREACHABLE, "its label has another name", [POST, LIST]),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "code", "said", "requests"), UNDECIDED)
def test_what_cannot_be_decided_is_refused(
    answers: Sequence[bytes], code: ExitCode, said: str, requests: Sequence[str]
) -> None:
    with meeting(*answers) as met, pytest.raises(TokenctlError) as caught:
        met.take()
    problem = caught.value.problems[0]
    assert (caught.value.exit_code, met.seen()) == (code, requests)
    assert problem.message.startswith("nothing was sent: the lock of organisation `acme` cannot be ")
    assert said in problem.message
    assert ("a lock needs read and write on `labels`" in problem.hint) is (code is ExitCode.AUTH)
    unknown = answers[1] in (BROKEN, FORBIDDEN) or "no label" in said
    assert problem.hint.endswith("`tokenctl unlock` shows whether the lock was taken all the same") is unknown


def test_a_lock_that_was_not_made_is_made_again_and_is_ours_if_the_first_comes_late() -> None:
    with meeting(BROKEN, listed(), one(status=201), listed(entry()), again=1) as met:
        assert met.take() == LockLabel(ID, ORG, OURS)
        assert met.seen() == [POST, LIST] * 2
    with meeting(b"", listed(), CONFLICT, listed(entry()), again=1) as met:
        assert met.take() == LockLabel(ID, ORG, OURS)
    with meeting(BROKEN, listed(), BROKEN, listed(), again=1) as met, pytest.raises(UnreachableError) as caught:
        met.take()
    assert caught.value.problems[0].hint.endswith("; given up")


def test_a_deletion_that_was_lost_is_sent_again() -> None:
    with meeting(one(), BROKEN, GONE, again=1) as met:
        met.lock.remove(LockLabel(ID, ORG, OURS), "acme")
        assert met.seen() == [f"GET /api/v2/labels/{ID}", DELETE, DELETE]


def test_a_lock_of_another_organisation_is_not_this_ones() -> None:
    with (
        meeting(BROKEN, listed(entry(orgID="a1d07c52e94fb836"), entry(name="other", properties=5))) as met,
        pytest.raises(UnreachableError),
    ):
        met.take()


def test_only_the_own_lock_is_given_back() -> None:
    with meeting(listed(entry()), DELETED) as met:
        assert met.lock.release(ORG, "acme", OURS, 5.0)
        assert met.seen() == [LIST, DELETE]
        assert met.said == [f"lock: deleting the label `tokenctl.lock` {ID} of organisation `acme`"]
    with meeting(listed(entry(THEIRS))) as met:
        assert not met.lock.release(ORG, "acme", OURS, 5.0)
        assert (met.seen(), met.said) == ([LIST], [])


def test_a_lock_that_is_gone_already_is_given_back() -> None:
    with meeting(listed(entry()), GONE) as met:
        assert met.lock.release(ORG, "acme", OURS, 5.0)
    with meeting(listed(entry()), NO_RIGHT) as met, pytest.raises(AuthError):
        met.lock.release(ORG, "acme", OURS, 5.0)


def test_giving_back_takes_no_longer_than_it_may() -> None:
    def silent(connection: Connection) -> Iterator[bytes]:
        while connection.pause():
            pass
        yield b""

    with meeting(script=silent) as met:
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            met.lock.release(ORG, "acme", OURS, 0.2)
        assert 0.1 < time.monotonic() - started < 10


def test_exactly_the_lock_that_was_shown_is_removed() -> None:
    hold = LockLabel(ID, ORG, OURS)
    with meeting(one(), DELETED) as met:
        met.lock.remove(hold, "acme")
        assert met.seen() == [f"GET /api/v2/labels/{ID}", DELETE]
    for other in (one(THEIRS), GONE, one(OURS._replace(since="now"))):
        with meeting(other) as met, pytest.raises(StaleError):
            met.lock.remove(hold, "acme")
        assert len(met.requests) == 1
    with meeting(one(), BROKEN) as met, pytest.raises(UnreachableError):
        met.lock.remove(hold, "acme")
