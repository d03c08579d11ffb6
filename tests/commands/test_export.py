"""`export`: what it writes of a server into which file, what it leaves alone, and that a plan of it is empty."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as replace_
from os import mkfifo
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.secrets import masked
from reconciler.sandbox.seed import Seed, parse_seed
from tests.shell import GRAFANA, Done, Shell, shell_on

CASES = Path(__file__).parent.parent / "authoring"
OWN = "my-own-secret-token"
LOOKALIKE = "x" * 85 + "A=="

# What a description can be, and the reason where no manifest holds it.
KINDS = {
    "tab": ("a\tb", "U+0009 in it may not stand in a file"),
    "return": ("a\rb", "U+000D in it may not stand in a file"),
    "windows": ("a\r\nb", "U+000D in it may not stand in a file"),
    "escape": ("a\x1b[31mb", "U+001B in it may not stand in a file"),
    "delete": ("\x7f", "U+007F in it may not stand in a file"),
    "next line": ("\x85", "U+0085 in it may not stand in a file"),
    "override": ("rtl \u202e", "U+202E in it may not stand in a file"),
    "isolate": ("\u2067x", "U+2067 in it may not stand in a file"),
    "line separator": ("\u2028", "U+2028 in it may not stand in a file"),
    "mark": ("\ufeffx", "U+FEFF in it may not stand in a file"),
    "noncharacter": ("\ufdd0\uffff", "U+FDD0 in it may not stand in a file"),
    "long": ("x" * 10_001, "it has 10,001 characters, and 10,000 may be declared"),
    "own secret": (f"is {OWN}", "a part of it is, or may be, a token's secret"),
    "look-alike": (LOOKALIKE, "a part of it is, or may be, a token's secret"),
    "stars": ("secret ***", "a part of it is, or may be, a token's secret"),
    **{
        repr(each): (each, "")
        for each in (
            "", " ", " a ", "a\n", "\n", "a\nb\n\n", "Mu\u0308", "M\u00fc", "a\u00a0b", "a\u00adb", "\u200b", "\u3164", "a\u200db",
            "👩\u200d🚒", "אב", "null", "~", "0123", "2024-01-01", "---", "...", "a: b", "a #b", "- a", "y", "'", '"', "\\", "\\t", "{a}", "x" * 9_999,
            "\U0001fffe", "##[error]x", "::error::x", "%", "My own secret token",
        )
    },
}  # fmt: skip


def world(live: Sequence[Mapping[str, str]]) -> Seed:
    """A server with these tokens, and one of a deleted owner, which is in no list; all can be read and changed."""
    orgs = {name: f"a{at}" * 8 for at, name in enumerate(dict.fromkeys(each["org"] for each in live))}
    users = {name: f"b{at}" * 8 for at, name in enumerate(dict.fromkeys(each["user"] for each in live))}
    every = [
        {"action": action, "resource": {"type": kind}}
        for action in ("read", "write")
        for kind in ("authorizations", "users")
    ]
    tokens = [
        {
            "id": each["id"], "token": OWN if not number else f"{each['id'] * 5}abcdeA==", "status": each["status"],
            "description": each["description"], "orgID": orgs[each["org"]], "userID": users[each["user"]], "permissions": every,
        }
        for number, each in enumerate(live)
    ]  # fmt: skip
    orphan = {**tokens[0], "id": "ffffffffffffffff", "token": "orphan", "userID": "ee" * 8}
    return parse_seed(
        {
            "orgs": [{"id": each, "name": name} for name, each in orgs.items()],
            "users": [{"id": each, "name": name} for name, each in users.items()],
            "tokens": [*tokens, orphan],
        }
    )


@contextmanager
def serving(folder: Path, live: Sequence[Mapping[str, str]]) -> Iterator[Shell]:
    """A shell with a server of these tokens, in this process, signed in with the first of them."""
    seed = world(live)
    with shell_on(folder, seed, caller=live[0]["id"]) as shell:
        shell.here = True
        yield shell


def one(number: int, description: str, **others: str) -> dict[str, str]:
    """The number-th token of a server."""
    given = {"id": f"{0x11B377EA024D9000 + number:016x}", "status": "active", "org": "acme", "user": "admin"}
    return {**given, "description": description, **others}


def messy() -> list[dict[str, str]]:
    """A server with tokens of every kind, of some owners in some organisations."""
    places = [
        ("acme", "admin"),
        ("acme", "Jörg"),
        ("Werk Süd / Halle 3", "admin"),
        ("日本", "svc:x"),
        ("werk-süd.halle/3", "\u202ex "),
    ]
    return [
        one(number, text, org=places[number % 5][0], user=places[number % 5][1], status="inactive" if number % 7 == 1 else "active")
        for number, (text, _) in enumerate(KINDS.values())
    ]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """The manifests below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


