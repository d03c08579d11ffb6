"""Metrics: whole texts, as both parsers of Prometheus read them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import __version__
from reconciler.core.plan import Action, Guard, Mark, Plan
from reconciler.errors import ExitCode
from reconciler.render.metrics import Sample, openmetrics
from tests.log_commands import commands
from tests.render.dataset import PLANS
from tests.strategies import HOSTILE

# One for OpenMetrics, which has no types, and one for the older format.
PARSERS = [import_module(f"prometheus_client.{name}") for name in ("openmetrics.parser", "parser")]
NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC)
Rows = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def drawn(plan: Plan | None, code: ExitCode = ExitCode.OK, server: str = "edge-0001") -> str:
    """The metrics of one server."""
    return openmetrics([Sample(server=server, code=code, took_s=0.1144, plan=plan)], NOW)


def read(text: str) -> Rows:
    """The samples, as both parsers read them; nothing but gauges without times, each once."""
    found: list[Rows] = []
    for parser in PARSERS:
        rows: Rows = {}
        for family in parser.text_string_to_metric_families(text):
            assert (family.type, bool(family.documentation)) == ("gauge", True)
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert (sample.timestamp, key in rows) == (None, False)
                rows[key] = sample.value
        found.append(rows)
    assert found[0] == found[1]
    return found[0]


WHOLE = f"""\
# HELP tokenctl_up Whether the server was read and planned for in this run.
# TYPE tokenctl_up gauge
tokenctl_up{{server="edge-0001"}} 1
# HELP tokenctl_reason The name of the exit code, which is always 1 here.
# TYPE tokenctl_reason gauge
tokenctl_reason{{server="edge-0001",reason="refused"}} 1
# HELP tokenctl_changes Tokens that are not as declared, by what would make them so.
# TYPE tokenctl_changes gauge
tokenctl_changes{{server="edge-0001",action="activate"}} 0
tokenctl_changes{{server="edge-0001",action="describe"}} 0
tokenctl_changes{{server="edge-0001",action="deactivate"}} 4
# HELP tokenctl_refusals What the guards say against the plan.
# TYPE tokenctl_refusals gauge
tokenctl_refusals{{server="edge-0001",guard="min_managers"}} 1
tokenctl_refusals{{server="edge-0001",guard="self"}} 1
tokenctl_refusals{{server="edge-0001",guard="unmanaged"}} 1
# HELP tokenctl_tokens Tokens that the files declare, and all that were listed.
# TYPE tokenctl_tokens gauge
tokenctl_tokens{{server="edge-0001",kind="managed"}} 4
tokenctl_tokens{{server="edge-0001",kind="live"}} 5
# HELP tokenctl_plan_duration_seconds How long reading and planning took.
# TYPE tokenctl_plan_duration_seconds gauge
tokenctl_plan_duration_seconds{{server="edge-0001"}} 0.114
# HELP tokenctl_run_timestamp_seconds When this was written.
# TYPE tokenctl_run_timestamp_seconds gauge
tokenctl_run_timestamp_seconds 1767323045
# HELP tokenctl_build_info The version of tokenctl, which is always 1 here.
# TYPE tokenctl_build_info gauge
tokenctl_build_info{{version="{__version__}"}} 1
# EOF
"""


def test_a_plan_that_is_refused_is_one_that_was_made() -> None:
    text = drawn(PLANS["refused"], ExitCode.REFUSED)
    assert text == WHOLE
    assert len(read(text)) == 13


def test_without_a_plan_only_the_reason_is_told() -> None:
    read_rows = read(drawn(None, ExitCode.UNREACHABLE))
    assert read_rows == {
        ("tokenctl_up", (("server", "edge-0001"),)): 0,
        ("tokenctl_reason", (("reason", "unreachable"), ("server", "edge-0001"))): 1,
        ("tokenctl_plan_duration_seconds", (("server", "edge-0001"),)): 0.114,
        ("tokenctl_run_timestamp_seconds", ()): 1767323045,
        ("tokenctl_build_info", (("version", __version__),)): 1,
    }


def test_origins_are_told_where_there_is_a_base_and_zeros_too() -> None:
    plan = PLANS["compared"]
    without = plan._replace(changes=tuple(each._replace(marks={}) for each in plan.changes))
    for each, expected in (
        (plan, dict.fromkeys(Mark, 1.0) | {"unknown": 0.0}),
        (without, dict.fromkeys(Mark, 0.0) | {"unknown": 3.0}),
    ):
        rows = read(drawn(each))
        origins = {
            dict(labels)["origin"]: value
            for (name, labels), value in rows.items()
            if name == "tokenctl_changes_by_origin"
        }
        assert origins == expected
    assert "by_origin" not in drawn(PLANS["every-action"])


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_is_read_by_both_and_counts_as_it_does(name: str) -> None:
    plan = PLANS[name]
    rows = read(drawn(plan))
    assert [rows["tokenctl_changes", (("action", each), ("server", "edge-0001"))] for each in Action] == [
        plan.count(each) for each in Action
    ]
    refusals = {name for name, _ in rows if name == "tokenctl_refusals"}
    assert bool(refusals) == bool(plan.refusals)


def test_two_refusals_of_one_guard_are_one_sample() -> None:
    plan = PLANS["refused"]
    twice = plan._replace(refusals=(*plan.refusals, *plan.refusals))
    assert read(drawn(twice))["tokenctl_refusals", (("guard", Guard.SELF), ("server", "edge-0001"))] == 2


def test_the_metrics_of_several_servers_stand_together() -> None:
    samples = [
        Sample(server="a", code=ExitCode.OK, took_s=0.0, plan=PLANS["nothing"]),
        Sample(server="b", code=ExitCode.AUTH, took_s=12.0),
    ]
    text = openmetrics(samples, NOW)
    assert text.count("# TYPE ") == 7
    rows = read(text)
    assert [rows["tokenctl_up", (("server", each),)] for each in "ab"] == [1, 0]


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_a_name_of_a_server_is_data_whatever_it_holds(server: str) -> None:
    text = drawn(PLANS["every-action"], server=server)
    assert {dict(labels)["server"] for _, labels in read(text) if "server" in dict(labels)}
    assert not [*commands(text)]
    assert {line[:9] for line in text.splitlines()} == {"# HELP to", "# TYPE to", "tokenctl_", "# EOF"}
    assert not [each for each in text if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_two_servers_whose_names_differ_in_a_backslash_stay_two() -> None:
    samples = [Sample(server=each, code=ExitCode.AUTH, took_s=0.0) for each in ("a\\n", 'a"', "a\\\\n", "a'")]
    assert {dict(labels).get("server") for _, labels in read(openmetrics(samples, NOW))} == {
        "a\\n",
        'a"',
        "a\\\\n",
        "a'",
        None,
    }
