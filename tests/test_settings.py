"""Where the server and the credentials come from, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.settings import Flags, Settings, normalise, resolve

SECRET = "FAKE-caller-" + "0" * 74 + "=="
OTHER = "FAKE-other-" + "0" * 75 + "=="
ID = "0d3a5f0c1be4e000"


def settled(flags: Flags, home: Path, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> Settings:
    return resolve(flags, environment or {}, home, BytesIO(stdin))


def refused(flags: Flags, home: Path, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
    with pytest.raises(UsageError) as caught:
        settled(flags, home, environment, stdin)
    return str(caught.value).replace(str(home), "HOME")


def profiles(home: Path, text: str) -> None:
    folder = home / ".influxdbv2"
    folder.mkdir()
    (folder / "configs").write_text(text)


TWO_PROFILES = f"""
[prod]
  url = "https://influx.example:8086/"
  token = "{SECRET}"
  org = "acme"
  active = true

[dev]
  url = "http://localhost:9999"
  token = "{OTHER}"
  previous = true
"""


def test_a_token_alone_is_for_the_default_server(tmp_path: Path) -> None:
    found = settled(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET})
    assert found.endpoint.url == "http://localhost:8086"
    assert found.endpoint.secret.reveal() == SECRET
    assert (found.org, found.self_id) == ("", None)


def test_variables_say_what_flags_leave_open(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(OTHER + "\n")
    environment = {
        "INFLUX_HOST": "https://one.example",
        "INFLUX_ORG": "acme",
        "INFLUX_TOKEN": SECRET,
        "INFLUX_TOKEN_FILE": str(tmp_path / "token"),
        "TOKENCTL_SELF_ID": ID.upper(),
    }
    found = settled(Flags(), tmp_path, environment)
    assert (found.endpoint.url, found.org, found.self_id) == ("https://one.example", "acme", ID)
    assert found.endpoint.secret.reveal() == OTHER


def test_flags_win_over_variables(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    (tmp_path / "pem").write_text("")
    environment = {"INFLUX_HOST": "https://one.example", "INFLUX_ORG": "acme", "INFLUX_TOKEN": OTHER}
    pem = str(tmp_path / "pem")
    flags = Flags(
        url="https://two.example/influx/",
        org="edge",
        token_file=str(tmp_path / "token"),
        self_id=ID,
        ca_file=pem,
        client_cert=pem,
        client_key=pem,
    )
    found = settled(flags, tmp_path, environment)
    assert (found.endpoint.url, found.org, found.self_id) == ("https://two.example/influx", "edge", ID)
    assert found.endpoint.secret.reveal() == SECRET
    assert (found.endpoint.ca_file, found.endpoint.client_cert, found.endpoint.client_key) == (pem, pem, pem)


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    environment = {"INFLUX_HOST": "", "INFLUX_TOKEN_FILE": "", "INFLUX_TOKEN": SECRET, "TOKENCTL_SELF_ID": ""}
    assert settled(Flags(), tmp_path, environment).endpoint.url == "http://localhost:8086"


def test_the_token_can_come_from_standard_input_with_a_line_break(tmp_path: Path) -> None:
    found = settled(Flags(token_file="-"), tmp_path, stdin=SECRET.encode() + b"\r\n")
    assert found.endpoint.secret.reveal() == SECRET


def test_the_active_profile_names_server_and_token(tmp_path: Path) -> None:
    profiles(tmp_path, TWO_PROFILES)
    found = settled(Flags(), tmp_path)
    assert (found.endpoint.url, found.endpoint.secret.reveal()) == ("https://influx.example:8086", SECRET)
    assert found.org == ""


def test_a_profile_that_is_named_wins_over_variables(tmp_path: Path) -> None:
    profiles(tmp_path, TWO_PROFILES)
    environment = {"INFLUX_HOST": "https://one.example", "INFLUX_TOKEN": SECRET}
    found = settled(Flags(profile="dev"), tmp_path, environment)
    assert (found.endpoint.url, found.endpoint.secret.reveal()) == ("http://localhost:9999", OTHER)


def test_the_active_profile_gives_way_to_variables_and_is_then_not_even_read(tmp_path: Path) -> None:
    profiles(tmp_path, "not = TOML = at all")
    environment = {"INFLUX_HOST": "https://one.example", "INFLUX_TOKEN": OTHER}
    assert settled(Flags(), tmp_path, environment).endpoint.url == "https://one.example"


def test_the_profiles_can_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(TWO_PROFILES)
    found = settled(Flags(), tmp_path, {"INFLUX_CONFIGS_PATH": str(tmp_path / "mine")})
    assert found.endpoint.url == "https://influx.example:8086"


def test_a_profiles_token_goes_to_no_other_server(tmp_path: Path) -> None:
    profiles(tmp_path, TWO_PROFILES)
    assert refused(Flags(), tmp_path, {"INFLUX_HOST": "https://one.example"}) == (
        "the token of the influx CLI profile `prod` is not for https://one.example\n"
        "  hint: give that server's own token with INFLUX_TOKEN or --token-file"
    )
    same_server = settled(Flags(url="https://INFLUX.example:8086/proxied"), tmp_path)
    assert same_server.endpoint.secret.reveal() == SECRET


def test_a_profile_without_a_url_is_for_the_default_server(tmp_path: Path) -> None:
    profiles(tmp_path, f'[here]\ntoken = "{SECRET}"\nurl = 5\nactive = true\n')
    assert settled(Flags(), tmp_path).endpoint.url == "http://localhost:8086"
    assert "is not for https://one.example" in refused(Flags(url="https://one.example"), tmp_path)


def test_an_unknown_profile_is_refused_with_those_there_are(tmp_path: Path) -> None:
    assert refused(Flags(profile="x"), tmp_path) == (
        "the influx CLI has no profile `x`\n  hint: there is none: `influx config create` makes one"
    )
    profiles(tmp_path, "top = 1\n" + TWO_PROFILES)
    assert refused(Flags(profile="x"), tmp_path) == (
        "the influx CLI has no profile `x`\n  hint: there are: `dev`, `prod`"
    )


def test_several_active_profiles_are_refused(tmp_path: Path) -> None:
    profiles(tmp_path, TWO_PROFILES.replace("previous", "active"))
    assert refused(Flags(), tmp_path) == (
        "several profiles of the influx CLI are active: `dev`, `prod`\n  hint: choose one with --profile"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'a = "{SECRET}"\nb = = "{SECRET}"', "are not TOML, see line 2, column 5"),
        (f'a = """{SECRET}', "are not TOML, see end of document"),
        (f'a = "{SECRET}\ud800"', "cannot be read: it is not UTF-8 text"),
    ],
)
def test_broken_profiles_are_refused_without_their_content(tmp_path: Path, text: str, why: str) -> None:
    profiles(tmp_path, "")
    (tmp_path / ".influxdbv2" / "configs").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert refused(Flags(), tmp_path) == f"the influx CLI's profiles in HOME/.influxdbv2/configs {why}"


