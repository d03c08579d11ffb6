"""What files declare beside a commit, and what they declared at a moment before it, in a real repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.commands import plan
from reconciler.core.baseline import Declarations
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.render.formats import PlanFormat
from reconciler.session.context import Context
from reconciler.session.sources import History, Sources
from reconciler.settings import Flags
from tests.branch import Branch
from tests.builders import live, token, token_id
from tests.checkout import Checkout
from tests.shell import BACKUP_2023, GRAFANA, INGEST, LAPTOP, Done, Shell

GOOD = f'id: "{GRAFANA}", name: grafana, description: dash'


def kinds(done: Done) -> list[str]:
    """What became of what, of a run's JSON."""
    return [f"{each['kind']} {each['name'] or each['target']}" for each in json.loads(done.out)["revisions"]]


def test_offline_shows_what_the_files_mean_and_asks_nobody(branch: Branch) -> None:
    branch.base(GOOD, f'id: "{BACKUP_2023}"', head="guards: {max_deactivations: 10%}\n")
    branch.shell.declare(GOOD + "board", head="guards: {max_deactivations: 90%}\n")
    branch.shell.environment["INFLUX_TOKEN"] = "not\na token"
    branch.shell.environment["INFLUX_HOST"] = "no url"
    done = branch.offline()
    commit = branch.checkout.git("rev-parse", "--short=12", "HEAD")
    assert done == Done(
        ExitCode.CHANGES,
        f"since main · commit {commit} · no server was asked\n"
        "\n"
        "  ! setting     guards.max_deactivations  DIR/tokens.yaml:2\n"
        "      max_deactivations  10% → 90%\n"
        "      ! loosens a guard of the base\n"
        f"  - removed              {BACKUP_2023}  main:DIR/tokens.yaml:5\n"
        "      it will no longer be managed; the token stays as it is\n"
        f"  ~ changed     grafana  {GRAFANA}  DIR/tokens.yaml:4\n"
        '      description  "dash" → "dashboard"\n'
        "\n"
        "Files: 1 setting, 1 removed, 1 changed.\n"
        "Guards: 1 of these would let something pass that the base does not.\n",
        "",
    )
    assert branch.shell.sent() == []


def test_the_exit_code_tells_revisions_only_when_it_is_asked_to(branch: Branch) -> None:
    branch.base(GOOD)
    done = branch.offline()
    assert (done.code, done.out.splitlines()[-1]) == (ExitCode.OK, "Files: nothing is declared otherwise.")
    branch.shell.write("version: 1\n")
    assert branch.offline().code == ExitCode.CHANGES
    assert branch.plan(offline=True).code == ExitCode.OK


def test_a_file_that_is_new_has_only_added_declarations(branch: Branch) -> None:
    branch.checkout.commit()
    branch.shell.declare(GOOD)
    assert kinds(branch.offline(form=PlanFormat.JSON)) == ["added grafana"]


def test_a_folder_is_compared_with_what_it_held(branch: Branch) -> None:
    branch.base(GOOD, name="tokens/a.yaml")
    branch.base(f'id: "{BACKUP_2023}", name: backup', name="tokens/gone.yaml")
    branch.base(f'id: "{INGEST}", name: ingest', name="extra.yaml")
    (branch.shell.folder / "tokens" / "gone.yaml").unlink()
    branch.shell.declare(f'id: "{LAPTOP}", name: laptop', f'id: "{INGEST}", name: ingest', name="tokens/new.yml")
    branch.shell.write("version: 1\n", "extra.yaml")
    done = branch.offline("tokens", "extra.yaml", form=PlanFormat.JSON)
    assert kinds(done) == ["removed backup", "added laptop", "moved ingest"]
    moved = json.loads(done.out)["revisions"][2]
    names = [moved["base_place"]["file"], moved["place"]["file"], *moved["edits"][0].values()]
    assert names == ["main:DIR/extra.yaml", "DIR/tokens/new.yml", "file", "DIR/extra.yaml", "DIR/tokens/new.yml"]


