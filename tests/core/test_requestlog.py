"""The request log as real servers write it, as clients would like it to be, and as machines leave it behind."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.requestlog import ADDRESSES, MOST_OF_A_LINE, PATTERN
from reconciler.core.usage import Client, Evidence, Gap, Kind, TokenUse
from tests.requestlog import FORGED, LEGACY, ONE, OTHER, RECORDED, Recorded, counts, evidence, said, started, tallied

TEXT = st.text(max_size=20) | st.sampled_from(
    [FORGED, f'x" {FORGED}', f"\n{FORGED}\n", f"{FORGED} ", '\\"', "a b=c", "\r"]
)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each.path.name)
def test_recorded_logs_have_the_uses_that_were_made_and_no_other(recorded: Recorded) -> None:
    found = evidence(recorded.path.read_bytes(), ids=list(recorded.tokens.values()))
    for name, token in recorded.tokens.items():
        use, asked = found.by_id[token], recorded.requests(name)  # type: ignore[index]
        assert (use.requests, use.refused) == (len(asked), sum(each[3] in (401, 403) for each in asked)), name
        assert sum(each.requests for each in use.clients) == len(asked)
    assert found.by_id[recorded.tokens["legacy"]].last == found.until  # type: ignore[index]
    of_tokens = sum(use.requests for use in found.tokens)
    # Beside these: the operator, a web session, a v1 user; two v1 requests were refused, and made the server stumble.
    assert (found.requests, found.starts, found.others, found.refused_v1) == (39, 2, 11, 2)
    assert found.requests - found.others - of_tokens == 9  # those without credentials
    assert tallied(recorded.path.read_bytes()).version.decode() == recorded.said["version"]


def test_a_use_is_a_request_with_whatever_status_and_of_whatever_kind() -> None:
    log = [
        said(ONE, 0),
        said(ONE, 1, status=403),
        said(ONE, 2, "/api/v2/query?org=acme", status=404, agent="Grafana", remote="[::1]:7"),
        said(ONE, 3, "/query?db=b&q=x", status=401, agent="Mobile Safari/15"),
        said(ONE, 4, "/write", agent=""),
        said(ONE, 5, "/api/v2/delete"),
        said(ONE, 6, "/api/v2/buckets", status=200, agent="p@ss word=hunter2"),
        said("", 7, "/health"),
        said("0d97764b6d8f8000", 8, "/api/v2/me"),
    ]
    assert evidence("".join(log), ids=[ONE, LEGACY]) == Evidence(
        since="2026-11-20T12:00:00.000000Z",
        until="2026-11-20T12:00:08.000000Z",
        requests=9,
        starts=0,
        silence_s=0,
        gaps=(),
        others=1,
        refused_v1=0,
        tokens=(
            TokenUse(id=LEGACY),  # type: ignore[arg-type]
            TokenUse(
                id=ONE,  # type: ignore[arg-type]
                last="2026-11-20T12:00:06.000000Z",
                requests=7,
                refused=2,
                addresses=2,
                clients=(
                    Client(Kind.WRITE_V2, "Telegraf", 2),
                    Client(Kind.DELETE_V2, "Telegraf", 1),
                    Client(Kind.OTHER, "unknown", 1),
                    Client(Kind.QUERY_V1, "Mobile Safari", 1),
                    Client(Kind.QUERY_V2, "Grafana", 1),
                    Client(Kind.WRITE_V1, "unknown", 1),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    "before",
    ["", "Nov 20 13:00:00 db1 influxd-systemd.sh[811]: ", "2026-11-20T12:00:00.123456789Z ", "influxdb-1  | ", "\x1b[36minfluxdb |\x1b[0m ", "[pod/influx-0/influxdb] "],
)  # fmt: skip
def test_what_a_journal_or_a_container_writes_before_a_line_makes_no_difference(before: str) -> None:
    assert counts(before + said(), before + said(OTHER).replace("\n", "\r\n")) == (1, 1, 0)


@pytest.mark.parametrize(
    "line",
    [
        FORGED.replace("ts=", 'msg="ts='),
        f"query={FORGED}",
        f'"{FORGED}',
        FORGED + '"',
        FORGED + ' x"',
        FORGED + "ts=2026-11-27T16:00:00.000000Z",
        FORGED.replace(LEGACY, LEGACY[:-1]),
        FORGED.replace(LEGACY, LEGACY.upper()),
        FORGED.replace("user_agent=x", "user_agent=a b"),
        FORGED.replace("user_agent=x", "user_agent=a=b"),
        FORGED.replace("user_agent=x", 'user_agent="a\x00b"'),
        FORGED.replace("lvl=debug", "lvl=info"),
        FORGED.replace("ts=2026-11-27", "ts=2026-02-31"),
        FORGED.replace(" took=1ms body=", ""),
        FORGED[: FORGED.index("took=1ms") + 3],
        FORGED.replace("body=", 'body="' + "x" * 1000),
    ],
    ids=range(16),
)
def test_what_is_no_whole_line_of_the_server_gives_nothing(line: str) -> None:
    assert counts(f"{line}\n") == (0, 0, 0)


def test_the_forged_line_would_count_if_the_server_wrote_it() -> None:
    assert counts(FORGED) == counts(f"{FORGED}\n") == (0, 0, 1)


@given(agent=TEXT, path=TEXT, body=TEXT, referer=TEXT, host=TEXT)
def test_whatever_clients_send_a_line_counts_for_who_sent_it(
    agent: str, path: str, body: str, referer: str, host: str
) -> None:
    target = f"/{path.replace('?', '/')}?{path}"
    first, second = (
        said(token, 0, target, agent=agent, body=body, referer=referer, host=host) for token in (ONE, OTHER)
    )
    log = first + second
    assert counts(log) == (1, 1, 0)
    assert counts(log.removesuffix("\n")) == (1, 1, 0)


@st.composite
def _torn(draw: st.DrawFn) -> bytes:
    """Lines with forged ones in their texts: cut, joined, interleaved, and broken where a journal does it."""
    hostile = st.sampled_from([FORGED, f" {FORGED}", f"{FORGED} ", f"x {FORGED[:-5]}", f'" {FORGED}', f"\\{FORGED}"])
    lines = [
        said(draw(st.sampled_from([ONE, OTHER])), number, "/api/v2/query", agent=draw(hostile), body=draw(hostile))
        for number in range(4)
    ]
    log, seams = b"", st.sampled_from([b"", b"", b"\n", b" "])
    for line in map(str.encode, lines):
        kind = draw(st.sampled_from(["whole", "cut", "rest", "inside"]))
        at, to = sorted(draw(st.tuples(*[st.integers(0, len(line))] * 2)))
        if kind == "inside":  # one writer in the middle of what another one writes
            log += line[:at] + draw(st.sampled_from(lines)).encode() + line[at:]
        else:
            log += {"whole": line, "cut": line[:at] + draw(seams), "rest": line[to:]}[kind]
    return log


@given(log=_torn())
def test_torn_lines_give_nothing_to_a_token_that_made_no_request(log: bytes) -> None:
    assert counts(log)[2] == 0


@given(limit=st.integers(1000, 3000), padding=st.integers(0, 5000), body=st.integers(0, 4))
def test_a_line_that_a_journal_makes_several_of_gives_nothing_more(limit: int, padding: int, body: int) -> None:
    filled = FORGED + "y" * (limit - len(FORGED))  # as long as a part
    line = said(ONE, 0, "/api/v2/query", body="x" * padding + filled * body).encode()
    parts = b"\n".join(line[at : at + limit] for at in range(0, len(line), limit))
    assert counts(parts + said(OTHER, 1).encode())[2] == 0


def test_a_part_of_a_line_as_a_line_of_its_own_gives_nothing() -> None:
    line = said(ONE, 0, "/api/v2/query", agent=f"a{FORGED}b")
    at = line.index("ts=2026-11-27")
    torn = "\n".join((line[:at], line[at : at + len(FORGED)], line[at + len(FORGED) :]))
    assert counts(torn + said(OTHER)) == (0, 1, 0)


def test_a_body_that_is_cut_counts_when_enough_of_it_is_there() -> None:
    line = said(ONE, 0, "/api/v2/query", body='a "b" ' * 300)
    assert counts(line[:2000] + "\n" + said(OTHER, 1)) == (1, 0, 0)
    assert counts(line[: line.index(' body="') + 1000]) == (0, 0, 0)
    assert counts(said(ONE, 0, "/api/v2/query", body="x y" * MOST_OF_A_LINE)[:MOST_OF_A_LINE]) == (1, 0, 0)


def test_half_a_line_at_either_end_is_left_out() -> None:
    log = said(ONE, 0) + said(OTHER, 1) + said(ONE, 2)
    assert counts(log[20:-30]) == (0, 1, 0)


def test_starts_and_refused_v1_requests_are_counted() -> None:
    panic = (
        'ts=2026-11-20T12:00:00.000000Z lvl=info msg="http: panic serving 127.0.0.1:1: runtime error'
        r'\n\t(*Authorization).Identifier(0x3354c65?)" log_id=0 service=http' + "\n"
    )
    found = evidence(started(), panic, panic.replace("Authorization", "Other"), said(), started(5))
    assert (found.starts, found.refused_v1, found.requests) == (2, 1, 1)
    tally = tallied(started(version="v2.7.4", level="info"))
    assert (tally.evidence, tally.version, tally.level) == (None, b"2.7.4", b"info")
    assert tallied(started().replace(" log_level=debug", "")).level == b""


def test_other_layouts_are_known() -> None:
    terminal = tallied('2026-11-20T12:00:00.387952Z\tdebug\tRequest\t{"log_id": "0", "authenticated_id": "x"}\n')
    container = tallied('{"log":"ts=2026","stream":"stderr","time":"2026-11-20T12:00:00Z"}\n')
    neither = tallied("what is this\n")
    assert [(each.on_terminal, each.of_container) for each in (terminal, container, neither)] == [
        (True, False), (False, True), (False, False),
    ]  # fmt: skip


DAY = 24 * 3600


def test_logs_in_any_order_make_one_window_with_its_gaps() -> None:
    first = said(ONE, 0) + said(ONE, 50) + said(ONE, 110)
    second = said(OTHER, 400) + said(ONE, 500)
    third = said(ONE, 500 + 3600) + said(ONE, 550 + 3600)
    for logs in ((first, second, third), (third, first, second), (second + third, first), (third + first + second,)):
        found = evidence(*logs)
        assert (found.since, found.until) == ("2026-11-20T12:00:00.000000Z", "2026-11-20T13:09:10.000000Z")
        assert (found.silence_s, found.gaps) == (
            3600,
            (Gap("2026-11-20T12:08:20.000000Z", "2026-11-20T13:08:20.000000Z"),),
        )
        assert counts(*logs) == (6, 1, 0)
    assert evidence(first, second).silence_s == 290
    assert evidence(said(ONE, 59.9), said(OTHER, 60.1), said(ONE, 59.95)).silence_s == 0


def test_so_many_gaps_that_they_are_no_longer_told_apart_leave_the_longest() -> None:
    log = "".join(said(ONE, 61 * number) for number in range(8_000)) + said(ONE, DAY * 30)
    found = evidence(log)
    assert found.by_id[ONE].requests == 8_001  # type: ignore[index]
    assert found.gaps == (Gap("2026-11-26T03:32:19.000000Z", "2026-12-20T12:00:00.000000Z"),)


def test_since_leaves_out_what_is_older_at_the_end_of_the_log() -> None:
    log = [said(ONE, 0), said(OTHER, 100), said(ONE, DAY), said(OTHER, 2 * DAY - 3), said("f" * 16, 2 * DAY)]
    assert counts(*log, since_s=DAY / 2) == counts(*reversed(log), since_s=DAY / 2) == (0, 1, 0)
    found = evidence(*log, since_s=DAY + 1)
    assert (found.since, found.requests, found.others, len(found.gaps)) == ("2026-11-21T11:59:59.000000Z", 3, 1, 1)
    assert found.gaps[0].since == "2026-11-21T12:00:00.000000Z"
    assert evidence(*log, since_s=10 * DAY).since == "2026-11-20T12:00:00.000000Z"
    assert evidence(*log, since_s=10**9).requests == 5
    many = "".join(said(ONE, 60 * number) for number in range(2_000))
    assert counts(many, many, since_s=3600) == (122, 0, 0)


def test_a_use_before_the_cut_in_the_same_step_is_left_out() -> None:
    log = said(OTHER, 0.1) + said(ONE, 0.5) + said(ONE, 10.3)
    assert counts(log, since_s=10) == (2, 0, 0)


def test_requests_that_are_all_different_are_counted_like_any_others() -> None:
    # They take more room than is there for what is counted together, so that this begins anew several times.
    agents = ["Telegraf", "Mobile Safari/15", "Grafana"]
    once = [said(ONE, number % 60, f"/api/v2/buckets/{number}", agent=agents[number % 3]) for number in range(12_000)]
    tally = tallied("".join(once + once), ids=[ONE])
    assert len(tally._alike) < 12_000
    use = tally.evidence.by_id[ONE]  # type: ignore[index, union-attr]
    assert (use.requests, use.last) == (24_000, "2026-11-20T12:00:59.000000Z")
    assert {each.client: each.requests for each in use.clients} == {
        "Telegraf": 8_000,
        "Grafana": 8_000,
        "Mobile Safari": 8_000,
    }


def test_what_is_kept_of_a_token_is_bounded() -> None:
    log = "".join(said(ONE, 0, agent=f"a{number}", remote=f"10.0.{number}.1:1") for number in range(300))
    (use,) = evidence(log, ids=[ONE]).tokens
    assert (use.requests, use.addresses, len(use.clients)) == (300, ADDRESSES, 41)
    assert use.clients[0] == Client(Kind.WRITE_V2, "unknown", 260)


@given(text=st.text())
def test_any_line_is_looked_at(text: str) -> None:
    assume(not PATTERN.match(text.encode("utf-8", "replace")))
    assert counts(text.encode("utf-8", "replace"), said()) == (1, 0, 0)
