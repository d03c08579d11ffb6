"""What a workflow may ask for, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from action.inputs import Inputs, path, read, variable
from action.outputs import ActionError


def test_nothing_said_is_a_plan_of_the_default_file() -> None:
    assert read({}) == Inputs(install=False)


def test_every_input_is_read() -> None:
    environment = {
        "INPUT_COMMAND": "plan",
        "INPUT_FILES": "tokens/\n\n  extra file.yaml \n--help\n",
        "INPUT_BASE": "--upload-pack=x",
        "INPUT_OFFLINE": "true",
        "INPUT_REVIEWED": "plan.json",
        "INPUT_EXPECT": "0" * 64,
        "INPUT_VERSION": "1.20.3",
        "INPUT_INSTALL": "true",
    }
    assert read(environment) == Inputs(
        command="plan",
        files=("tokens/", "extra file.yaml", "--help"),
        base="--upload-pack=x",
        offline=True,
        reviewed="plan.json",
        expect="0" * 64,
        version="1.20.3",
        install=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("command", "sandbox"),
        ("command", ""),
        ("command", "apply --yes"),
        ("offline", "yes"),
        ("install", "True"),
        ("expect", "0" * 63),
        ("expect", "0" * 64 + "\n"),
        ("expect", "G" * 64),
        ("version", "latest"),
        ("version", "1.2"),
        ("version", "1.2.3 --index-url=https://evil.example"),
        ("version", "1.2.3\n"),
        ("version", "@git+https://evil.example"),
        ("version", "١.2.3"),
    ],
)
def test_a_value_that_no_input_may_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(ActionError, match=f"the input `{name}` is "):
        read({f"INPUT_{name.upper()}": value})


def test_what_is_applied_is_never_planned_without_a_server() -> None:
    with pytest.raises(ActionError, match="the input `offline` is for plans"):
        read({"INPUT_COMMAND": "apply", "INPUT_OFFLINE": "true"})


def test_a_variable_of_the_runner_is_needed() -> None:
    assert variable({"GITHUB_SHA": "1"}, "GITHUB_SHA") == "1"
    assert path({"RUNNER_TEMP": "/tmp"}, "RUNNER_TEMP") == Path("/tmp")  # noqa: S108  # only a name
    for environment in ({}, {"GITHUB_SHA": ""}):
        with pytest.raises(ActionError, match="the variable GITHUB_SHA is not set"):
            variable(environment, "GITHUB_SHA")
