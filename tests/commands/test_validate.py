"""`validate`: which files are good, and every problem of those that are not."""

from __future__ import annotations

from contextlib import chdir
from functools import partial
from pathlib import Path

import pytest

from reconciler.commands import validate
from reconciler.errors import ExitCode
from tests.shell import GRAFANA, INGEST, OPERATOR, Done, Shell

ROOT = Path(__file__).parent.parent.parent


def test_good_files_are_counted(shell: Shell) -> None:
    one = shell.declare(f'id: "{GRAFANA}"', name="one/a.yaml")
    two = shell.declare(f'id: "{INGEST}"', f'id: "{OPERATOR}"', name="two.yaml")
    assert shell.call(lambda context: validate.run([one], context)).out == "1 file, 1 declaration: no problems\n"
    done = shell.call(lambda context: validate.run([str(shell.folder / "one"), two], context))
    assert done == Done(ExitCode.OK, "2 files, 3 declarations: no problems\n", "")
    assert shell.sent() == []


def test_a_file_may_come_from_standard_input(shell: Shell) -> None:
    done = shell.call(lambda context: validate.run(["-"], context), stdin=b"version: 1\n")
    assert done == Done(ExitCode.OK, "1 file, 0 declarations: no problems\n", "")


def test_without_a_file_what_lies_beside_the_default_is_named(shell: Shell) -> None:
    good = f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n'
    with chdir(shell.folder):
        for name in ("tokens.yml", "tokens/a.YML", "Tokens", "other.yaml"):
            shell.write(good, name)
        done = shell.call(lambda context: validate.run([], context))
        assert (done.code, done.err) == (
            ExitCode.USAGE,
            "no file was named and there is no tokens.yaml here, but the folder tokens/ and tokens.yml\n"
            "  hint: name the files or folders to read, such as `tokens/`, or `-` for standard input\n",
        )
        shell.write(good)
        done = shell.call(lambda context: validate.run([], context))
        assert done == Done(
            ExitCode.OK,
            "1 file, 1 declaration: no problems\n",
            "Warning: tokens/ is not read, only tokens.yaml: no file was named\n  hint: name all that are meant\n"
            "Warning: tokens.yml is not read, only tokens.yaml: no file was named\n  hint: name all that are meant\n",
        )
        Path("tokens.yml").unlink()
        Path("tokens.yml").symlink_to("tokens.yaml")
        Path("tokens/a.YML").unlink()
        assert shell.call(lambda context: validate.run([], context)).err == ""


def test_files_can_be_checked_by_folder_and_by_server(shell: Shell) -> None:
    one, other = "server: {org: acme}\n", "server: {org: edge-lab}\n"
    entry = f'id: "{GRAFANA}"'
    with chdir(shell.folder):
        files = [
            shell.declare(entry, name="a/one.yaml", head=one),
            shell.declare(f'id: "{INGEST}"', name="a/rest.yaml"),
            shell.declare(entry, name="b/one.yaml", head=one),
            shell.declare(entry, name="b/other.YML", head=other),
            shell.declare(f'id: "{INGEST}"', name="b/more.yaml", head=one),
            shell.declare(entry, name="b/rest.yaml"),
        ]
        done = shell.call(lambda context: validate.run([*files[:2], "b"], context, by_folder=True))
        assert done == Done(ExitCode.OK, "6 files, 6 declarations: no problems\n", "")
        assert shell.call(lambda context: validate.run(["b"], context)).code == ExitCode.INVALID
        alike = ("https://prod.example", "https://PROD.example:443/"), ("acme", "'acme '")
        for number, (url, org) in enumerate(zip(*alike, strict=True)):
            shell.declare(entry, name=f"c/{number}.yaml", head=f"server: {{url: '{url}', org: {org}}}\n")
        done = shell.call(lambda context: validate.run(["c"], context, by_folder=True))
        assert done.err.startswith("c/1.yaml:4:10: the token is declared for the second time")  # it is one server
        shell.declare(entry, name="a/rest.yaml")
        bad = shell.write("version: 2\n", "b/bad.yaml")
        done = shell.call(lambda context: validate.run([bad, *files], context, by_folder=True))
        assert (done.code, done.err) == (
            ExitCode.INVALID,
            "DIR/a/rest.yaml:3:10: the token is declared for the second time, first in DIR/a/one.yaml:4:10\n"
            "  hint: remove one of them\n"
            "DIR/b/bad.yaml:1:10: unknown version `2`\n  hint: write `version: 1`\n",
        )
        for wanted, code in (((), ExitCode.USAGE), (("-",), ExitCode.USAGE), (("none",), ExitCode.INVALID)):
            assert shell.call(partial(validate.run, wanted, by_folder=True)).code == code


