"""What a runner reads after a step: outputs that no value can forge, and a summary that it does not throw away."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from action.outputs import LARGEST_SUMMARY, command, summarise, write
from tests.action.runner_outputs import read_outputs


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
