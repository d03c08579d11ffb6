"""The image, as far as it can be held without a container engine: CI builds it and runs the demo in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from action.run import LOCKED
from reconciler.sandbox.faults import Fault
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.scenarios.test_signals import running, until
from tests.shell import PROGRAM, shell_on

ROOT = Path(__file__).parent.parent
INSTRUCTIONS = [
    each.split(maxsplit=1)
    for each in re.sub(
        r" *\\\n *", " ", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    ).splitlines()
    if each
]
AS_PROCESS_1 = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


def instructions(name: str) -> list[str]:
    """What follows an instruction of this name, each time."""
    return [rest for each, rest in INSTRUCTIONS if each == name]


def test_both_stages_are_one_slim_python_by_digest_that_the_project_supports() -> None:
    images = {each.removesuffix(" AS build") for each in instructions("FROM")}
    (image,) = images
    found = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", image)
    assert found
    assert f'"Programming Language :: Python :: {found[1]}"' in (ROOT / "pyproject.toml").read_text()


def test_it_takes_the_wheel_and_the_lock_file_of_the_action_and_nothing_else() -> None:
    ignored, *taken = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [each.rsplit(" ", 1)[0].split() for each in instructions("COPY") if not each.startswith("--from=build")]
    assert (ignored, {each.removeprefix("!") for each in taken}) == ("*", {*copied[0]})
    assert len(copied) == 1
    assert str(LOCKED.relative_to(ROOT)) in copied[0]
    assert [each for each in copied[0] if fnmatch("dist/tokenctl-1.2.3-py3-none-any.whl", each)]


def test_it_runs_as_a_user_by_number_and_without_a_shell() -> None:
    assert (instructions("USER"), instructions("ENTRYPOINT")) == (["65532:65532"], ['["tokenctl"]'])
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_everything_that_is_installed_has_a_hash_or_is_our_wheel() -> None:
    installs = re.findall(r"\$pip install (.*?) (?=&&)", instructions("RUN")[0])
    assert [{"--require-hashes"} <= {*each.split()} for each in installs] == [True, False]
    assert {"--no-index", "--no-deps", "./*.whl"} <= {*installs[1].split()}


def test_the_guide_says_what_to_mount() -> None:
    guide = (ROOT / "docs" / "install.md").read_text()
    (variables,) = (each for each in instructions("ENV") if "XDG_STATE_HOME" in each)
    state = re.findall(r"XDG_STATE_HOME=(\S+)", variables)
    assert [*instructions("WORKDIR")[1:], *state] == re.findall(r"^\| `(/\w+)` \|", guide, re.MULTILINE)[:2]


def test_ci_builds_it_and_runs_the_demo_on_a_root_that_cannot_be_written() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    lines = " ".join(step.get("run", "") for step in jobs["image"]["steps"])
    assert "docker build" in lines
    assert re.search(r"docker run .*--read-only .* demo", lines)
    assert "image" in jobs["gate"]["needs"]


def alone(process: int) -> int:
    """The process that is number 1 of its own, below this one; 0 while there is none."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    numbers = [
        re.findall(r"^NSpid:.*\s(\d+)$", Path(f"/proc/{each}/status").read_text(), re.MULTILINE) for each in children
    ]
    return int(children[0]) if numbers == [["1"]] else 0


def can_be_process_1() -> bool:
    """Whether this machine lets a process be number 1 of its own."""
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run([*AS_PROCESS_1, "true"], check=False, capture_output=True).returncode
    )


@pytest.mark.skipif(not can_be_process_1(), reason="nothing here can be process 1 of its own")
@pytest.mark.parametrize(
    ("number", "code", "words"), [(signal.SIGTERM, 143, "told to end"), (signal.SIGINT, 130, "interrupted")]
)
def test_process_1_ends_in_good_order_although_it_has_no_default_handlers(
    tmp_path: Path, number: signal.Signals, code: int, words: str
) -> None:
    with shell_on(tmp_path, faults=[Fault("slow-body", "GET", 1)]) as shell:
        shell.declare(DESCRIBE)
        program = [shutil.which("unshare") or "", *AS_PROCESS_1[1:], str(PROGRAM)]
        with running(shell, "plan", "--output=openmetrics=out.prom", program=program) as process:
            until(lambda: bool(shell.sandbox.requests), process)
            inner = alone(process.pid)
            assert inner
            os.kill(inner, number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err.splitlines()[-2:]) == (
            code,
            "",
            [f"{words}: nothing was sent", "  hint: run it again to go on"],
        )
        assert 'reason="interrupted"} 1\n' in (tmp_path / "out.prom").read_text()