def test_a_base_that_is_refused_counts_as_empty_and_that_is_said(branch: Branch) -> None:
    branch.base("id: x, descripton: y")
    branch.shell.declare(GOOD)
    done = branch.offline()
    assert done.code == ExitCode.CHANGES
    assert (
        "Warning: main:DIR/tokens.yaml:3:10: the files of main are refused, so they count as empty: this is no id `x` "
        "(and 1 more)\n  hint: their guards are not known: the default ones are enforced\n"
    ) in done.out
    assert done.out.endswith("\nFiles: 1 added.\n")


def test_a_base_that_cannot_be_read_counts_as_empty_too(branch: Branch) -> None:
    (branch.shell.folder / "tokens.yaml").symlink_to("/etc/passwd")
    branch.checkout.commit()
    (branch.shell.folder / "tokens.yaml").unlink()
    branch.shell.declare(GOOD)
    done = branch.offline()
    assert (
        "the files of main are refused, so they count as empty: main:DIR/tokens.yaml: a link leads out of" in done.out
    )


def test_a_selection_is_compared_in_part(branch: Branch) -> None:
    rest = f'id: "{BACKUP_2023}", name: backup'
    branch.base(
        GOOD + ", labels: {team: web}", rest, f'id: "{INGEST}", labels: {{team: web}}', head="unmanaged: fail\n"
    )
    branch.shell.declare(GOOD + "board, labels: {team: web}")
    form = PlanFormat.JSON
    assert kinds(branch.offline(form=form, select=("team=web",))) == [
        "setting unmanaged", f"removed {INGEST}", "changed grafana",
    ]  # fmt: skip
    assert kinds(branch.offline(form=form, select=("backup",))) == ["setting unmanaged", "removed backup"]
    nothing = branch.offline(select=("nobody",))
    assert (nothing.code, nothing.err.splitlines()[0]) == (ExitCode.USAGE, "no declaration is named `nobody`")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"base": None}, "--offline compares the files with a commit"),
        ({"base": ""}, "--base : this is no name of a commit"),
        ({"form": PlanFormat.OPS}, "the format ops needs the answer of a server"),
        ({"outputs": ["html=page.html"]}, "the format html needs the answer of a server"),
        ({"out": "plan.json"}, "--offline makes no plan that could be saved"),
        ({"allow": (Guard.SELF,)}, "--allow waives guards, and --offline judges by none"),
    ],
)
def test_what_makes_no_sense_offline_is_refused(branch: Branch, request_: dict[str, object], message: str) -> None:
    branch.base(GOOD)
    done = branch.offline(**request_)
    assert (done.code, done.out, done.err.splitlines()[0]) == (ExitCode.USAGE, "", message)


def test_standard_input_has_no_base(branch: Branch) -> None:
    branch.base(GOOD)
    made = plan.PlanRequest(sources=Sources(files=["-"], base="main"), flags=Flags(), offline=True)
    done = branch.shell.call(lambda context: plan.run(made, context), stdin=b"version: 1\n")
    assert done == Done(
        ExitCode.USAGE, "", "--base cannot be used with standard input\n  hint: name files that git knows\n"
    )


def test_a_folder_without_manifests_is_told_as_without_a_base(branch: Branch) -> None:
    branch.base(GOOD)
    (branch.shell.folder / "empty").mkdir()
    done = branch.offline("empty")
    assert (done.code, done.err) == (ExitCode.INVALID, "DIR/empty: there is no *.yaml and no *.yml in this folder\n")


