"""What a workflow may ask for and what is refused; outputs that no value can forge, and a summary that is not thrown away."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from action.runner import LARGEST_SUMMARY, ActionError, Inputs, command, path, read, summarise, variable, write
from tests.action.runner_outputs import read_outputs


def test_nothing_said_is_a_plan_of_the_default_file() -> None:
    assert read({}) == Inputs(install=False)


def test_every_input_is_read() -> None:
    environment = {
        "INPUT_COMMAND": "plan",
        "INPUT_FILES": "tokens/\n\n  extra file.yaml \n--help\n",
        "INPUT_FLEET": "servers",
        "INPUT_SERVERS": "eu-*\n!eu-7\n",
        "INPUT_SHARD": "1/3",
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
        fleet="servers",
        servers=("eu-*", "!eu-7"),
        shard="1/3",
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


def test_a_saved_plan_is_applied_as_it_was_agreed_to() -> None:
    agreed = {"INPUT_COMMAND": "apply", "INPUT_PLAN": "plan.json", "INPUT_EXPECT": "0" * 64}
    assert read(agreed).plan == "plan.json"
    for lacking in ("INPUT_COMMAND", "INPUT_EXPECT"):
        with pytest.raises(ActionError, match="the input `plan` is for `apply`, and needs `expect`"):
            read({name: value for name, value in agreed.items() if name != lacking})


def test_a_variable_of_the_runner_is_needed() -> None:
    assert variable({"GITHUB_SHA": "1"}, "GITHUB_SHA") == "1"
    assert path({"RUNNER_TEMP": "/tmp"}, "RUNNER_TEMP") == Path("/tmp")  # noqa: S108  # only a name
    for environment in ({}, {"GITHUB_SHA": ""}):
        with pytest.raises(ActionError, match="the variable GITHUB_SHA is not set"):
            variable(environment, "GITHUB_SHA")


def test_outputs_are_added_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "output"
    write(file, {"digest": "abc", "empty": ""})
    write(file, {"text": "a\nb=c\nd<<EOF\nEOF"})
    assert read_outputs(file) == {"digest": "abc", "empty": "", "text": "a\nb=c\nd<<EOF\nEOF"}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_no_value_makes_another_output(value: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "output"
        write(file, {"value": value, "after": "1"})
        assert read_outputs(file).keys() == {"value", "after"}


def test_two_outputs_never_have_one_delimiter(tmp_path: Path) -> None:
    write(tmp_path / "output", {"a": "", "b": ""})
    delimiters = {line.partition("<<")[2] for line in (tmp_path / "output").read_text().splitlines() if "<<" in line}
    assert {len(each) for each in delimiters} == {4 + 32}
    assert len(delimiters) == 2


def test_a_summary_stays_below_what_the_runner_takes(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    summarise(file, "# one", "instead")
    summarise(file, "ä" * (LARGEST_SUMMARY // 2), "instead")
    assert file.read_text() == "# one\n\ninstead\n\n"
    summarise(file, "x" * (LARGEST_SUMMARY - 16 - 2), "")
    assert file.stat().st_size == LARGEST_SUMMARY
    summarise(file, "more", "y")
    assert file.stat().st_size == LARGEST_SUMMARY


def test_a_message_is_one_command() -> None:
    assert command("error", "50%\r\n::warning::x") == "::error::50%25%0D%0A::warning::x"
