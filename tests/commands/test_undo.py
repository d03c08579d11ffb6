"""`undo`: what a run changed gets the value it had before, unless somebody changed it since; and nothing else does."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.apply.journal import Journal
from reconciler.commands import undo
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.render.formats import PlanFormat
from reconciler.sandbox.seed import default_seed
from reconciler.schema import load_schema, violations
from reconciler.session.sending import SendingOptions
from reconciler.settings import Flags
from tests.commands.test_apply import ACTIVATE, DEACTIVATE, DESCRIBE, applied
from tests.shell import (
    ADMIN,
    BACKUP_2023,
    BACKUP_2024,
    BENCH,
    GRAFANA,
    INGEST,
    MANAGER,
    Done,
    Shell,
    shell_on,
    texts,
)  # fmt: skip


def undone(shell: Shell, journal: str = "", *, flags: Flags | None = None, **request: object) -> Done:
    """Run `undo`; what starts with `with_` belongs to the surroundings."""
    around = {key.removeprefix("with_"): request.pop(key) for key in list(request) if key.startswith("with_")}
    given = {key: request.pop(key) for key in ("expect", "yes", "journal", "json") if key in request}
    options = SendingOptions(**given)  # type: ignore[arg-type]
    paths = [journal] if journal else ()
    made = undo.UndoRequest(journals=paths, flags=flags or Flags(), sending=options, **request)  # type: ignore[arg-type]
    return shell.call(lambda context: undo.run(made, context), **around)  # type: ignore[arg-type]


def test_what_is_for_a_plan_to_look_at_is_refused_when_it_is_sent(shell: Shell) -> None:
    hint = "  hint: save it with `-o FILE`, and `tokenctl apply FILE` once it was reviewed\n"
    assert undone(shell, send=True, yes=True, out="plan.json") == Done(
        ExitCode.USAGE, "", f"--output and --out are for a plan to look at, and --apply sends it\n{hint}"
    )
    assert undone(shell, send=True, yes=True, form=PlanFormat.HTML) == Done(
        ExitCode.USAGE, "", f"the format html is for a plan to look at; --apply tells `text` or `json`\n{hint}"
    )


def journals(shell: Shell) -> list[Path]:
    """The journals in the state folder, the oldest first."""
    return sorted((shell.folder / "state" / "tokenctl").iterdir(), key=lambda path: path.name.partition("-")[2])


def stored(shell: Shell, *ids: str) -> list[tuple[str, str]]:
    """Status and description of these tokens as the server has them."""
    found = {each.id: (each.status, each.description) for each in shell.sandbox.tokens}
    return [found[each] for each in ids if each in found]


def test_a_byte_order_mark_before_a_journal_is_skipped(shell: Shell) -> None:
    assert applied(shell, shell.declare(DESCRIBE), yes=True).code == ExitCode.OK
    (journal,) = journals(shell)
    journal.write_text("\ufeff" + journal.read_text())
    assert [undone(shell, name).code for name in (str(journal), "")] == [ExitCode.OK] * 2


IDS = (BACKUP_2024, GRAFANA, BACKUP_2023)


@pytest.fixture
def run(shell: Shell) -> Shell:
    """A shell in which an apply has changed three tokens."""
    assert (
        applied(shell, shell.declare(ACTIVATE, DESCRIBE, DEACTIVATE), yes=True, allow=(Guard.REACTIVATION,)).code == 0
    )
    shell.sent()
    return shell


def test_an_undo_says_which_run_it_is_and_what_it_would_restore_and_sends_nothing(run: Shell) -> None:
    name = journals(run)[0].stem
    done = undone(run)
    assert run.sent() == ["GET /api/v2/authorizations"]
    assert done == Done(
        ExitCode.OK,
        f"Undo of {name} · acme · URL · InfluxDB 2.7.12 · 12 tokens\n"
        "\n"
        f"  + activate    backup-2023  {BACKUP_2023}  ci-bot\n"
        '      described    "backup 2023"\n'
        "      status       inactive → active\n"
        "      rights       reads all buckets of acme\n"
        f"  ~ describe    grafana      {GRAFANA}  grafana\n"
        '      description  "dashboard" → "grafana dashbord"\n'
        "      rights       reads all buckets of acme\n"
        f"  - deactivate  backup-2024  {BACKUP_2024}  ci-bot\n"
        '      described    "backup 2024"\n'
        "      status       active → inactive\n"
        "      rights       reads all buckets of acme\n"
        "\n"
        f"Warning: DIR/tokens.yaml:5:49: `backup-2023` (`backup 2023`) {BACKUP_2023} is still declared with `status: inactive`\n"
        "\n"
        f"Warning: DIR/tokens.yaml:4:45: `grafana` (`dashboard`) {GRAFANA} is still declared with another description\n"
        "\n"
        f"Warning: DIR/tokens.yaml:3:49: `backup-2024` (`backup 2024`) {BACKUP_2024} is still declared with `status: active`\n"
        "  hint: the next apply of the file undoes this: change it there too\n"
        "\n"
        "Plan: 1 to activate, 1 to deactivate, 1 to describe, 0 unchanged.\n"
        "Digest DIGEST\n",
        f"Undoing {name} of 2026-01-01T00:00:01+00:00, 3 changes: DIR/state/tokenctl/{name}.ndjson\n",
    )
    assert len(journals(run)) == 1


def test_an_undo_of_a_saved_plan_names_the_files_that_it_was_made_from(shell: Shell) -> None:
    shell.here = True
    shell.declare(f'id: "{GRAFANA}", description: dashboard', name="p.yaml")
    assert shell.run("plan", "p.yaml", "-o", "saved").code == 0
    assert shell.run("apply", "saved", "--yes").code == 0
    told = f"Warning: p.yaml:3:30: `dashboard` {GRAFANA} is still declared with another description\n"
    assert told in shell.run("undo").out
    (shell.folder / "p.yaml").unlink()
    assert "still declared" not in shell.run("undo").out


def test_an_undo_says_no_more_of_a_file_that_is_gone_refused_or_for_another_server(run: Shell) -> None:
    file, here = run.folder / "tokens.yaml", run.folder / "here"
    declared = file.read_text()
    assert undone(run).out.count("still declared") == 3
    file.write_text(declared.replace("version: 1\n", "version: 1\nserver: {url: http://other.example}\n"))
    assert "still declared" not in undone(run).out
    file.write_text(declared.replace("version: 1", "version: 2"))
    assert "still declared" not in undone(run).out
    file.unlink()
    assert "still declared" not in undone(run).out
    here.mkdir()
    with chdir(here):  # the default counts where the run's own file is gone
        Path("tokens.yaml").write_text(declared)
        assert "\nWarning: tokens.yaml:5:49: `backup-2023`" in undone(run).out
        Path("tokens.yaml").write_text("version: 1\ntokens: []\n")
        assert "still declared" not in undone(run).out


def test_an_undo_that_is_sent_restores_everything_and_an_undo_of_it_is_a_redo(run: Shell) -> None:
    after = stored(run, *IDS)
    first = journals(run)[0].stem
    assert undone(run, send=True, yes=True, allow=(Guard.REACTIVATION,)).code == ExitCode.OK
    assert run.patches() == [BACKUP_2023, GRAFANA, BACKUP_2024]
    assert stored(run, *IDS) == [("inactive", "backup 2024"), ("active", "grafana dashbord"), ("active", "backup 2023")]
    second = journals(run)[1]
    lines = [json.loads(line) for line in second.read_text().splitlines()]
    assert (second.name.partition("-")[0], lines[0]["undoes"], lines[0]["files"]) == (
        "undo", first, [f"{run.folder}/state/tokenctl/{first}.ndjson"],
    )  # fmt: skip
    assert [violations(line, load_schema("journal")) for line in lines] == [()] * 8

    done = undone(run, send=True, yes=True, allow=(Guard.REACTIVATION,))
    assert (done.code, stored(run, *IDS)) == (ExitCode.OK, after)
    assert done.err.startswith(f"Undoing {second.stem} of 2026-01-01T00:00:03+00:00, which undid {first}, 3 changes: ")


def test_what_has_the_value_of_before_is_left_alone(run: Shell) -> None:
    run.sandbox.change(GRAFANA, description="grafana dashbord")
    run.sandbox.change(BACKUP_2023, status="active")
    run.sandbox.change(BACKUP_2024, status="inactive")
    run.sent()
    done = undone(run, send=True)
    assert (done.code, run.patches()) == (ExitCode.OK, [])
    assert "\nNo changes: nothing of that run is left to undo.\nDigest DIGEST\n" in done.out
    assert len(journals(run)) == 1


MOVED: list[tuple[Callable[[Shell], object], str, str]] = [
    (
        lambda shell: shell.sandbox.change(GRAFANA, description="theirs"),
        "was changed after the run that is to be undone: description was `dashboard` and is `theirs`; updatedAt was `TIME` and is `TIME`",
        "look into it, or restore what it was before that run all the same with `--allow moved`",
    ),
    (
        lambda shell: shell.sandbox.change(GRAFANA, status="inactive"),
        "was changed after the run that is to be undone: status was `active` and is `inactive`; updatedAt was `TIME` and is `TIME`",
        "look into it, or restore what it was before that run all the same with `--allow moved`",
    ),
    (
        lambda shell: shell.sandbox.change(GRAFANA),
        "was changed after the run that is to be undone: updatedAt was `TIME` and is `TIME`",
        "look into it, or restore what it was before that run all the same with `--allow moved`",
    ),
    (
        lambda shell: shell.sandbox.delete(GRAFANA),
        "cannot be restored: it is absent now (authorization not found)",
        "leave it out and restore the others with `--allow moved`",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason", "hint"), MOVED)
def test_what_somebody_changed_since_is_refused_by_name(
    run: Shell, change: Callable[[Shell], object], reason: str, hint: str
) -> None:
    change(run)
    run.sent()
    for send in (False, True):
        done = undone(run, allow=(Guard.REACTIVATION,), send=send, yes=send)
        told = re.sub(r"2026-01-01T00:00:\d\dZ", "TIME", done.out)
        assert (done.code, run.patches()) == (ExitCode.REFUSED, [])
        assert f"Refused by guard `moved`: `grafana` (`grafana dashbord`) {GRAFANA} {reason}\n  hint: {hint}\n" in told
        assert "Refused by guard `moved`" not in told.replace(f"`moved`: `grafana` (`grafana dashbord`) {GRAFANA}", "")


@pytest.mark.parametrize(("change", "sent"), [(each[0], number < 3) for number, each in enumerate(MOVED)])
def test_that_is_waived_by_name_and_only_the_fields_that_the_run_changed_are_restored(
    run: Shell, change: Callable[[Shell], object], sent: bool
) -> None:
    change(run)
    theirs = [each.status for each in run.sandbox.tokens if each.id == GRAFANA]
    run.sent()
    done = undone(run, send=True, yes=True, allow=(Guard.REACTIVATION, Guard.MOVED))
    assert (done.code, GRAFANA in run.patches()) == (ExitCode.OK, sent)
    assert f"Warning: guard `moved` is waived: `grafana` (`grafana dashbord`) {GRAFANA} " in done.out
    assert stored(run, BACKUP_2023, BACKUP_2024) == [("active", "backup 2023"), ("inactive", "backup 2024")]
    assert stored(run, GRAFANA) == [(each, "grafana dashbord") for each in theirs]


def test_a_later_run_over_the_same_token_has_moved_it_too(run: Shell) -> None:
    applied(run, run.declare(f'id: "{GRAFANA}", name: grafana, description: later'), yes=True)
    oldest, newest = journals(run)
    assert undone(run, str(oldest)).code == ExitCode.REFUSED
    assert undone(run, send=True, yes=True).code == ExitCode.OK
    assert stored(run, GRAFANA) == [("active", "dashboard")]
    assert undone(run, str(newest)).code == ExitCode.OK


def test_an_undo_is_reviewed_as_a_file_or_by_its_digest_or_on_a_terminal(run: Shell) -> None:
    unreviewed = undone(run, send=True, yes=True)
    assert (unreviewed.code, run.patches()) == (ExitCode.REFUSED, [])
    assert "Refused by guard `reactivation`: nobody reviewed this run" in unreviewed.out
    plan = str(run.folder / "undo.json")
    done = undone(run, out=plan)
    assert done.err.endswith("Saved to DIR/undo.json\n")
    digest = json.loads(Path(plan).read_text())["digest"]
    assert undone(run, send=True, yes=True, expect="0" * 64).code == ExitCode.STALE
    assert undone(run, send=True, with_interactive=True, with_stdin=b"no\n").code == ExitCode.CANCELLED
    assert undone(run, send=True).code == ExitCode.CANCELLED
    assert run.patches() == []
    assert undone(run, send=True, yes=True, expect=digest).code == ExitCode.OK
    assert undone(run, send=True, with_interactive=True, with_stdin=b"yes\n").code == ExitCode.OK


def test_a_saved_undo_is_a_plan_like_any_other(run: Shell) -> None:
    path = str(run.folder / "undo.json")
    undone(run, out=path)
    assert violations(json.loads(Path(path).read_text()), load_schema("plan")) == ()
    assert applied(run, path, yes=True).code == ExitCode.OK
    assert stored(run, GRAFANA) == [("active", "grafana dashbord")]
    header = json.loads(journals(run)[1].read_text().splitlines()[0])
    assert (header["undoes"], header["files"]) == (journals(run)[0].stem, [path])
    assert applied(run, path, yes=True).code == ExitCode.STALE


def test_a_saved_undo_that_is_refused_stays_so(run: Shell) -> None:
    run.sandbox.change(GRAFANA, description="theirs")
    path = str(run.folder / "undo.json")
    assert undone(run, out=path).code == ExitCode.REFUSED
    done = applied(run, path, yes=True)
    assert done.code == ExitCode.REFUSED
    assert done.err.startswith("nothing was sent: refused by `moved`\n")


@pytest.mark.parametrize(
    ("form", "begins"),
    [(PlanFormat.JSON, '{\n  "format_version": 1,'), (PlanFormat.OPS, '{"method": "PATCH", '), (PlanFormat.CURL, "#!/bin/sh\n")],
)  # fmt: skip
def test_an_undo_is_shown_in_every_format(run: Shell, form: PlanFormat, begins: str) -> None:
    assert undone(run, form=form).out.startswith(begins)


def test_the_guards_judge_an_undo_with_the_limits_of_the_run(shell: Shell) -> None:
    entry = f'id: "{BACKUP_2024}", name: backup-2024, status: active, protected: true'
    file = shell.declare(entry, head="guards: {max_deactivations: 0}\n")
    applied(shell, file, yes=True, allow=(Guard.REACTIVATION,))
    shell.sent()
    done = undone(shell, send=True, yes=True)
    assert (done.code, shell.patches()) == (ExitCode.REFUSED, [])
    assert (
        "Refused by guard `max_deactivations`: 1 of 1 managed tokens would be deactivated: the limit is 0\n" in done.out
    )
    assert (
        f"Refused by guard `protected`: `backup-2024` (`backup 2024`) {BACKUP_2024} is protected and may not be deactivated\n"
        in done.out
    )
    assert undone(shell, send=True, yes=True, allow=(Guard.MAX_DEACTIVATIONS, Guard.PROTECTED)).code == ExitCode.OK


def test_an_undo_does_not_switch_off_the_own_token(tmp_path: Path) -> None:
    seed = default_seed()
    tokens = tuple(replace(each, status="inactive") if each.id == MANAGER else each for each in seed.tokens)
    with shell_on(tmp_path, seed=replace(seed, tokens=tokens), version="2.9.1") as shell:
        file = shell.declare(f'id: "{MANAGER}", status: active')
        assert applied(shell, file, yes=True, allow=(Guard.REACTIVATION,)).code == ExitCode.OK
        shell.environment["INFLUX_TOKEN"] = next(each.secret for each in tokens if each.id == MANAGER)
        shell.sent()
        done = undone(shell)
        assert shell.sent() == ["GET /api/v2/authorizations", "GET /api/v2/me", f"GET /api/v2/users/{ADMIN}"]
        assert (done.code, "Refused by guard `self`" in done.out) == (ExitCode.REFUSED, True)


def test_a_token_that_these_credentials_may_not_see_is_an_error_of_its_own(shell: Shell) -> None:
    applied(shell, shell.declare(f'id: "{BENCH}", name: bench, description: x'), yes=True)
    manager = next(each.secret for each in default_seed().tokens if each.id == MANAGER)
    done = undone(shell, with_environment={"INFLUX_TOKEN": manager})
    assert (done.code, done.out) == (ExitCode.AUTH, "")
    assert f"\n`bench` (`lab bench`) {BENCH} exists, but these credentials may not read it (" in done.err


def test_a_run_in_one_organisation_leaves_the_tokens_of_others_out(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE, f'id: "{BENCH}", name: bench, description: x'), yes=True)
    done = undone(shell, flags=Flags(org="acme"), send=True, yes=True)
    assert done.code == ExitCode.OK
    assert f"Warning: left out: `bench` (`lab bench`) {BENCH} is not a token of organisation `acme`\n" in done.out
    assert stored(shell, GRAFANA, BENCH) == [("active", "grafana dashbord"), ("active", "x")]


def test_a_description_that_no_manifest_may_hold_is_restored(tmp_path: Path) -> None:
    seed = default_seed()
    evil = "\x1b[31m\u202e\x00##[error]\n::x"
    tokens = tuple(replace(each, description=evil) if each.id == GRAFANA else each for each in seed.tokens)
    with shell_on(tmp_path, seed=replace(seed, tokens=tokens)) as shell:
        applied(shell, shell.declare(DESCRIBE), yes=True)
        done = undone(shell, send=True, yes=True)
        assert (done.code, stored(shell, GRAFANA)) == (ExitCode.OK, [("active", evil)])
        assert not {"\x1b", "\u202e", "\x00"} & set(done.out + done.err)


def test_a_journal_of_another_server_asks_nothing(run: Shell, tmp_path: Path) -> None:
    with shell_on(tmp_path / "other") as other:
        done = undone(other, str(journals(run)[0]))
        assert (done.code, done.out, other.sent()) == (ExitCode.STALE, "", [])
        assert done.err.startswith("the journal is of a run against http://127.0.0.1:")
        # By itself, it looks for one of its own server.
        other.environment["XDG_STATE_HOME"] = run.environment["XDG_STATE_HOME"]
        assert undone(other).code == ExitCode.USAGE


def test_a_run_that_goes_on_is_not_undone(run: Shell) -> None:
    path = journals(run)[0]
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # as the run itself holds it
        done = undone(run)
    assert (done.code, run.sent()) == (ExitCode.REFUSED, [])
    assert done.err == (
        f"{path.stem} still goes on: what it will have changed is not known yet\n  hint: wait until it ends\n"
    )


def test_without_a_run_there_is_nothing_to_undo(shell: Shell) -> None:
    done = undone(shell)
    assert (done.code, done.out, shell.sent()) == (ExitCode.USAGE, "", [])
    assert done.err == (
        "DIR/state/tokenctl has no journal of a run that changed anything at URL\n"
        "  hint: name the journal of the run to undo\n"
    )


def test_the_newest_run_that_changed_anything_is_the_one_to_undo_and_what_is_no_journal_is_named(run: Shell) -> None:
    folder = run.folder / "state" / "tokenctl"
    (folder / "apply-2027.ndjson").write_text("a: 1\n")
    run.sandbox.change(INGEST, status="inactive")
    header = json.loads(journals(run)[0].read_text().splitlines()[0])
    (folder / "apply-2026.ndjson").write_text(json.dumps({**header, "started": "2026-01-01T00:01:00+00:00"}) + "\n")
    long = json.dumps({"event": "note", "text": "x" * 70_000})  # its end alone does not say that nothing was begun
    (folder / "apply-2025.ndjson").write_text(f"{json.dumps(header)}\n{long}\n")
    Journal.create(folder, "apply-2028").close()
    done = undone(run)
    assert done.code == ExitCode.OK
    why = "\n  hint: the report of a run names its journal; `apply` and `undo` write them\n"
    assert done.err.startswith(
        f"Warning: DIR/state/tokenctl/apply-2028.ndjson is no journal: it is empty{why}"
        f"Warning: DIR/state/tokenctl/apply-2027.ndjson is no journal: its first line is no header{why}"
        "Undoing apply-20260101T000001.000000Z-"
    )


def a_year(ahead: int) -> Callable[[], datetime]:
    """A clock that is wrong by so many years."""
    return lambda: datetime(2026 + ahead, 1, 1, tzinfo=UTC)


def test_a_run_whose_clock_was_ahead_is_named_and_not_the_newest(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True, with_now=a_year(1))
    wrong = journals(shell)[0]
    said = (
        f"Warning: DIR/state/tokenctl/{wrong.name} is passed over: it is of a run that began at 2027-01-01 00:00:00+00:00, "
        "which is yet to come\n  hint: see which clock is wrong, or name that journal to undo it\n"
    )
    done = undone(shell)
    assert (done.code, done.err.startswith(said)) == (ExitCode.USAGE, True)
    applied(shell, shell.declare(DEACTIVATE), yes=True)
    right = journals(shell)[0]
    assert undone(shell).err.startswith(f"{said}Undoing {right.stem} of ")
    assert undone(shell, with_now=a_year(2)).err.startswith(f"Undoing {right.stem} of ")
    assert undone(shell, str(wrong)).err.startswith(f"Undoing {wrong.stem} of ")


def test_a_run_whose_clock_was_behind_is_the_newest_by_the_servers_times(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True)
    applied(shell, shell.declare(DEACTIVATE), yes=True, with_now=a_year(-1))
    wrong = journals(shell)[0]
    assert wrong.name.startswith("apply-2025")
    assert undone(shell).err.startswith(f"Undoing {wrong.stem} of ")


def killed(path: Path, started: str) -> Path:
    """Make it the journal of a run that was killed before it had any answer, and that began then by its own clock."""
    header, *rest = map(json.loads, path.read_text().splitlines())
    kept = [{**header, "started": started}, *(line for line in rest if line["event"] == "intent")]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    return path


def untold(*paths: Path, more: str = "") -> Done:
    """What `undo` says when these may be the newest."""
    names = " or ".join(f"DIR/state/tokenctl/{path.name}" for path in paths)
    return Done(
        ExitCode.USAGE,
        "",
        f"no answer of the server says which run changed something at URL last: {names}{more}\n"
        "  hint: name the journal of the run to undo; "
        "`tokenctl apply` first finds out what became of interrupted runs\n",
    )


@pytest.mark.parametrize(
    "started", ["2026-01-01T00:00:30+00:00", "2025-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"]
)
@pytest.mark.parametrize("newest", [False, True])
def test_the_clock_of_a_run_that_was_killed_never_decides_which_is_the_newest(
    shell: Shell, started: str, newest: bool
) -> None:
    files = [shell.declare(DESCRIBE), shell.declare(DEACTIVATE, name="other.yaml")]
    for file in files:
        applied(shell, file, yes=True)
    paths = journals(shell)
    cut, whole = (paths[1], paths[0]) if newest else (paths[0], paths[1])
    killed(cut, started)
    shell.sent()
    assert (undone(shell), shell.sent()) == (untold(cut, whole), [])
    assert undone(shell, str(whole)).err.startswith(f"Undoing {whole.stem} of ")
    # The next apply asks the server, writes down what it says, and from then on that decides.
    applied(shell, files[1], yes=True)
    assert '"settled"' in cut.read_text()
    expected = paths[0] if newest and started.startswith("2027") else paths[1]  # the former is passed over by name
    assert f"Undoing {expected.stem} of " in undone(shell).err


def test_a_killed_run_that_found_what_another_left_is_the_later_one(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True)
    applied(shell, shell.declare(f'id: "{GRAFANA}", name: grafana, description: later'), yes=True)
    later = killed(journals(shell)[1], "2025-01-01T00:00:00+00:00")
    assert undone(shell).err.startswith(f"Undoing {later.stem} of ")


def test_of_many_killed_runs_the_first_five_are_named(shell: Shell) -> None:
    for number in range(6):
        applied(shell, shell.declare(f'id: "{GRAFANA}", name: grafana, description: "{number}"'), yes=True)
    paths = [killed(path, "2026-01-01T00:00:00+00:00") for path in journals(shell)][::-1]
    assert undone(shell) == untold(*paths[:5], more=" or one of 1 more")
    for path in paths[2:]:
        path.unlink()
    assert undone(shell) == untold(*paths[:2])
    paths[1].unlink()
    assert undone(shell).err.startswith(f"Undoing {paths[0].stem} of ")


@pytest.mark.parametrize(
    "request_",
    [
        {"yes": True},
        {"expect": "0" * 64},
        {"send": True, "form": PlanFormat.JSON},
        {"send": True, "out": "plan.json"},
    ],
)
def test_options_that_do_not_go_together_are_refused(run: Shell, request_: dict[str, object]) -> None:
    done = undone(run, **request_)  # type: ignore[arg-type]
    assert (done.code, done.out, run.sent()) == (ExitCode.USAGE, "", [])


def test_no_file_of_an_undo_holds_a_secret(run: Shell) -> None:
    undone(run, out=str(run.folder / "undo.json"))
    undone(run, send=True, yes=True, allow=(Guard.REACTIVATION,))
    assert len(texts(run.folder)) == 4
    assert not [text for text in texts(run.folder) if "FAKE-" in text]
