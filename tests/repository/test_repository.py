"""Which commit a REF means, in which repository, and which commits were in effect before; nothing may be run by it."""

from __future__ import annotations

import os
import shutil
from contextlib import chdir
from pathlib import Path

import pytest

from reconciler.errors import LocalError, TokenctlError, UsageError
from reconciler.repository.git import Git
from reconciler.repository.repository import head, opened
from tests.checkout import Checkout

MANIFEST = "version: 1\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A repository with one manifest and one commit."""
    made = Checkout.init(tmp_path / "here")
    made.write("tokens.yaml", MANIFEST)
    made.commit()
    return made


def hash_of(checkout: Checkout, ref: str, *names: str, **environment: str) -> str:
    """The commit that a REF means there."""
    paths = [str(checkout.folder / name) for name in names or ("tokens.yaml",)]
    with opened(paths, environment, checkout.folder) as repository:
        return repository.commit(ref).oid


def refused(checkout: Checkout, ref: str, *names: str, **environment: str) -> str:
    """What is said about a REF or about paths that cannot be used."""
    with pytest.raises(TokenctlError) as caught:
        hash_of(checkout, ref, *names, **environment)
    assert isinstance(caught.value, UsageError | LocalError)
    return str(caught.value).replace(str(checkout.folder.parent), "DIR")


def test_a_commit_may_be_named_in_every_way_that_git_knows(checkout: Checkout) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.git("tag", "--annotate", "--message", "x", "v1")
    second = checkout.commit()
    assert [hash_of(checkout, ref) for ref in ("main", "HEAD", second, second[:8])] == [second] * 4
    assert [hash_of(checkout, ref) for ref in ("v1", "main~1", "HEAD^", "refs/tags/v1")] == [first] * 4


@pytest.mark.parametrize("ref", ["", "-h", "--output=x", "a\nb", "main\x00", "main\u202e"])
def test_what_is_no_name_never_reaches_git(checkout: Checkout, ref: str) -> None:
    assert refused(checkout, ref).startswith(f"--base {ref}: this is no name of a commit\n  hint: ")


@pytest.mark.parametrize("ref", ["nobody", "main:tokens.yaml", "main^{tree}", "HEAD..main", ":/day", "0" * 40])
def test_a_name_of_nothing_is_told(checkout: Checkout, ref: str) -> None:
    assert refused(checkout, ref) == (
        f"--base {ref}: there is no such commit in DIR/here\n"
        "  hint: fetch it, or correct the name: write a branch such as `origin/main`, a tag, or a hash"
    )


def test_a_clone_without_its_history_says_how_to_get_it(checkout: Checkout) -> None:
    checkout.commit()
    checkout.git("clone", "--quiet", "--depth=1", f"file://{checkout.folder}", "../shallow")
    shallow = Checkout(checkout.folder.parent / "shallow")
    assert refused(shallow, "HEAD~1").endswith(
        "\n  hint: this clone has only a part of the history: fetch the rest, with `fetch-depth: 0` in actions/checkout"
    )


def test_a_tag_that_is_called_head_is_in_nobodys_way(checkout: Checkout) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.commit()
    checkout.git("update-ref", "refs/tags/HEAD", first)
    with opened([str(checkout.folder)], {}, checkout.folder) as repository:
        assert repository.commit("HEAD^1").oid == first
        assert repository.commit("HEAD").oid != first


def test_a_tag_that_is_called_like_the_base_branch_cannot_take_its_place(checkout: Checkout) -> None:
    checkout.git("update-ref", "refs/remotes/origin/main", "HEAD")
    checkout.commit()
    checkout.git("tag", "origin/main")
    assert refused(checkout, "origin/main") == (
        "--base origin/main: this is the name of a branch and of a tag\n"
        "  hint: write which one, such as `refs/remotes/origin/main`, or its hash"
    )
    assert hash_of(checkout, "refs/remotes/origin/main") == checkout.git("rev-parse", "HEAD~1")


