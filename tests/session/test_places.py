"""What programs call a file: its path from the root of the repository, and nothing that could be another file's."""

from __future__ import annotations

import json
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.plan import Site
from reconciler.render.formats import DRAWN, PlanFormat
from reconciler.session.places import naming, site_of
from tests.checkout import Checkout
from tests.commands.test_plan import DEACTIVATE, DESCRIBE
from tests.shell import Shell

# Two repositories and a nested one, a folder that is none, and a link to the first.
FOLDERS = ("repo/.git", "repo/infra", "repo/deps/other/.git", "second/.git", "plain/sub")


@pytest.mark.parametrize(
    ("here", "variables", "file", "name"),
    [
        ("repo", {}, "tokens.yaml", "tokens.yaml"),
        ("repo", {}, "./infra/tokens.yaml", "infra/tokens.yaml"),
        ("repo/infra", {}, "tokens.yaml", "infra/tokens.yaml"),
        ("repo/infra", {}, "../a/b.yaml", "a/b.yaml"),
        ("repo/infra", {}, "{}/repo/infra/tokens.yaml", "infra/tokens.yaml"),
        ("repo/infra", {"GITHUB_WORKSPACE": "{}"}, "tokens.yaml", "infra/tokens.yaml"),
        ("repo", {}, "deps/other/tokens.yaml", "deps/other/tokens.yaml"),
        ("repo", {}, "{}/link/infra/tokens.yaml", "infra/tokens.yaml"),
        ("link", {}, "infra/tokens.yaml", "infra/tokens.yaml"),
        ("", {}, "repo/infra/tokens.yaml", "infra/tokens.yaml"),
        # Outside of the repository a file has its whole path.
        ("repo", {}, "../plain/tokens.yaml", "{}/plain/tokens.yaml"),
        ("repo/infra", {}, "../../second/tokens.yaml", "{}/second/tokens.yaml"),
        ("repo", {"GITHUB_WORKSPACE": "{}"}, "../plain/tokens.yaml", "{}/plain/tokens.yaml"),
        # Without a repository the CI system says where its workspace is, and else nobody.
        ("plain/sub", {"GITHUB_WORKSPACE": "{}/plain"}, "tokens.yaml", "sub/tokens.yaml"),
        ("plain/sub", {"CI_PROJECT_DIR": "{}/plain"}, "tokens.yaml", "sub/tokens.yaml"),
        ("plain/sub", {"CI_PROJECT_DIR": "{}/plain"}, "../../a.yaml", "{}/a.yaml"),
        ("plain/sub", {"CI_PROJECT_DIR": "", "GITHUB_WORKSPACE": "plain"}, "tokens.yaml", "tokens.yaml"),
        ("plain/sub", {}, "./tokens.yaml", "tokens.yaml"),
        ("plain/sub", {}, "../tokens.yaml", "../tokens.yaml"),
        ("repo/infra", {}, "./a\0b.yaml", "./a\0b.yaml"),
        # Neither standard input nor a file as a commit has it is a file of the working tree.
        ("repo/infra", {"GITHUB_WORKSPACE": "{}"}, "<stdin>", "<stdin>"),
        ("repo/infra", {}, "main:tokens.yaml", "main:infra/tokens.yaml"),
        ("repo/infra", {}, "other:tokens.yaml", "infra/other:tokens.yaml"),
    ],
)
def test_a_file_is_named_from_the_root(
    tmp_path: Path, here: str, variables: dict[str, str], file: str, name: str
) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "repo")
    environment = {key: value.format(tmp_path) for key, value in variables.items()}
    with chdir(tmp_path / here):
        assert naming(environment, "main")(file.format(tmp_path)) == name.format(tmp_path)


@pytest.mark.parametrize("stdin", [True, False])
def test_what_has_no_line_is_not_shown_at_a_line_of_another_file(shell: Shell, stdin: bool) -> None:
    (shell.folder / ".git").mkdir()
    manifest = "version: 1\nunmanaged: warn\ntokens: []\n"
    shell.write(manifest, "infra/own.yaml")
    shell.here = True
    done = shell.run("plan", "-" if stdin else "infra/own.yaml", "--format=gitlab-codequality", stdin=manifest)
    (entry,) = json.loads(done.out)
    assert entry["location"] == {"path": "<stdin>" if stdin else "infra/own.yaml", "lines": {"begin": 1}}


