"""What docs/pull-requests.md says of the action, the workflows and the template is what they are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from reconciler.core.manifest import is_manifest
from tests.builders import token_id
from tests.gitlab import INPUTS
from tests.render.dataset import FORMATS, PLANS
from tests.scenarios.test_workflow_files import REUSABLE, ROOT, WORKFLOWS

GUIDE = (ROOT / "docs" / "pull-requests.md").read_text()


def _table(head: str) -> set[str]:
    """The names in the first column of the table with this head."""
    rows = GUIDE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`([a-z_-]+)`", row.split("|")[1])}


def test_every_input_and_output_of_the_action_has_a_row() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    section = GUIDE.partition("\n## The action\n")[2]
    assert section
    assert _table("input | meaning") == action["inputs"].keys()
    assert _table("output") == action["outputs"].keys()


@pytest.mark.parametrize("name", REUSABLE)
def test_every_input_and_output_of_a_workflow_is_named(name: str) -> None:
    called = yaml.safe_load(WORKFLOWS[name].read_text())[True]["workflow_call"]
    assert _table(f"`{name}.yml` takes") == called["inputs"].keys()
    gives = GUIDE.partition(f"| `{name}.yml` takes |")[2].partition("\nOutputs: ")[2].partition("\n")[0]
    assert set(re.findall(r"`([a-z]+)`", gives)) == called["outputs"].keys()


@pytest.mark.parametrize("name", REUSABLE)
def test_a_calling_workflow_gives_the_rights_and_the_secrets_that_the_called_one_needs(name: str) -> None:
    callers = [yaml.safe_load(each.read_text()) for each in (ROOT / "examples" / "pull-requests").iterdir()]
    (job,) = (job for each in callers for job in each["jobs"].values() if f"/{name}.yml@" in job["uses"])
    called = yaml.safe_load(WORKFLOWS[name].read_text())
    needed: dict[str, str] = {}
    for each in called["jobs"].values():
        needed |= {right: level for right, level in each["permissions"].items() if needed.get(right) != "write"}
    assert job["permissions"] == needed
    assert job["secrets"].keys() | {"INFLUX_CONFIGS"} == called[True]["workflow_call"]["secrets"].keys()
    assert all(each["permissions"] == {} for each in callers)


def _indented(text: str) -> str:
    return "\n".join(re.findall(r"^    (.*)|^$", text, re.MULTILINE))


def test_the_guide_to_many_servers_calls_what_there_is() -> None:
    guide = (ROOT / "docs" / "fleet.md").read_text().partition("\n## GitHub\n")[2]
    caller = yaml.safe_load(_indented("    uses:" + guide.partition("    uses:")[2].partition("\n\n")[0]))
    for name in REUSABLE:
        called = yaml.safe_load(WORKFLOWS[name].read_text())[True]["workflow_call"]
        assert caller["with"].keys() <= called["inputs"].keys()
        assert caller["secrets"].keys() <= called["secrets"].keys()
    workflow = yaml.safe_load((ROOT / "examples" / "fleet" / "networks.yml").read_text())
    jobs = workflow["jobs"]
    assert [("secrets." in str(job), job["permissions"]) for job in jobs.values()] == [
        (True, {"contents": "read"}), (False, {"pull-requests": "write"}),
    ]  # fmt: skip
    used = {
        step["uses"].partition("@")[0]: step["with"] for job in jobs.values() for step in job["steps"] if "uses" in step
    }
    for name, path in {
        "tokenctl/tokenctl": ROOT,
        "tokenctl/tokenctl/.github/actions/comment": ROOT / ".github/actions/comment",
    }.items():
        assert used[name].keys() <= yaml.safe_load((path / "action.yml").read_text())["inputs"].keys()
    artifact = used["tokenctl/tokenctl"]["artifact"].replace("${{ matrix.network }}", "eu")
    assert fnmatch(artifact, used["actions/download-artifact"]["pattern"])


def test_every_input_of_the_template_for_gitlab_has_a_row() -> None:
    section = GUIDE.partition("\n## GitLab\n")[2]
    rows = section.partition("| input |")[2].partition("\n\n")[0].splitlines()[2:]
    assert {name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])} == INPUTS.keys()


def test_the_hook_that_the_guide_names_is_there_and_looks_at_what_it_says() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (hook,) = (each for each in hooks if each["id"] == "tokenctl-validate")
    assert f"- id: {hook['id']}" in GUIDE
    taken = (
        "tokens.yaml",
        "tokens.YML",
        "tokens/eu.yml",
        "tokens/B.YML",
        "tokens/eu/west/b.Yaml",
        "tokens/x.json.yaml",
    )
    left = (
        "a/tokens.yaml",
        "x.yaml",
        "tokens/.x.yaml",
        "tokens/.git/x.yaml",
        "tokens.yaml.bak",
        "tokens/x.json",
        "tokens/yaml",
    )
    for name in (*taken, *left):
        assert bool(re.search(hook["files"], name)) == (name in taken), name
        assert name not in taken or is_manifest(name.rpartition("/")[2])
    assert hook["entry"] == "tokenctl validate --by-folder"


def _breaks_rules(plan: dict[str, Any]) -> list[str]:
    """The tokens that the guide's rules of one's own refuse, as anybody would write these rules over the JSON."""
    return [
        each["id"]
        for each in plan["changes"]
        if any(bucket["writers"] == [] for bucket in each.get("buckets", [])) or "team" not in each.get("labels", {})
    ]


def test_rules_of_ones_own_hold_over_the_json_of_a_plan() -> None:
    plan = json.loads(FORMATS["json"](PLANS["rights"]))
    found = _breaks_rules(plan)
    assert found == [token_id(each) for each in (3, 4, 5, 6, 1, 2, 8)]
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("no jq is installed: the guide's program is run by nobody here")
    program = GUIDE.partition("jq --exit-status '")[2].partition("' plan.json")[0]

    def judged(changes: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
        text = json.dumps({**plan, "changes": changes})
        return subprocess.run([jq, "--exit-status", program], input=text, capture_output=True, text=True, check=False)

    refused = judged(plan["changes"])
    assert (refused.returncode, f"not by our rules: {', '.join(found)}" in refused.stderr) == (5, True), refused.stderr
    allowed = judged([each for each in plan["changes"] if each["id"] not in found])
    assert (allowed.returncode, allowed.stdout) == (0, "true\n")