def test_a_branch_that_is_called_like_a_hash_cannot_take_its_place(checkout: Checkout) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.commit()
    checkout.git("update-ref", f"refs/heads/{first}", "HEAD")
    assert hash_of(checkout, first) == first


def test_replaced_objects_are_not_looked_at(checkout: Checkout) -> None:
    checkout.write("tokens.yaml", "version: 2\n")
    checkout.commit()
    checkout.git("replace", "HEAD~1^{tree}", "HEAD^{tree}")
    path = str(checkout.folder / "tokens.yaml")
    with opened([path], {}, checkout.folder) as repository:
        assert repository.commit("HEAD~1").read(f"HEAD~1:{path}", 99) == MANIFEST.encode()


def test_all_paths_are_of_one_repository(checkout: Checkout, tmp_path: Path) -> None:
    Checkout.init(checkout.folder / "inner")
    assert refused(checkout, "main", "tokens.yaml", "inner/tokens.yaml") == (
        "--base: DIR/here/tokens.yaml, DIR/here/inner/tokens.yaml: these are not of one repository\n"
        "  hint: name files of one repository"
    )
    outside = Checkout(tmp_path / "outside")
    assert refused(outside, "main").startswith("--base: DIR/outside/tokens.yaml is in no git repository\n")


def test_paths_are_those_of_the_folder_that_the_user_is_in(checkout: Checkout) -> None:
    (checkout.folder / "sub").mkdir()
    with chdir(checkout.folder / "sub"), opened(["../tokens.yaml", "."], {}, checkout.folder) as repository:
        commit = repository.commit("main")
        assert commit.names("../tokens.yaml") == ["main:../tokens.yaml"]
        assert commit.read("main:../tokens.yaml", 99) == MANIFEST.encode()


def test_a_working_tree_that_git_does_not_use_is_named(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "core.worktree", str(tmp_path))
    assert refused(checkout, "main") == (
        "--base: git cannot use the repository DIR/here: its working tree is another one\n  hint: see `git status` there"
    )
    (checkout.folder / ".git" / "config").write_text("[core\n")
    assert refused(checkout, "main").startswith(
        "--base: git cannot use the repository DIR/here: fatal: bad config line 1 in file "
    )


@pytest.mark.parametrize("path", ["/nowhere", "", ".", "bin:."])
def test_without_git_that_is_told_and_no_git_of_the_checkout_is_run(checkout: Checkout, path: str) -> None:
    _program(checkout.folder / "bin" / "git", "touch run")
    _program(checkout.folder / "git", "touch run")
    with chdir(checkout.folder):
        assert refused(checkout, "main", PATH=path) == (
            "the program `git` is not in PATH\n  hint: --base needs it: install git"
        )
    assert not (checkout.folder / "run").exists()


def test_a_repository_of_another_user_is_not_used_until_the_user_says_so(checkout: Checkout, tmp_path: Path) -> None:
    # As git says it; who runs the tests may not be able to give a folder away.
    _program(tmp_path / "bin" / "git", "echo \"fatal: detected dubious ownership in repository at 'x'\" >&2; exit 128")
    assert refused(checkout, "main", PATH=f"{tmp_path}/bin:{os.defpath}") == (
        "--base: git does not trust the repository DIR/here, which belongs to another user\n"
        "  hint: if you do, run `git config --global --add safe.directory DIR/here`"
    )


def configured(*pairs: tuple[str, str], count: str = "") -> dict[str, str]:
    """Settings as git takes them from variables."""
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(pairs)}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(pairs)}
    return {"GIT_CONFIG_COUNT": count or str(len(pairs)), **keys, **values}


