"""The template for GitLab: what its jobs may do, and that its scripts are scripts."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.gitlab import INPUTS, JOBS, TEMPLATE
from tests.gitlab import job_of as _job
from tests.shell import group

RUN = [name for name in JOBS if not name.startswith(".")]


def test_the_inputs_are_typed_and_every_one_is_used() -> None:
    body = TEMPLATE.read_text().partition("\n---\n")[2]
    assert set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", body)) == INPUTS.keys()
    assert {name for name, each in INPUTS.items() if each["type"] != "string"} == {"changes", "parallel"}
    assert re.fullmatch(INPUTS["fleet"]["regex"], "servers/eu")
    assert not re.fullmatch(INPUTS["fleet"]["regex"], "servers --base=x")
    assert all(each["description"] for each in INPUTS.values())
    assert [name for name, each in INPUTS.items() if "default" not in each] == ["version"]
    assert re.fullmatch(INPUTS["version"]["regex"], "1.2.3")
    assert re.fullmatch(INPUTS["version"]["regex"], f"1.2.3@sha256:{'0' * 64}")
    assert not re.fullmatch(INPUTS["version"]["regex"], "1.2.3 --index-url=x")


def test_no_job_installs_anything() -> None:
    for name in RUN:
        job = _job(name)
        assert job["image"]["name"] == "$[[ inputs.image ]]:$[[ inputs.version ]]"
        assert not re.search(r"\b(pip|apt|curl|wget)\b", "\n".join([*job["before_script"], *job["script"]]))


@pytest.mark.parametrize("name", RUN)
def test_every_script_is_one_and_no_input_is_part_of_it(name: str) -> None:
    job = _job(name)
    script = "\n".join([*job["before_script"], *job["script"]])
    assert "$[[" not in script
    subprocess.run(["/bin/bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("name", RUN)
def test_every_option_of_a_script_is_one_of_the_program(name: str) -> None:
    for command, rest in re.findall(r"^ *tokenctl (\w+)(.*)", "\n".join(_job(name)["script"]), re.MULTILINE):
        known = {option for each in group().commands[command].params for option in each.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+(?=[= ])", rest)) <= known
        files = rest.partition(" -- ")[2].partition(" ||")[0]
        assert files == {"show": "$PARTS"}.get(
            command, "plan.json" if "--base" not in rest and command == "apply" else "$TOKENCTL_FILES"
        )


def test_only_the_apply_enters_the_protected_environment_one_at_a_time_and_by_hand() -> None:
    environments = {name: _job(name).get("environment", {}).get("name") for name in RUN}
    assert environments == {
        "tokenctl-plan-part": "$[[ inputs.environment ]]/plan",
        "tokenctl-plan": "$[[ inputs.environment ]]/plan",
        "tokenctl-note": "$[[ inputs.environment ]]/note",
        "tokenctl-plan-of-a-fork": None,
        "tokenctl-code-quality": None,
        "tokenctl-plan-after-the-merge": "$[[ inputs.environment ]]/plan",
        "tokenctl-apply": "$[[ inputs.environment ]]",
        "tokenctl-drift": "$[[ inputs.environment ]]/plan",
    }
    apply = _job("tokenctl-apply")
    (rule,) = apply["rules"]
    assert (rule["when"], apply["resource_group"], apply["interruptible"]) == (
        "manual", "tokenctl-$[[ inputs.environment ]]", False,
    )  # fmt: skip
    assert rule["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
    assert rule["allow_failure"] is True  # a manual job without it blocks its pipeline
    (*_, planned) = _job("tokenctl-plan-after-the-merge")["rules"]
    assert (rule["if"], rule["changes"]) == (planned["if"], planned["changes"])


def test_the_apply_is_of_the_digest_that_the_plan_before_it_left() -> None:
    assert _job("tokenctl-apply")["needs"] == ["tokenctl-plan-after-the-merge"]
    assert '--expect="$TOKENCTL_DIGEST"' in _job("tokenctl-apply")["script"][-1]
    plan = _job("tokenctl-plan-after-the-merge")
    assert plan["artifacts"]["reports"]["dotenv"] == "plan.env"
    assert "TOKENCTL_DIGEST=" in plan["script"][-1]
    assert _job("tokenctl-apply")["artifacts"]["when"] == "always"
    for job in ("tokenctl-plan-after-the-merge", "tokenctl-apply"):
        assert '${BASE:+--base="$BASE"}' in "\n".join(_job(job)["script"])


def test_a_merge_request_has_a_widget_and_code_quality_and_a_fork_asks_no_server() -> None:
    plan = _job("tokenctl-plan")
    written = " ".join(plan["script"])
    assert plan["artifacts"]["reports"].keys() == {"terraform", "codequality", "dotenv"}
    for report, file in list(plan["artifacts"]["reports"].items())[:2]:
        assert f"--output=gitlab-{report}={file}" in written
    assert '--base="$CI_MERGE_REQUEST_DIFF_BASE_SHA"' in written
    fork = _job("tokenctl-plan-of-a-fork")
    assert "--offline" in " ".join(fork["script"])
    assert f"--output=gitlab-codequality={fork['artifacts']['reports']['codequality']}" in " ".join(fork["script"])


def test_parts_of_a_fleet_are_planned_where_the_whole_is_and_nobody_else_names_them() -> None:
    part = _job("tokenctl-plan-part")
    never, request, merged = part["rules"]
    assert never == {"if": '"$[[ inputs.parallel ]]" == "1"', "when": "never"}
    assert part["artifacts"]["paths"] == ["part-$CI_NODE_INDEX.json"]  # and none that lies in the repository
    for job, rule in (("tokenctl-plan", request), ("tokenctl-plan-after-the-merge", merged)):
        in_parts, whole = _job(job)["rules"]
        assert whole == rule
        condition = f'"$[[ inputs.parallel ]]" != "1" && {rule["if"]}'
        assert in_parts == {
            **rule,
            "if": condition,
            "needs": ["tokenctl-plan-part"],
        }  # the whole waits for earlier stages