def test_all_problems_of_all_files_are_named_at_once(shell: Shell) -> None:
    one = shell.declare(f'id: "{GRAFANA}", status: disabled', name="one.yaml")
    two = shell.declare('id: "x", descripton: y', name="two.yaml")
    done = shell.call(lambda context: validate.run([two, one], context))
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert done.err == (
        "DIR/one.yaml:3:38: unknown status `disabled`\n"
        "  hint: write `active` or `inactive`, or leave the key out to leave it alone\n"
        "DIR/two.yaml:3:10: this is no id `x`\n"
        "  hint: an id has 16 hex digits, not all of them 0, as `tokenctl list` shows\n"
        "DIR/two.yaml:3:15: unknown key `descripton`\n"
        "  hint: did you mean `description`?\n"
    )


def test_warnings_do_not_make_a_file_bad_and_can_be_silenced(shell: Shell) -> None:
    file = shell.write("version: 1\ntokens:\n  - id: 1234567812345678\n")
    done = shell.call(lambda context: validate.run([file], context))
    assert (done.code, done.out) == (ExitCode.OK, "1 file, 1 declaration: no problems\n")
    assert done.err.startswith("Warning: DIR/tokens.yaml:3:9: ")
    assert shell.call(lambda context: validate.run([file], context), quiet=True).err == ""


@pytest.mark.parametrize("head", ["guards: {min_managers: 1}\n", "", "server: {url: 'http://HOST'}\n"])
def test_files_of_a_folder_that_make_no_one_manifest_hint_at_a_fleet_once(shell: Shell, head: str) -> None:
    for name in ("hamburg", "lyon"):
        shell.declare(f'id: "{GRAFANA}", name: g', head=head.replace("HOST", name), name=f"servers/{name}.yaml")
    with chdir(shell.folder):
        done = shell.call(lambda context: validate.run(["servers/"], context))
        apart = shell.call(lambda context: validate.run(["servers/hamburg.yaml", "servers/lyon.yaml"], context))
        shell.declare(*[f'id: "{GRAFANA}"'] * 2, name="servers/lyon.yaml")
        (shell.folder / "servers/hamburg.yaml").unlink()
        within = shell.call(lambda context: validate.run(["servers"], context))
    hint = done.err.splitlines()[1]
    assert hint.endswith("; if servers/ has one for each server: `--fleet servers/`, no FILE")
    assert (done.code, done.err.count("--fleet"), apart.err.count("--fleet"), within.err.count("--fleet")) == (
        65,
        1,
        0,
        0,
    )


def test_a_folder_with_a_folder_for_each_server_hints_at_a_fleet(shell: Shell) -> None:
    shell.declare(f'id: "{GRAFANA}"', name="servers/lyon/tokens.yaml")
    with chdir(shell.folder):
        done = shell.call(lambda context: validate.run(["none.yaml", "servers"], context))
    assert (done.code, done.err) == (
        ExitCode.INVALID,
        "none.yaml: no such file or directory\n"
        "servers: there is no *.yaml and no *.yml in this folder, only in servers/lyon\n"
        "  hint: subfolders are not read: name each that is meant; if servers has one for each server: "
        "`--fleet servers`, no FILE\n",
    )