@pytest.mark.parametrize("case", sorted(CASES.glob("export-*")), ids=lambda path: path.name)
def test_a_case_of_the_specification(case: Path, tmp_path: Path) -> None:
    def text(name: str, otherwise: str) -> str:
        return (case / name).read_text("utf-8") if (case / name).exists() else otherwise

    if (case / "before").exists():
        shutil.copytree(case / "before", tmp_path, dirs_exist_ok=True)
    arguments = shlex.split(text("args", ""))
    with serving(tmp_path, json.loads(text("live.json", ""))) as shell:
        done = shell.run(*arguments)
        url = shell.sandbox.url.encode()
        assert (done.code, done.out) == (int(text("exit", "0")), "")
        assert done.err == text("stderr", done.err)
        written = {name: each.replace(url, b"http://localhost:8086") for name, each in files(tmp_path).items()}
        assert written == files(case / "after")
        if done.code == 0:
            assert shell.run("validate", arguments[1]).code == 0
            assert "No changes" in shell.run("plan", arguments[1]).out
            again = shell.run(*arguments)
            assert again.err == f"{arguments[1]}: nothing to add, as what was asked for is declared\n"
            assert {
                name: each.replace(url, b"http://localhost:8086") for name, each in files(tmp_path).items()
            } == written


def planned(shell: Shell, *targets: str) -> tuple[list[Any], str]:
    """The changes of a plan of these files, and its digest."""
    # `Shell.plain` hides a digest, so a saved plan has to tell it.
    saved = shell.folder / "saved.json"
    done = shell.run("plan", *targets, "-o", str(saved))
    assert done.code == 0, done
    document = json.loads(saved.read_text())
    return document["changes"], document["digest"]


def test_every_form_means_the_same_plan_of_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, messy()) as shell:
        whole = shell.run("export")
        assert (
            whole.err.splitlines()[0]
            == f"stdout: {len(KINDS)} declarations added, {len(KINDS) - 15} with their description"
        )
        assert shell.run("export", "-").out == whole.out
        shell.write(whole.out.replace("URL", shell.sandbox.url), "printed.yaml")
        for target in ("new.yaml", "each/", "halves.yaml"):
            if target == "halves.yaml":
                assert shell.run("export", target, "--user", "a*").code == 0
                assert shell.run("export", target, "--status", "inactive").code == 0
            assert (shell.run("export", target).code, shell.sent()[-1]) == (0, "GET /api/v2/authorizations")
        plans = [planned(shell, target) for target in ("printed.yaml", "new.yaml", "each/", "halves.yaml")]
        assert plans == [([], plans[0][1])] * 4
        assert files(tmp_path)["printed.yaml"] == files(tmp_path)["new.yaml"]
        alike = [f"werk-sud-halle-3-{each * 8}.yaml" for each in ("a1", "a3")]
        assert sorted(path.name for path in (tmp_path / "each").iterdir()) == [
            "acme.yaml",
            f"org-{'a2' * 8}.yaml",
            *alike,
        ]