def test_profiles_that_are_no_file_are_refused(tmp_path: Path) -> None:
    assert refused(Flags(), tmp_path, {"INFLUX_CONFIGS_PATH": str(tmp_path)}) == (
        "the influx CLI's profiles in HOME cannot be read: is a directory"
    )


def test_no_token_at_all_is_refused_with_every_way_to_give_one(tmp_path: Path) -> None:
    hint = (
        "  hint: set INFLUX_TOKEN, or name a file with --token-file or INFLUX_TOKEN_FILE, or choose one with --profile"
    )
    assert (
        refused(Flags(), tmp_path)
        == f"there is no token to sign in with, and no profile of the influx CLI is active\n{hint}"
    )
    profiles(tmp_path, '[bare]\nurl = "https://one.example"\n')
    assert refused(Flags(profile="bare"), tmp_path) == (
        f"there is no token to sign in with, and the influx CLI profile `bare` has none either\n{hint}"
    )


def test_a_named_profile_without_a_token_leaves_room_for_the_variable(tmp_path: Path) -> None:
    profiles(tmp_path, '[bare]\nurl = "https://one.example"\n')
    found = settled(Flags(profile="bare"), tmp_path, {"INFLUX_TOKEN": SECRET})
    assert (found.endpoint.url, found.endpoint.secret.reveal()) == ("https://one.example", SECRET)


BAD_SECRETS = {
    "blank inside": "SENTINEL SENTINEL",
    "NUL": "SENTINEL\0",
    "two lines": "SENTINEL\nSENTINEL",
    "two line breaks": "SENTINEL\n\n",
    "not ASCII": "SENTINEL\xe9",
    "too long": "SENTINEL" * 1000,
    "only a line break": "\n",
}