def test_a_file_outside_is_a_file_of_this_machine_to_sarif(shell: Shell) -> None:
    outside = shell.declare(DESCRIBE, name="of others/tokens.yaml")
    Checkout.init(shell.folder / "repo")
    done = replace(shell, folder=shell.folder / "repo", here=True).run("plan", outside, "--format=sarif")
    (result,) = json.loads(done.out)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"file://{shell.folder}/of%20others/tokens.yaml"


def test_in_a_folder_that_is_gone_a_file_is_called_as_it_was_typed_in(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with chdir(gone):
        gone.rmdir()
        assert naming({})("a.yaml") == "a.yaml"


FORMATS = [form for form in DRAWN if form is not PlanFormat.TEXT]


def planned(shell: Shell, here: Path, file: str, *arguments: str) -> dict[str, str]:
    """What `plan` writes in that folder, in each format but text, and what it saves."""
    files: dict[str, Path] = {form: shell.folder / f"out.{form}" for form in FORMATS}
    saved = shell.folder / "plan.json"
    written = [f"--output={form}={path}" for form, path in files.items()]
    done = replace(shell, folder=here, here=True).run("plan", file, f"--out={saved}", *written, *arguments)
    assert done.code == 0, done.err
    assert f" {file}:4" in done.out  # text is for people, who are in their folder
    return {form: path.read_text() for form, path in {**files, "saved": saved}.items()}


def test_every_format_names_files_from_the_root_wherever_the_run_is_and_a_saved_plan_does_too(shell: Shell) -> None:
    checkout = Checkout.init(shell.folder / "repo")
    infra = checkout.folder / "infra"
    shell.declare(DESCRIBE, DEACTIVATE, name="repo/infra/tokens.yaml")
    checkout.commit()
    within = planned(shell, infra, "tokens.yaml", "--base=HEAD")
    from_root = planned(shell, checkout.folder, "infra/tokens.yaml", "--base=HEAD")
    assert within == from_root  # the fingerprints among it
    named = {form for form, text in within.items() if "infra/tokens.yaml" in text}
    assert {*within} - named == {PlanFormat.OPS, PlanFormat.CURL, PlanFormat.GITLAB_TERRAFORM, PlanFormat.JUNIT}
    assert within[PlanFormat.GITHUB].count(",file=infra/tokens.yaml,") == 2
    paths = {each["location"]["path"] for each in json.loads(within[PlanFormat.GITLAB_CODEQUALITY])}
    assert paths == {"infra/tokens.yaml"}
    assert within["saved"] == within[PlanFormat.JSON]
    elsewhere = replace(shell, folder=infra, here=True)
    for form in FORMATS:
        assert elsewhere.run("show", "../../plan.json", "--format", form).out == elsewhere.plain(within[form])
    shell.declare(DESCRIBE, name="repo/infra/tokens.yaml")
    revised = elsewhere.run("plan", "tokens.yaml", "--offline", "--base=HEAD", "--format=json").out
    (revision,) = json.loads(revised)["revisions"]
    assert (revision["place"], revision["base_place"]["file"]) == (None, "HEAD:infra/tokens.yaml")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("https://github.com/acme/tokens/blob/1a2b/", "https://github.com/acme/tokens/blob/1a2b/"),
        ("https://github.com/acme/tokens/blob/1a2b", ""),
        ("https://github.com/a) [b](https://evil.example/", ""),
        ("javascript:alert(1)/", ""),
        ("", ""),
    ],
)
def test_a_source_that_is_no_plain_url_is_none(source: str, found: str) -> None:
    given = {
        "TOKENCTL_SOURCE_URL": source,
        "TOKENCTL_ENVIRONMENT": "production",
        "TOKENCTL_BASE_BRANCH": "refs/heads/release/1.0",
    }
    assert site_of(given) == Site("production", found, "release/1.0")