def test_variables_may_say_that_a_repository_is_trusted_and_nothing_else(checkout: Checkout, tmp_path: Path) -> None:
    real = shutil.which("git")
    _program(
        tmp_path / "bin" / "git",
        f'env >>"{tmp_path}/seen"\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "{real}" "$@"',
    )
    path, here = f"{tmp_path}/bin:{os.defpath}", str(checkout.folder)
    other = ("core.fsmonitor", "touch run"), ("http.extraHeader", "Authorization: SENTINEL")
    for settings in (
        configured((other[0][0], other[0][1]), ("Safe.Directory", here), other[1]),
        configured(("safe.directory", "*")),
        configured(("safe.directory", "/elsewhere"), ("safe.directory", ""), ("safe.directory", here)),
    ):
        assert hash_of(checkout, "main", PATH=path, **settings)
    for settings in (
        {},
        configured(*other),
        configured(("safe.directory", here), ("safe.directory", "")),
        configured(("safe.directory", "/elsewhere")),
        configured(("safe.directory.x", here)),
        *(configured(("safe.directory", here), count=count) for count in ("0", "-1", "x", "1x", "²", "1" * 30)),
        {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": here},
        {"GIT_CONFIG_PARAMETERS": f"'safe.directory'='{here}'"},
    ):
        assert "git does not trust the repository" in refused(checkout, "main", PATH=path, **settings), settings
    seen = (tmp_path / "seen").read_text()
    assert "SENTINEL" not in seen
    assert "fsmonitor" not in seen
    assert not (checkout.folder / "run").exists()


def test_a_git_that_cannot_be_started_is_told(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("no program\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    assert refused(checkout, "main", PATH=f"{tmp_path}/bin:{os.defpath}") == (
        "`DIR/bin/git` cannot be started: exec format error\n"
        "  hint: look at the program, and at the limits on processes and memory (`ulimit -a`)"
    )


def test_a_git_that_does_not_end_is_ended(checkout: Checkout, tmp_path: Path) -> None:
    _program(tmp_path / "bin" / "git", "exec sleep 60")
    git = Git(checkout.folder, {"PATH": f"{tmp_path}/bin:{os.defpath}"}, tmp_path, patience_s=0.1)
    with pytest.raises(LocalError, match=r"^`git status` did not end in 0\.1 s\n  hint: see what git waits for"):
        git.ask("status")


def test_git_learns_nothing_of_the_environment_but_where_it_is(checkout: Checkout, tmp_path: Path) -> None:
    real = shutil.which("git")
    _program(tmp_path / "bin" / "git", f'env >>"{tmp_path}/seen"\nexec "{real}" "$@"')
    other = Checkout.init(tmp_path / "other")
    hash_of(
        checkout, "main", PATH=f"{tmp_path}/bin:{os.defpath}", INFLUX_TOKEN="FAKE-secret", GITHUB_TOKEN="FAKE-too",
        GIT_DIR=f"{other.folder}/.git", GIT_EXTERNAL_DIFF="x", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.pager",
        GIT_CONFIG_VALUE_0="x", XDG_CONFIG_HOME=str(tmp_path), LD_PRELOAD="",
    )  # fmt: skip
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert "FAKE" not in (tmp_path / "seen").read_text()
    assert {name for name in names if not name.startswith("GIT_")} - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "HOME", "LC_ALL", "PATH", "XDG_CONFIG_HOME",
    }  # fmt: skip
    assert {name for name in names if name.startswith("GIT_")} == {
        "GIT_ALLOW_PROTOCOL", "GIT_ATTR_NOSYSTEM", "GIT_LITERAL_PATHSPECS", "GIT_NO_LAZY_FETCH",
        "GIT_NO_REPLACE_OBJECTS", "GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT",
    }  # fmt: skip


def test_nothing_that_a_repository_names_is_run(checkout: Checkout, tmp_path: Path) -> None:
    program = _program(tmp_path / "program", f'touch "{tmp_path}/run"')
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass", "diff.external",
        "diff.mine.textconv", "diff.mine.command", "filter.mine.smudge", "filter.mine.clean", "filter.mine.process",
        "pager.cat-file", "pager.rev-list", "gpg.program", "credential.helper", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        checkout.git("config", key, str(program))
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        _program(checkout.folder / ".git" / "hooks" / name, f'touch "{tmp_path}/run"')
    checkout.write(".gitattributes", "*.yaml diff=mine filter=mine\n")
    path = str(checkout.folder / "tokens.yaml")
    with opened([path], {}, checkout.folder) as repository:
        commit = repository.commit("main")
        assert commit.read(f"main:{path}", 99) == MANIFEST.encode()
        assert repository.in_effect(commit, [path], [0]) == {0: None}
    assert not (tmp_path / "run").exists()


def test_the_commit_that_is_checked_out_is_told_and_nothing_is_run_or_refused_for_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    here = home = checkout.folder
    assert head(here, {}, home) == checkout.git("rev-parse", "HEAD")
    assert head(Checkout.init(tmp_path / "new").folder, {}, home) == ""
    assert head(here, {"PATH": ""}, home) == ""
    _program(tmp_path / "bin" / "git", "echo HEAD")
    assert head(here, {"PATH": f"{tmp_path}/bin"}, home) == ""
    program = _program(tmp_path / "program", f'touch "{tmp_path}/run"')
    for key in ("core.fsmonitor", "core.pager", "pager.rev-parse"):
        checkout.git("config", key, str(program))
    assert head(here, {}, home) == checkout.git("rev-parse", "HEAD")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_looks_like_a_repository_is_none(checkout: Checkout) -> None:
    checkout.write("tokens/tokens.yaml", MANIFEST)
    good = checkout.commit()
    checkout.git("clone", "--quiet", "--bare", ".", "elsewhere.git")
    shutil.copytree(checkout.folder / "elsewhere.git", checkout.folder / "tokens", dirs_exist_ok=True)
    checkout.write("tokens/config", f"[core]\n\tbare = false\n\tworktree = {checkout.folder}/tokens\n")
    (checkout.folder / "tokens" / "packed-refs").unlink()
    assert hash_of(checkout, "main", "tokens") == good


def test_a_clone_that_left_objects_out_fetches_none(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    checkout.git("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{checkout.folder}", "../partial")
    partial = tmp_path / "partial"
    path = str(partial / "tokens.yaml")
    with opened([path], {}, partial) as repository:
        commit = repository.commit("origin/main")
        for _ in range(3):
            with pytest.raises(
                LocalError, match=r"^git cannot read [0-9a-f]{12} of this repository\n  hint: a clone that"
            ):
                commit.read(f"origin/main:{path}", 99)


@pytest.fixture
def history(checkout: Checkout) -> list[str]:
    """Commits of six days: the file changes on the second, by a merge on the fourth, and moves on the sixth."""
    commits = [checkout.git("rev-parse", "HEAD")]
    for day in range(2, 7):
        if day in (2, 6):
            checkout.write("tokens.yaml", f"version: 1 # {day}\n")
        if day == 3:
            checkout.git("checkout", "--quiet", "-b", "topic")
            checkout.write("tokens.yaml", "version: 1 # topic\n")
        if day == 4:
            checkout.git("checkout", "--quiet", "main")
            checkout.day += 1
            checkout.git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
            commits.append(checkout.git("rev-parse", "HEAD"))
        else:
            commits.append(checkout.commit())
    return commits


def test_what_was_in_effect_is_the_first_parents_commit_that_last_touched_the_files(
    checkout: Checkout, history: list[str]
) -> None:
    path = str(checkout.folder / "tokens.yaml")
    moments = [Checkout.time(day) + 1 for day in range(8)]
    with opened([path], {}, checkout.folder) as repository:
        commit = repository.commit("main")
        found = repository.in_effect(commit, [path], moments)
        assert repository.in_effect(commit, [path], []) == {}
        assert repository.in_effect(commit, [path], [Checkout.time(9)]).keys() == {Checkout.time(9)}
    days = [each and history.index(each.oid) + 1 for _, each in sorted(found.items())]
    assert days == [None, 1, 2, 2, 4, 4, 6, 6]


def test_where_a_path_is_a_link_what_it_leads_to_counts_as_well(checkout: Checkout) -> None:
    (checkout.folder / "tokens.yaml").unlink(missing_ok=True)
    (checkout.folder / "tokens.yaml").symlink_to("real/t.yaml")
    (checkout.folder / "out.yaml").symlink_to("/dev/null")
    checkout.write("real/t.yaml", "version: 1\n")
    checkout.commit()
    checkout.write("real/t.yaml", "version: 1 # again\n")
    latest = checkout.commit()
    paths = [str(checkout.folder / name) for name in ("tokens.yaml", "out.yaml")]
    with opened(paths, {}, checkout.folder) as repository:
        moment = Checkout.time(checkout.day) + 1
        found = repository.in_effect(repository.commit("main"), paths, [moment])
    assert [each and each.oid for each in found.values()] == [latest]


def test_where_the_history_ends_early_what_was_before_is_not_known(checkout: Checkout, history: list[str]) -> None:
    checkout.git("clone", "--quiet", "--depth=2", f"file://{checkout.folder}", "../shallow")
    shallow = checkout.folder.parent / "shallow"
    path = str(shallow / "tokens.yaml")
    moments = [Checkout.time(day) + 1 for day in range(8)]
    with opened([path], {}, shallow) as repository:
        found = repository.in_effect(repository.commit("main"), [path], moments)
    days = [history.index(each.oid) + 1 for _, each in sorted(found.items()) if each]
    assert days == [5, 6, 6]
    assert sorted(found) == moments[5:]


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def misplaced(folder: Path, *names: str, **environment: str) -> list[str]:
    """What is said about where files of a folder stand."""
    paths = [str(folder / name) for name in names]
    with opened(paths, environment, folder) as repository:
        return [str(each).replace(str(folder), "HERE") for each in repository.misplaced(paths)]


KEEP = "\n  hint: the base has no such file: keep manifests inside of the repository"
OTHER = "\n  hint: the base would be of another history: keep manifests in the repository itself, or use a clone of that one"


def test_links_out_of_the_repository_and_into_gits_own_folders_are_told(checkout: Checkout) -> None:
    here = checkout.folder
    for name, target in (
        ("out.yaml", "/proc/self/environ"), ("up.yaml", "sub/../../x.yaml"), ("none.yaml", "/nowhere"), ("config.yaml", ".git/config"),
        ("chain.yaml", "config.yaml"), ("folder", ".git"), ("fine.yaml", "sub/../tokens.yaml"), ("loop.yaml", "loop.yaml"),
        ("outside", ".."),
    ):  # fmt: skip
        (here / name).symlink_to(target)
    checkout.write("sub/.Git/x.yaml", "")
    names = (
        "out.yaml", "up.yaml", "none.yaml", "config.yaml", "chain.yaml", "folder/x.yaml", "sub/.Git/x.yaml", "outside/x.yaml",
        ".git/x.yaml", "fine.yaml", "loop.yaml", "tokens.yaml", "new.yaml",
    )  # fmt: skip
    out, own = f"a link leads out of the repository{KEEP}", f"this is in a folder of git's own{KEEP}"
    assert misplaced(here, *names) == [
        f"HERE/{name}: {why}" for name, why in zip(names, (out, out, out, own, own, own, own, out, own), strict=False)
    ]


def test_gits_folders_are_known_wherever_they_are(tmp_path: Path) -> None:
    apart = Checkout(tmp_path / "apart")
    apart.folder.mkdir()
    apart.git("init", "--quiet", "--separate-git-dir=meta")
    (apart.folder / "x.yaml").symlink_to("meta/config")
    assert misplaced(apart.folder, "x.yaml") == [f"HERE/x.yaml: this is in a folder of git's own{KEEP}"]
    main = Checkout.init(tmp_path / "main")
    main.commit()
    main.git("worktree", "add", "--quiet", "tree", "-b", "other")
    (main.folder / "tree" / "x.yaml").symlink_to("../.git/config")
    found = misplaced(main.folder / "tree", "x.yaml", "y.yaml", GIT_DIR="/nowhere", GIT_INDEX_FILE="/nowhere")
    assert found == [f"HERE/x.yaml: a link leads out of the repository{KEEP}"]


@pytest.fixture
def nested(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A repository in the folder `sub` of another, of which that does not know yet."""
    made = Checkout.init(tmp_path / "here" / "sub")
    made.write("tokens.yaml", MANIFEST)
    made.commit()
    return made


def test_a_submodule_is_told_and_a_clone_that_nobody_tracks_is_none(checkout: Checkout, nested: Checkout) -> None:
    here = checkout.folder
    assert misplaced(here, "sub/tokens.yaml") == []
    oid = nested.git("rev-parse", "HEAD")
    said = [f"HERE/sub/tokens.yaml: HERE/sub is a submodule in the repository HERE{OTHER}"]
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{oid},sub")
    assert misplaced(here, "sub/tokens.yaml") == said  # in the index
    checkout.git("commit", "--quiet", "--message", "a submodule")
    checkout.git("rm", "--quiet", "--cached", "sub")
    assert misplaced(here, "sub/tokens.yaml", "sub/other.yaml") == said  # in HEAD
    checkout.git("commit", "--quiet", "--message", "none")
    assert misplaced(here, "sub/tokens.yaml") == []
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{oid},elsewhere")
    assert misplaced(here, "sub/gone/tokens.yaml") == []  # neither folder is there, which makes them no one thing


def test_repositories_are_asked_upwards_and_by_every_way(checkout: Checkout, nested: Checkout, tmp_path: Path) -> None:
    here = checkout.folder
    checkout.git("-c", "advice.addEmbeddedRepo=false", "add", "sub")
    (here / "way").symlink_to("sub")
    (tmp_path / "elsewhere").symlink_to("here/sub")
    inner = Checkout.init(nested.folder / "inner")
    inner.commit()
    for path in ("sub/inner/tokens.yaml", "way/tokens.yaml", "../elsewhere/tokens.yaml"):
        (said,) = misplaced(here, path)
        assert f"{path}: HERE/sub is a submodule in the repository HERE{OTHER}" in said
    # A file of this repository that is a link to one of a submodule.
    (here / "link.yaml").symlink_to("sub/tokens.yaml")
    assert misplaced(here, "link.yaml")[0].startswith("HERE/link.yaml: HERE/sub is a submodule in")


def test_a_folder_that_is_a_link_to_another_repository_is_told_where_it_is_tracked(
    checkout: Checkout, nested: Checkout, tmp_path: Path
) -> None:
    other = Checkout.init(tmp_path / "other")
    other.commit()
    for name, target in (("to", "sub"), ("far", "../other"), ("same", ".")):
        (checkout.folder / name).symlink_to(target)
    assert misplaced(checkout.folder, "to/tokens.yaml") == []
    checkout.git("add", "to", "far", "same")
    for name in ("to", "far"):
        assert misplaced(checkout.folder, f"{name}/tokens.yaml") == [
            f"HERE/{name}/tokens.yaml: HERE/{name} is a link to another repository in the repository HERE{OTHER}"
        ]
    assert misplaced(checkout.folder, "same/tokens.yaml") == []
    assert misplaced(nested.folder, "tokens.yaml") == []


def test_a_repository_around_that_git_cannot_use_is_named_and_what_is_none_is_not_asked(
    checkout: Checkout, nested: Checkout
) -> None:
    checkout.git("config", "core.worktree", "/")
    assert misplaced(nested.folder, "tokens.yaml") == []  # its working tree is another one
    (checkout.folder / ".git" / "config").write_text("[core\n")
    with pytest.raises(UsageError, match=r"git cannot use the repository .*/here: fatal: bad config line 1"):
        misplaced(nested.folder, "tokens.yaml")
    shutil.rmtree(checkout.folder / ".git")
    (checkout.folder / ".git").mkdir()
    assert misplaced(nested.folder, "tokens.yaml") == []


def test_an_index_that_cannot_be_read_is_named(checkout: Checkout) -> None:
    checkout.write(".git/index", "broken")
    with pytest.raises(LocalError, match=r"^git cannot read the index of "):
        misplaced(checkout.folder, "tokens.yaml")