def test_a_link_to_what_is_none_of_the_repository_is_refused_before_it_is_read(branch: Branch) -> None:
    branch.base(GOOD)
    config = branch.shell.folder / ".git" / "config"
    config.write_text(config.read_text() + "[x]\n\ty = FAKE-secret\n")
    Path(branch.shell.write("FAKE: [secret\n", "tokens/b.yaml")).unlink()
    (branch.shell.folder / "tokens" / "b.yaml").symlink_to("../.git/config")
    (branch.shell.folder / "tokens" / "c.YML").symlink_to("/proc/self/environ")
    said = "\n  hint: the base has no such file: keep manifests inside of the repository\n"
    for done in (branch.offline("tokens"), branch.plan("tokens"), branch.apply("tokens")):
        assert done == Done(
            ExitCode.INVALID,
            "",
            f"DIR/tokens/b.yaml: this is in a folder of git's own{said}"
            f"DIR/tokens/c.YML: a link leads out of the repository{said}",
        )
    assert branch.shell.sent() == []


def test_a_saved_plan_has_its_base_already_and_is_told_as_one(branch: Branch) -> None:
    branch.base(GOOD)
    branch.shell.declare(GOOD + "board")
    for name, code, said in (
        (
            "plan.json",
            ExitCode.USAGE,
            "--select, --allow and --base are part of a saved plan and cannot be added to it\n",
        ),
        ("tfplan", ExitCode.INVALID, "DIR/tfplan:1:1: this is a saved plan and no manifest\n"),
    ):
        assert branch.plan(out=str(branch.shell.folder / name)).code == ExitCode.OK
        done = branch.apply(name)
        assert (done.code, done.err.partition("  hint")[0]) == (code, said)


def test_a_change_that_makes_a_submodule_of_the_folder_of_manifests_is_refused(branch: Branch) -> None:
    branch.base(GOOD + ", protected: true", name="tokens/a.yaml")
    shutil.rmtree(branch.shell.folder / "tokens")
    theirs = Checkout.init(branch.shell.folder / "tokens")
    for _ in range(2):  # HEAD^1 is there in its history as well
        theirs.write("a.yaml", f'version: 1\ntokens:\n  - {{id: "{GRAFANA}", status: inactive}}\n')
        theirs.commit()
    branch.checkout.git("-c", "advice.addEmbeddedRepo=false", "rm", "--quiet", "-r", "--cached", "tokens")
    branch.checkout.commit()
    done = branch.apply("tokens", base="HEAD^1")
    assert (done.code, branch.shell.sent()) == (ExitCode.INVALID, [])
    assert done.err.startswith("DIR/tokens/a.yaml: DIR/tokens is a submodule in the repository DIR\n")


MOMENTS = [Checkout.time(day) + 1 for day in range(5)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Four days: a description, another one, a file that is refused, and one more description."""
    made = Checkout.init(tmp_path)
    for said in ("one", "two", "[", "four"):
        made.write("tokens.yaml", f'version: 1\ntokens: [{{id: "{token_id(1)}", description: {said}}}]\n')
        made.commit()
    return made


def declared(shell: Shell, checkout: Checkout, moments: list[int], versions: int) -> list[str | None]:
    """The description that was declared at each moment: "" for none, None where that is not known."""
    found: list[Mapping[float, Declarations]] = []

    def look_back(context: Context) -> ExitCode:
        history = History(
            commit="main", ref="main", paths=[str(checkout.folder / "tokens.yaml")], files=(),
            context=context, versions=versions,
        )  # fmt: skip
        found.append(history.declared(moments, lambda _: live(token(1), token(2))))
        return ExitCode.OK

    shell.call(look_back)
    stood = [found[0].get(moment) for moment in moments]
    return [None if each is None else each[token_id(1)].description if each else "" for each in stood]


def test_each_moment_has_what_was_in_effect_and_a_refused_file_declares_nothing(
    shell: Shell, checkout: Checkout
) -> None:
    assert declared(shell, checkout, MOMENTS, 50) == ["", "one", "two", "", "four"]
    later = [moment + 3600 for moment in MOMENTS]
    assert declared(shell, checkout, MOMENTS + later, 50)[5:] == ["", "one", "two", "", "four"]


def test_only_the_newest_versions_are_read(shell: Shell, checkout: Checkout) -> None:
    assert declared(shell, checkout, MOMENTS, 2) == ["", None, None, "", "four"]