def test_a_text_that_changes_into_any_other_kind_is_exported_again(tmp_path: Path) -> None:
    texts = [text for text, _ in KINDS.values()]
    with serving(tmp_path, [one(0, "caller"), *(one(number, text) for number, text in enumerate(texts, 1))]) as shell:
        for turn in (1, len(texts) // 2, len(texts) - 1):
            for number, text in enumerate(texts[turn:] + texts[:turn], 1):
                shell.sandbox.change(one(number, "")["id"], description=text)
            assert shell.run("export", f"{turn}.yaml").code == 0
            assert planned(shell, f"{turn}.yaml")[0] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_declared_as_it_is_or_left_alone(tmp_path: Path, kind: str) -> None:
    text, reason = KINDS[kind]
    with serving(tmp_path, [one(0, "caller"), one(1, text)]) as shell:
        out = shell.run("export").out
        shell.write(out.replace("URL", shell.sandbox.url))
        assert planned(shell)[0] == []
    declaration = yaml.safe_load(out)["tokens"][1]
    assert declaration.get("description") == (None if reason else text)
    assert (f"    # the description is left alone: {reason}\n    status: active\n" in out) == bool(reason)
    assert masked(out, OWN) == out


def test_what_was_in_a_file_stays_around_what_is_added(tmp_path: Path) -> None:
    live = [one(0, "caller"), one(1, "tab\t", user="ada"), one(2, "Grafana")]
    own = f'tokens:\n- {{id: "{live[0]["id"]}"}}  # mine\n\n- match: {{user: nobody}}\n\n# below\nlock: true'
    added = (
        f'- id: "{live[1]["id"]}"\n  name: tab\n'
        "  # the description is left alone: U+0009 in it may not stand in a file\n  status: active\n\n"
        f'# acme / admin\n- id: "{live[2]["id"]}"\n  name: grafana\n  description: Grafana\n  status: active\n'
    )
    head, foot = own[: own.index("\n\n# below") + 1], own[own.index("\n# below") :]
    with serving(tmp_path, live) as shell:
        for mark in ("", "\ufeff"):
            for end in ("\n", "\r\n"):
                before = (
                    f"{mark}version: 1{end}{own}".replace("\n", end)
                    if end == "\n"
                    else f"{mark}version: 1\n{own}".replace("\n", end)
                )
                (tmp_path / "own.yaml").write_bytes(before.encode())
                done = shell.run("export", "own.yaml")
                assert done.err == (
                    "own.yaml: 2 declarations added, 1 with their description\n"
                    "  1 description is left alone, with its reason above it\n"
                    "Descriptions become as public as the repository: read them before you commit.\n"
                )
                whole = f"{mark}version: 1\n{head}\n# acme / ada\n{added}{foot}".replace("\n", end)
                assert (tmp_path / "own.yaml").read_bytes().decode() == whole


def test_brackets_have_no_room_for_reasons(tmp_path: Path) -> None:
    live = [one(0, "caller"), one(1, "tab\t"), one(2, "x, y")]
    with serving(tmp_path, live) as shell:
        shell.write(f'version: 1\ntokens: [{{id: "{live[0]["id"]}"}}]\n')
        assert shell.run("export", "tokens.yaml").err == (
            "tokens.yaml: 2 declarations added, 1 with their description\n"
            f"  {live[1]['id']}: the description is left alone: U+0009 in it may not stand in a file\n"
            "Descriptions become as public as the repository: read them before you commit.\n"
        )
        assert (tmp_path / "tokens.yaml").read_text() == (
            f'version: 1\ntokens: [{{id: "{live[0]["id"]}"}}, {{id: "{live[1]["id"]}", name: tab, status: active}}, '
            f'{{id: "{live[2]["id"]}", name: x-y, description: "x, y", status: active}}]\n'
        )


def test_a_file_stays_as_it_is_but_for_its_text(tmp_path: Path) -> None:
    with serving(tmp_path, [one(0, "caller")]) as shell:
        real = Path(shell.write("version: 1\n", "real/tokens.yaml"))
        real.chmod(0o640)
        (tmp_path / "tokens.yaml").symlink_to(real)
        assert shell.run("export", "tokens.yaml").err == (
            "tokens.yaml: 1 declaration added, 1 with its description\n"
            "Descriptions become as public as the repository: read them before you commit.\n"
        )
        assert (tmp_path / "tokens.yaml").is_symlink()
        assert real.stat().st_mode & 0o777 == 0o640
        assert real.read_text() == (
            f'version: 1\ntokens:\n  # acme / admin\n  - id: "{one(0, "")["id"]}"\n    name: caller\n'
            "    description: caller\n    status: active\n"
        )


def test_a_folder_declares_what_any_of_its_files_declares(tmp_path: Path) -> None:
    live = [one(0, "caller"), one(1, "x", org="edge"), one(2, "y", org="edge"), one(3, "x", org="edge")]
    with serving(tmp_path, live) as shell:
        shell.write(f'version: 1\ntokens:\n  - id: "{live[1]["id"]}"\n    name: x\n', "all/own.yml")
        shell.write("version: 1\n", "all/acme.yaml")
        assert shell.run("export", "all", "--user", "adm?n").err.splitlines()[:2] == [
            "all/acme.yaml: 1 declaration added, 1 with its description",
            "all/edge.yaml: 2 declarations added, 2 with their description",
        ]
        names = [each.get("name") for each in yaml.safe_load((tmp_path / "all/edge.yaml").read_text())["tokens"]]
        assert names == ["y", f"x-{live[3]['id']}"]
        assert planned(shell, "all")[0] == []


def test_what_a_file_asserts_bounds_what_is_added(tmp_path: Path) -> None:
    live = [one(0, "caller"), one(1, "x", org="edge"), one(2, "y", org="edge")]
    with serving(tmp_path, live) as shell:
        shell.write("version: 1\nserver: {org: edge}\n", "edge.yaml")
        shell.write("version: 1\nserver: {org: nobody}\n", "nobody.yaml")
        shell.write("version: 1\nserver: {url: https://influx.example}\n", "elsewhere.yaml")
        assert shell.run("export", "edge.yaml").err.startswith("edge.yaml: 2 declarations added")
        assert planned(shell, "edge.yaml")[0] == []
        before = files(tmp_path)
        assert shell.run("export", "nobody.yaml") == Done(
            4,
            "",
            "no live token belongs to organisation `nobody`\n  hint: correct `server.org`, or name another file\n",
        )
        assert shell.run("export", "elsewhere.yaml").code == 4
        assert shell.run("export", "edge.yaml", "--org", "acme").code == 4
        assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("none/tokens.yaml", 1, "cannot write to DIR/none/tokens.yaml: no such file or directory\n"),
        ("none/folder/", 1, "cannot make the folder none/folder: no such file or directory\n"),
        ("tokens.yaml/", 1, "cannot make the folder tokens.yaml: file exists\n"),
        ("pipe", 65, "pipe: this is no file\n  hint: give it to standard input, and name that with `-`\n"),
        ("dangling", 65, "dangling: no such file or directory\n"),
        ("", 64, "the name of a file is empty\n  hint: the variable that it was to come from may not be set\n"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path: Path, target: str, code: int, said: str) -> None:
    with serving(tmp_path, [one(0, "caller")]) as shell:
        shell.write("version: 1\n")
        mkfifo(tmp_path / "pipe")
        (tmp_path / "dangling").symlink_to("nowhere")
        assert shell.run("export", target) == Done(code, "", said)
        assert files(tmp_path) == {"tokens.yaml": b"version: 1\n"}


def test_nothing_is_made_of_an_empty_list(tmp_path: Path) -> None:
    with serving(tmp_path, [one(0, "caller")]) as shell:
        for target in ("new.yaml", "new/"):
            assert (
                shell.run("export", target, "--user", "x").err
                == f"{target}: nothing to add, as what was asked for is declared\n"
            )
        assert shell.run("export", "--status", "inactive") == Done(
            0, "", "stdout: nothing to add, as what was asked for is declared\n"
        )
        assert not [*tmp_path.glob("new*")]
    with shell_on(tmp_path, caller=GRAFANA) as shell:
        shell.here = True
        assert shell.run("export") == Done(
            0,
            "",
            "Nothing was written. The list is empty. A server leaves out what these credentials may not read: see `tokenctl doctor`.\n",
        )


def test_what_is_too_large_is_told(tmp_path: Path) -> None:
    seed = world([one(0, "caller"), one(1, "x")])
    orgs = tuple(replace_(each, name="o" * 70_000) for each in seed.orgs)
    with shell_on(tmp_path, replace_(seed, orgs=orgs), caller=one(0, "")["id"]) as shell:
        shell.here = True
        done = shell.run("export")
    assert done.code == 0
    assert "# (70,000 characters, too large to be kept, SHA-256" in done.out


@pytest.mark.parametrize("org", ["acme", f"{OWN}", "a*** ", "\u202e", "o" * 1_001])
def test_an_organisation_is_asserted_where_a_file_can_name_it(tmp_path: Path, org: str) -> None:
    with serving(tmp_path, [one(0, "caller", org=org)]) as shell:
        out = shell.run("export", "--org", "a0" * 8).out
        expected = "server:\n  url: URL\n" + ("  org: acme\n" if org == "acme" else "")
        assert out.partition("version: 1\n")[2].partition("tokens:")[0] == expected


OWNED = [
    "version: 1\n",
    "version: 1\ntokens: []\nlock: true",
    "version: 1\ntokens:\n- match: {user: admin}\n  pick: all\n\n# end\n",
]
LIVE = st.lists(
    st.tuples(st.sampled_from([text for text, _ in KINDS.values()]), st.sampled_from(["admin", "Jörg", " x", "***"])), max_size=6
)  # fmt: skip


@settings(max_examples=6)
@given(LIVE, st.sampled_from(OWNED), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_a_plan_after_an_export_is_empty_and_what_was_there_stays(
    tmp_path_factory: pytest.TempPathFactory, live: list[tuple[str, str]], before: str, end: str, mark: str
) -> None:
    folder = tmp_path_factory.mktemp("law")
    tokens = [one(0, "caller"), *(one(number, text, user=user) for number, (text, user) in enumerate(live, 1))]
    file, own = folder / "tokens.yaml", (mark + before.replace("\n", end)).encode()
    with serving(folder, tokens) as shell:
        file.write_bytes(own)
        assert shell.run("export", "tokens.yaml").code == 0
        added = file.read_bytes()
        start = next((at for at, (one_, other) in enumerate(zip(own, added, strict=False)) if one_ != other), len(own))
        foot = own[start:].removeprefix(b" []")
        assert added.endswith(foot)
        assert planned(shell)[0] == []
        assert shell.run("export", "tokens.yaml").err.startswith("tokens.yaml: nothing to add")
        assert file.read_bytes() == added
        assert masked(added.decode(), OWN) == added.decode()
        assert shell.run("export", "new.yaml").code == 0
        assert shell.run("fmt", "new.yaml", "--check") == Done(0, "", "new.yaml is formatted\n")


def test_what_is_written_of_a_text_may_be_the_secret(tmp_path: Path) -> None:
    seed = world([one(0, "caller"), one(1, 'x"y-my-own-secret'), one(2, "x\ny-my-own-secret")])
    for own in (r"x\"y-my-own-secret", r"x\ny-my-own-secret"):
        tokens = tuple(replace_(each, secret=own if each.secret == OWN else each.secret) for each in seed.tokens)
        with shell_on(tmp_path, replace_(seed, tokens=tokens), caller=one(0, "")["id"]) as shell:
            shell.here = True
            out = shell.run("export").out
        assert (own in out, out.count("a part of it is, or may be, a token's secret")) == (False, 1)
