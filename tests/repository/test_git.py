"""What a commit has under a path: files, folders, links, and what is none of these."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.manifest import Manifest
from reconciler.errors import InvalidError
from reconciler.manifest.load import load_from
from reconciler.repository.git import Commit
from reconciler.repository.repository import opened
from tests.checkout import Checkout

ONE = "version: 1\ntokens: [{id: 0d3a5f0c1be4e000}]\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A repository whose working tree has nothing of what is committed but the folders."""
    made = Checkout.init(tmp_path_factory.mktemp("repository") / "here")
    folder = made.folder
    made.write("tokens.yaml", ONE)
    for name in ("tokens/b.yml", "tokens/a.yaml", "tokens/.c.yaml", "tokens/readme.md", "tokens/d.yaml/x", "docs/x.md"):
        made.write(name, "version: 1\n")
    made.write("odd/new\nline.yaml", "version: 1 # odd\n")
    made.write("odd/:(top)-x*.yaml", "version: 1 # magic\n")
    (folder / "odd" / os.fsdecode(b"\xff.yaml")).write_text("version: 1 # bytes\n")
    for name, target in (
        ("link.yaml", "tokens/../tokens.yaml"), ("tokens/up.yaml", "../tokens.yaml"), ("linked", "tokens"),
        ("far.yaml", "../../etc/passwd"), ("absolute.yaml", "/etc/passwd"), ("loop.yaml", "loop.yaml"),
        ("nowhere.yaml", "no/such.yaml"), ("self", "."),
    ):  # fmt: skip
        (folder / name).symlink_to(target)
    made.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    made.day += 1
    made.git("add", "--all", "--", ".", ":!module")
    made.git("commit", "--quiet", "--message", "all")
    return made


@pytest.fixture
def commit(checkout: Checkout) -> Iterator[Commit]:
    """Its only commit."""
    with opened([str(checkout.folder / "tokens.yaml")], {}, checkout.folder) as repository:
        yield repository.commit("main")


def content(commit: Commit, name: str) -> str:
    """What a file of the commit holds."""
    return commit.read(f"main:{commit.top}/{name}", 99).decode()


def test_a_folder_has_its_manifests_and_no_others_by_name(commit: Commit) -> None:
    names = commit.names(f"{commit.top}/tokens//")
    assert [name.removeprefix(f"main:{commit.top}/") for name in names] == [
        "tokens/a.yaml", "tokens/b.yml", "tokens/d.yaml", "tokens/up.yaml",
    ]  # fmt: skip
    assert commit.names(f"{commit.top}/linked") == [name.replace("tokens/", "linked/") for name in names]
    assert commit.names(f"{commit.top}/docs") == []
    assert len(commit.names(str(commit.top))) == 6


def test_a_file_is_itself_whether_it_is_there_or_not(commit: Commit) -> None:
    for name in ("tokens.yaml", "none.yaml", "tokens.yaml/x.yaml"):
        assert commit.names(f"{commit.top}/{name}") == [f"main:{commit.top}/{name}"]
    there = ["tokens.yaml", "tokens", "link.yaml", "self/self/tokens/a.yaml", "tokens/../tokens.yaml", "."]
    missing = ["none.yaml", "none/x.yaml", "nowhere.yaml", "tokens.yaml/x.yaml"]
    assert [name for name in (*there, *missing) if commit.exists(f"{commit.top}/{name}")] == there


def test_two_names_of_one_path_are_known_as_one_file(commit: Commit) -> None:
    assert commit.identity(f"main:{commit.top}/tokens/../tokens.yaml") == commit.identity(
        f"main:{commit.top}/tokens.yaml"
    )
    assert commit.identity(f"main:{commit.top}/link.yaml") != commit.identity(f"main:{commit.top}/tokens.yaml")


def test_a_file_is_read_up_to_the_limit_and_the_next_one_too(commit: Commit) -> None:
    assert commit.read(f"main:{commit.top}/tokens.yaml", 5) == b"versi"
    assert content(commit, "tokens.yaml") == ONE
    assert content(commit, "tokens/a.yaml") == "version: 1\n"


@pytest.mark.parametrize("name", ["link.yaml", "tokens/up.yaml", "linked/up.yaml", "self/self/link.yaml"])
def test_links_are_followed_inside_of_the_repository(commit: Commit, name: str) -> None:
    assert content(commit, name) == ONE


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("far.yaml", "a link leads out of the repository"),
        ("absolute.yaml", "a link leads out of the repository"),
        ("loop.yaml", "links lead in a circle"),
        ("module/tokens.yaml", "it is in a submodule"),
        ("tokens", "this is no file"),
        ("none.yaml", "this is no file"),
    ],
)
def test_what_cannot_be_read_says_why(commit: Commit, name: str, why: str) -> None:
    with pytest.raises(InvalidError) as caught:
        content(commit, name)
    assert str(caught.value) == f"main:{commit.top}/{name}: {why}"


@pytest.mark.parametrize(
    ("name", "comment"), [("new\nline", "odd"), (":(top)-x*", "magic"), (os.fsdecode(b"\xff"), "bytes")]
)
def test_a_name_may_have_any_character(commit: Commit, name: str, comment: str) -> None:
    assert content(commit, f"odd/{name}.yaml") == f"version: 1 # {comment}\n"


def test_a_manifest_is_read_as_from_a_disk_under_the_commits_name(commit: Commit, checkout: Checkout) -> None:
    found = load_from(commit, [f"{commit.top}/tokens.yaml", f"{commit.top}/docs"])
    assert found.files == (f"main:{commit.top}/tokens.yaml",)
    assert str(found.manifest.tokens[0].origin.place("id")) == f"main:{commit.top}/tokens.yaml:2:11"
    assert load_from(commit, []).manifest == Manifest()
    with pytest.raises(InvalidError, match=r"^main:/.*/tokens/d\.yaml: this is no file$"):
        load_from(commit, [f"{commit.top}/tokens"])


def test_repositories_with_long_hashes_are_read_too(tmp_path: Path) -> None:
    made = Checkout(tmp_path)
    made.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    made.write("tokens/a.yaml", ONE)
    path = f"{tmp_path}/tokens/a.yaml"
    made.commit()
    with opened([path], {}, tmp_path) as repository:
        commit = repository.commit("main")
        assert len(commit.oid) == 64
        assert commit.read(f"main:{path}", 99) == ONE.encode()