@pytest.mark.parametrize("secret", BAD_SECRETS.values(), ids=BAD_SECRETS)
@pytest.mark.parametrize("source", ["file", "stdin", "variable", "file variable", "profile"])
def test_a_secret_that_cannot_be_one_is_refused_by_its_length_alone(tmp_path: Path, secret: str, source: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(secret.encode("latin-1"))
    flags, environment = Flags(), {}
    match source:
        case "file":
            flags = Flags(token_file=str(path))
        case "stdin":
            flags = Flags(token_file="-")
        case "variable":
            environment = {"INFLUX_TOKEN": secret}
        case "file variable":
            environment = {"INFLUX_TOKEN_FILE": str(path)}
        case "profile":
            text = "".join(f"\\u{ord(character):04x}" for character in secret)
            profiles(tmp_path, f'[a]\ntoken = "{text}"\nactive = true\n')
    said = refused(flags, tmp_path, environment, secret.encode("latin-1"))
    length = len(secret.removesuffix("\n"))
    assert f"cannot be used; it has {length} characters\n" in said
    assert "SENTINEL" not in said


def test_a_token_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert refused(Flags(token_file=str(tmp_path)), tmp_path) == (
        "--token-file names a file that cannot be read: is a directory"
    )
    assert refused(Flags(), tmp_path, {"INFLUX_TOKEN_FILE": str(tmp_path / "none")}) == (
        "INFLUX_TOKEN_FILE names a file that cannot be read: no such file or directory"
    )
    assert refused(Flags(token_file="a\0b"), tmp_path) == "--token-file names a file that cannot be read: not a path"


def test_a_token_file_may_be_a_pipe(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, SECRET.encode())
    os.close(write)
    try:
        found = settled(Flags(token_file=f"/dev/fd/{read}"), tmp_path)
    finally:
        os.close(read)
    assert found.endpoint.secret.reveal() == SECRET


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Influx.Example/", "https://influx.example"),
        ("https://influx.example:443", "https://influx.example"),
        ("http://influx.example:80/a/b/", "http://influx.example/a/b"),
        ("http://[::1]:8086", "http://[::1]:8086"),
        ("http://127.0.0.1:8086", "http://127.0.0.1:8086"),
        ("http://xn--bcher-kva.example.", "http://xn--bcher-kva.example."),
    ],
)
def test_urls_are_normalised(url: str, normal: str) -> None:
    assert normalise(url) == normal


@pytest.mark.parametrize(
    "url",
    [
        "", "influx.example", "ftp://influx.example", "https://", "https://a b", "https://a:99999", "https://a:x", "https://[::1",
        "https://a?b", "https://a#b", "https://a?", "https://a/../b", "https://a/./b", "https://a//b", "https://a/b c", "https://bücher.example",
        "https://-a", "https://a\n", "https://a/\x1b[31m",
    ],
)  # fmt: skip
def test_urls_that_are_no_servers_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalise(url)
    hint = "write http:// or https://, a host, and no more than a port and a path"
    assert str(caught.value) == f"the server's URL `{url}` cannot be used\n  hint: {hint}"


def test_a_url_with_a_password_is_refused_without_it() -> None:
    with pytest.raises(UsageError) as caught:
        normalise("https://me:SENTINEL@influx.example")
    assert str(caught.value).startswith("the server's URL cannot be used\n")


def test_plain_http_to_another_machine_has_to_be_allowed(tmp_path: Path) -> None:
    environment = {"INFLUX_TOKEN": SECRET}
    flags = Flags(url="http://influx.example")
    assert refused(flags, tmp_path, environment) == (
        "http://influx.example would show your token to everybody on the way\n"
        "  hint: use https://, or accept that with --allow-insecure-http"
    )
    allowed = settled(Flags(url="http://influx.example", allow_insecure_http=True), tmp_path, environment)
    assert allowed.endpoint.url == "http://influx.example"
    for host in ("localhost", "127.0.0.1", "127.8.9.1", "[::1]"):
        assert settled(Flags(url=f"http://{host}"), tmp_path, environment).endpoint.url == f"http://{host}"


def test_a_host_that_only_looks_like_loopback_is_another_machine(tmp_path: Path) -> None:
    for host in ("127.0.0.1.example", "localhost.example", "127.example"):
        assert "would show your token" in refused(Flags(url=f"http://{host}"), tmp_path, {"INFLUX_TOKEN": SECRET})


def test_certificates_have_to_exist_and_a_key_needs_its_certificate(tmp_path: Path) -> None:
    environment = {"INFLUX_TOKEN": SECRET}
    assert refused(Flags(client_key="key.pem"), tmp_path, environment) == "--client-key needs --client-cert"
    assert refused(Flags(ca_file="nowhere.pem"), tmp_path, environment) == "--ca-file: there is no file `nowhere.pem`"


@pytest.mark.parametrize("text", ["0", "0" * 16, ID + "\n", ID + "0", "g" * 16])
def test_an_own_id_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(Flags(self_id=text), tmp_path, {"INFLUX_TOKEN": SECRET}) == (
        "--self-id and TOKENCTL_SELF_ID take an id: 16 hex digits, as `tokenctl list` shows"
    )


def test_settings_show_no_secret(tmp_path: Path) -> None:
    assert SECRET not in repr(settled(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET}))
