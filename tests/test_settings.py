"""Where the server and the credentials come from, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from reconciler.core.endpoint import normalise
from reconciler.core.text import count
from reconciler.errors import UsageError
from reconciler.influx_cli import Profile
from reconciler.settings import Flags, Settings, resolve, without_token

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


def test_a_byte_order_mark_is_no_part_of_what_a_file_says(tmp_path: Path) -> None:
    profiles(tmp_path, f"\ufeff{TWO_PROFILES}")
    assert settled(Flags(), tmp_path).endpoint.secret.reveal() == SECRET
    (tmp_path / "token").write_text(f"\ufeff{OTHER}\r\n", "utf-8", newline="")
    mark = "\ufeff".encode()
    for flags, environment, stdin in (
        (Flags(token_file=str(tmp_path / "token")), {}, b""),
        (Flags(token_file="-"), {}, mark + OTHER.encode()),
        (Flags(), {"INFLUX_TOKEN_FILE": str(tmp_path / "token"), "INFLUX_HOST": "http://localhost"}, b""),
    ):
        assert settled(flags, tmp_path, environment, stdin).endpoint.secret.reveal() == OTHER
    for text in (mark + mark + OTHER.encode(), OTHER.encode() + mark):
        assert refused(Flags(token_file="-"), tmp_path, stdin=text).startswith("the token from --token-file cannot be")


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
    profiles(tmp_path, f'[here]\ntoken = "{SECRET}"\nactive = true\n')
    assert settled(Flags(), tmp_path).endpoint.url == "http://localhost:8086"
    assert "is not for https://one.example" in refused(Flags(url="https://one.example"), tmp_path)


def test_a_profile_shows_no_token_where_it_is_printed() -> None:
    assert repr(Profile(name="lyon", url="https://lyon.example", token="secret")) == "Profile('lyon')"


def test_an_unknown_profile_is_refused_with_those_there_are(tmp_path: Path) -> None:
    assert refused(Flags(profile="x"), tmp_path) == (
        "--profile: the influx CLI has no profile `x`\n  hint: there is none: `influx config create` makes one"
    )
    profiles(tmp_path, "top = 1\n" + TWO_PROFILES)
    environment = {"INFLUX_ACTIVE_CONFIG": "-", "INFLUX_HOST": "https://one.example", "INFLUX_TOKEN": SECRET}
    assert refused(Flags(), tmp_path, environment) == (
        "INFLUX_ACTIVE_CONFIG: the influx CLI has no profile `-`\n  hint: there are: `dev`, `prod`"
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
        (f'a = "{SECRET}"\nb = {"[" * 20_000}', "are not TOML"),
        (f'a = "{SECRET}\ud800"', "cannot be read: it is not UTF-8 text"),
    ],
)
def test_broken_profiles_are_refused_without_their_content(tmp_path: Path, text: str, why: str) -> None:
    profiles(tmp_path, "")
    (tmp_path / ".influxdbv2" / "configs").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert refused(Flags(), tmp_path) == f"the influx CLI's profiles in HOME/.influxdbv2/configs {why}"


def test_profiles_that_are_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    assert refused(Flags(), tmp_path, {"INFLUX_CONFIGS_PATH": str(tmp_path / "folder")}) == (
        "the influx CLI's profiles in HOME/folder/deeper cannot be read: is a directory"
    )


def test_profiles_may_be_in_the_files_of_a_folder_each_name_in_one_of_them(tmp_path: Path) -> None:
    given = {"INFLUX_CONFIGS_PATH": str(tmp_path / "folder")}
    for name, profile in {"eu": "hamburg", "us": "boston", "..data": "secret", ".hidden": "no TOML"}.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'[{profile}]\nurl = "http://localhost:1"\ntoken = "t"\n')
    assert resolve(Flags(profile="boston"), given, tmp_path, BytesIO()).profile == "boston"
    (tmp_path / "folder" / "zz").write_text("[hamburg]\n")
    assert refused(Flags(profile="boston"), tmp_path, given) == (
        "the influx CLI profile `hamburg` is in two files of HOME/folder, zz among them\n"
        "  hint: leave it in one of them: which server it means must be clear"
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


FILE, TYPED, LENT = ("FAKE-" + letter * 81 + "==" for letter in "pfv")
A, B, C, LOCAL = "https://a.example", "https://b.example", "https://c.example", "http://localhost:8086"
SOURCES = f"""
[full]
url = "{A}"
token = "{FILE}"
[bare]
url = "{A}"
[none]
token = "{FILE}"
"""

# What chooses the server, whether the token file, and whether the variable give a token, and what comes of it: where
# whose token goes and which profile is in use, or the beginning of the refusal.
MATRIX: dict[tuple[str, bool, bool], tuple[str, str, str] | str] = {
    ("--url", True, False): (B, TYPED, ""),
    ("--url", True, True): (B, TYPED, ""),
    ("--url", False, True): (B, LENT, ""),
    ("--url", False, False): "there is no token to sign in with",
    ("--url, active", False, False): f"the token of the influx CLI profile `full` is not for {B}",
    ("--url, active", False, True): (B, LENT, ""),
    ("--url, active here", False, False): (A, FILE, "full"),
    ("--url, INFLUX_HOST", False, True): (B, LENT, ""),
    ("--url, INFLUX_ACTIVE_CONFIG", False, True): (B, LENT, ""),
    ("--url, INFLUX_ACTIVE_CONFIG", False, False): "INFLUX_ACTIVE_CONFIG names the influx CLI profile `full`, which is not",
    ("--url, --profile bare", False, True): f"--profile names the influx CLI profile `bare`, which is not for {B}",
    ("--profile", True, True): (A, TYPED, "full"),
    ("--profile", False, True): (A, FILE, "full"),
    ("--profile", False, False): (A, FILE, "full"),
    ("--profile, INFLUX_HOST", False, True): (A, FILE, "full"),
    ("--profile, INFLUX_HOST", True, True): (A, TYPED, "full"),
    ("--profile, INFLUX_ACTIVE_CONFIG bare", False, False): (A, FILE, "full"),
    ("--profile bare", True, False): (A, TYPED, "bare"),
    ("--profile bare", False, True): "the token from the environment is for INFLUX_HOST, and https://a.example is from",
    ("--profile bare", False, False): "there is no token to sign in with, and the influx CLI profile `bare` has none either",
    ("--profile bare, INFLUX_HOST", False, True): "the token from the environment is for INFLUX_HOST, and",
    ("--profile bare, INFLUX_HOST here", False, True): (A, LENT, "bare"),
    ("--profile none", False, False): (LOCAL, FILE, "none"),
    ("--profile none, INFLUX_HOST", False, False): f"--profile names the influx CLI profile `none`, which is not for {C}",
    ("INFLUX_HOST", True, True): (C, TYPED, ""),
    ("INFLUX_HOST", False, True): (C, LENT, ""),
    ("INFLUX_HOST, active", False, True): (C, LENT, ""),
    ("INFLUX_HOST, active", False, False): f"the token of the influx CLI profile `full` is not for {C}",
    ("INFLUX_HOST here, active", False, False): (A, FILE, "full"),
    ("INFLUX_HOST, INFLUX_ACTIVE_CONFIG", False, True): "INFLUX_ACTIVE_CONFIG names the influx CLI profile `full`, which",
    ("INFLUX_HOST, INFLUX_ACTIVE_CONFIG", True, False): "INFLUX_ACTIVE_CONFIG names the influx CLI profile `full`, which",
    ("INFLUX_HOST here, INFLUX_ACTIVE_CONFIG", False, True): (A, LENT, "full"),
    ("INFLUX_ACTIVE_CONFIG", False, False): (A, FILE, "full"),
    ("INFLUX_ACTIVE_CONFIG", True, True): (A, TYPED, "full"),
    ("INFLUX_ACTIVE_CONFIG", False, True): "the token from the environment is for INFLUX_HOST, and https://a.example is from",
    ("INFLUX_ACTIVE_CONFIG bare", False, True): "the token from the environment is for INFLUX_HOST, and",
    ("INFLUX_ACTIVE_CONFIG bare, active", False, False): "there is no token to sign in with, and the influx CLI profile `bare`",
    ("active", False, False): (A, FILE, "full"),
    ("active", True, False): (A, TYPED, "full"),
    ("active", False, True): "the token from the environment is for INFLUX_HOST, and https://a.example is from",
    ("active none", False, True): (LOCAL, LENT, "none"),
    ("nothing", False, True): (LOCAL, LENT, ""),
    ("nothing", True, False): (LOCAL, TYPED, ""),
    ("nothing", False, False): "there is no token to sign in with, and no profile of the influx CLI is active",
}  # fmt: skip


@pytest.mark.parametrize("case", MATRIX)
@pytest.mark.parametrize("variable", ["INFLUX_TOKEN", "INFLUX_TOKEN_FILE"])
def test_each_token_goes_to_its_own_server_or_nowhere(
    tmp_path: Path, case: tuple[str, bool, bool], variable: str
) -> None:
    how, typed, lent = case
    for name, secret in (("typed", TYPED), ("lent", LENT)):
        (tmp_path / name).write_text(secret)
    words = {word.split(" ")[0]: word.split(" ")[1:] for word in how.split(", ")}
    active = (words["active"] or ["full"])[0].replace("here", "full") if "active" in words else ""
    profiles(tmp_path, SOURCES.replace(f"[{active}]\n", f"[{active}]\nactive = true\n"))
    here = how.startswith("--url") and "here" in how
    flags = Flags(
        url=(A if here else B) if "--url" in words else "",
        profile=(words["--profile"] or ["full"])[0] if "--profile" in words else "",
        token_file=str(tmp_path / "typed") if typed else "",
    )
    environment = {variable: LENT if variable == "INFLUX_TOKEN" else str(tmp_path / "lent")} if lent else {}
    if "INFLUX_HOST" in words:
        environment["INFLUX_HOST"] = A if "here" in words["INFLUX_HOST"] else C
    if "INFLUX_ACTIVE_CONFIG" in words:
        environment["INFLUX_ACTIVE_CONFIG"] = (words["INFLUX_ACTIVE_CONFIG"] or ["full"])[0]
    wanted = MATRIX[case]
    if isinstance(wanted, str):
        said = refused(flags, tmp_path, environment)
        assert said.startswith(wanted)
        assert "FAKE" not in said
    else:
        found = settled(flags, tmp_path, environment)
        assert (found.endpoint.url, found.endpoint.secret.reveal(), found.profile) == wanted


def test_a_profile_path_that_was_set_and_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {"INFLUX_CONFIGS_PATH": str(tmp_path / "none"), "INFLUX_TOKEN": SECRET}
    said = (
        "INFLUX_CONFIGS_PATH names HOME/none, and there is no such file\n"
        "  hint: correct it, or unset it for the influx CLI's own place"
    )
    assert refused(Flags(), tmp_path, environment) == refused(Flags(profile="a"), tmp_path, environment) == said
    assert settled(Flags(url=LOCAL), tmp_path, environment).endpoint.url == LOCAL


@pytest.mark.parametrize("text", ["1", "t", "TRUE", "yes", "0 0"])
def test_certificates_are_verified_whatever_the_influx_cli_would_skip(tmp_path: Path, text: str) -> None:
    said = refused(Flags(url=LOCAL), tmp_path, {"INFLUX_TOKEN": SECRET, "INFLUX_SKIP_VERIFY": text})
    assert said.startswith("INFLUX_SKIP_VERIFY is set, and certificates are always verified\n")
    for no in ("", "0", "f", "False"):
        settled(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET, "INFLUX_SKIP_VERIFY": no})


def test_profiles_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    profile = b'[mine]\nurl = "https://pipe.example"\ntoken = "of-the-profile"\nactive = true\n'
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(pipe.write_bytes, profile)
        found = settled(Flags(), tmp_path, {"INFLUX_CONFIGS_PATH": str(pipe)})
        assert written.result() == len(profile)
    assert found.endpoint.url == "https://pipe.example"


def test_a_profile_is_read_as_the_influx_cli_reads_it_or_refused(tmp_path: Path) -> None:
    profiles(
        tmp_path,
        f'[a]\nURL = "{A}"\nto\u212aen = "{FILE}"\nActive = true\ncookie = "SENTINEL"\n'.replace(
            "to\u212aen", '"to\u212aen"'
        ),
    )
    found = settled(Flags(), tmp_path)
    assert (found.endpoint.url, found.endpoint.secret.reveal(), found.profile) == (A, FILE, "a")
    path = tmp_path / ".influxdbv2" / "configs"
    path.write_text('[a]\nactive = true\ncookie = "SENTINEL"\n')
    assert refused(Flags(), tmp_path) == (
        "the influx CLI profile `a` signs in with a user's name and password, and has no token\n"
        "  hint: make a token, and give it with INFLUX_TOKEN and INFLUX_HOST, or with --token-file"
    )
    for line, kind in (("url = 5", "text"), ('token = ["SENTINEL"]', "text"), ('active = "SENTINEL"', "true or false")):
        path.write_text(f"[a]\n{line}\n")
        key = line.split()[0]
        assert refused(Flags(), tmp_path) == f"the influx CLI profile `a` is not usable: its `{key}` is not {kind}"


# What a variable brings along: of a file with Windows line ends, a copied web page, a here-document, an editor.
UNSEEN = ["\r", "\n", "\r\n", " ", "\t", "\xa0", "\u2003", "\u3000", "\v", "\x85", "\u2028"]
INVISIBLE = ["\ufeff", "\u200b", "\u2060", "\x1c", "\x00", "\x1b", "\u00ad", "\u3164", "\U000e0020"]


@pytest.mark.parametrize("unseen", UNSEEN + INVISIBLE)
@pytest.mark.parametrize(
    "name",
    [
        "INFLUX_HOST",
        "INFLUX_ORG_ID",
        "INFLUX_TOKEN_FILE",
        "INFLUX_ACTIVE_CONFIG",
        "INFLUX_CONFIGS_PATH",
        "INFLUX_SKIP_VERIFY",
        "INFLUX_EXTRA_HTTP_HEADER",
    ],
)
def test_what_nobody_sees_around_a_variable_is_refused(tmp_path: Path, name: str, unseen: str) -> None:
    for text in (f"0{unseen}", f"{unseen}0"):
        assert refused(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET, name: text}) == (
            f"{name} begins or ends with white space, or with a character that nobody sees\n"
            "  hint: write the value without it: a line break often comes along where a variable is set"
        )


HEADERS = {
    "CF-Access-Token:SENTINEL": ("CF-Access-Token", "SENTINEL"),
    "x-gate: \tBearer SENTINEL  word": ("x-gate", "Bearer SENTINEL  word"),
    "Cookie: CF_Authorization=a:b=; x=y": ("Cookie", "CF_Authorization=a:b=; x=y"),
}


@pytest.mark.parametrize(("text", "header"), HEADERS.items())
def test_a_header_is_taken_as_the_influx_cli_writes_it(tmp_path: Path, text: str, header: tuple[str, str]) -> None:
    found = settled(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET, "INFLUX_EXTRA_HTTP_HEADER": text}).endpoint.header
    assert found
    assert (found.name, found.value.reveal()) == header
    assert "SENTINEL" not in repr(found)


NO_HEADER = (
    "INFLUX_EXTRA_HTTP_HEADER is no header that can be sent; it has {} characters\n"
    "  hint: write NAME:VALUE, the value in printable ASCII, on one line and of at most 8,192 characters"
)
BAD_HEADERS = [
    "SENTINEL", "Proxy-SENTINEL", ":SENTINEL", "X-Gate:", "X-Gate :SENTINEL", "X Gate:SENTINEL", "X-Gate:SENTINEL\nHost: x", "X-Gate:a\r\n\r\nSENTINEL",
    "X-Gate: \x00SENTINEL", "X-Gate:SENTINEL\xe9", "X-Gate:SEN\tTINEL", "X-Gate\r\n:SENTINEL", "X-G\xe4te:SENTINEL", "X-Gate:" + "SENTINEL" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_HEADERS, ids=range(len(BAD_HEADERS)))
def test_what_is_no_header_is_refused_by_its_length_alone(tmp_path: Path, text: str) -> None:
    environment = {"INFLUX_TOKEN": SECRET, "INFLUX_EXTRA_HTTP_HEADER": text}
    assert refused(Flags(), tmp_path, environment) == NO_HEADER.format(f"{len(text):,}")


def test_a_second_header_is_refused(tmp_path: Path) -> None:
    for text in ("X-Gate-Id: SENTINEL, X-Gate-Secret: SENTINEL", "X-Gate:SENTINEL,SENTINEL"):
        assert refused(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET, "INFLUX_EXTRA_HTTP_HEADER": text}) == (
            "INFLUX_EXTRA_HTTP_HEADER has a comma, and one header is sent\n"
            "  hint: name one header whose value has no comma: the influx CLI begins another header at each"
        )


RESERVED = [
    "Authorization", "Proxy-Authorization", "Proxy-Connection", "host", "X-Forwarded-Host", "X-Original-URL", "Accept-Encoding",
    "User-Agent", "Content-Length", "content_length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Transfer_Encoding",
    "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "Range", "If-None-Match", "X-HTTP-Method-Override",
]  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_a_header_that_decides_what_is_done_is_refused(tmp_path: Path, name: str) -> None:
    environment = {"INFLUX_TOKEN": SECRET, "INFLUX_EXTRA_HTTP_HEADER": f"{name}: SENTINEL,"}
    assert refused(Flags(), tmp_path, environment) == (
        f"INFLUX_EXTRA_HTTP_HEADER names `{name}`, which tokenctl sets itself or leaves out\n"
        "  hint: name one that only what stands before the server reads"
    )


def test_a_url_that_holds_the_headers_secret_is_refused(tmp_path: Path) -> None:
    environment = {"INFLUX_TOKEN": SECRET, "INFLUX_EXTRA_HTTP_HEADER": "X-Gate: Bearer SENTINEL-SENTINEL"}
    assert refused(Flags(url="http://localhost/sentinel/SENTINEL-SENTINEL"), tmp_path, environment) == (
        "the server's URL holds a secret\n  hint: leave it out: plans and journals name the URL"
    )


@pytest.mark.parametrize("unseen", UNSEEN)
def test_an_organisation_is_trimmed_as_the_server_does(tmp_path: Path, unseen: str) -> None:
    environment = {"INFLUX_TOKEN": SECRET, "INFLUX_ORG": f"{unseen}acme {unseen}"}
    assert settled(Flags(), tmp_path, environment).org == "acme"
    assert settled(Flags(org=f" edge{unseen}"), tmp_path, environment).org == "edge"
    for flags, source in ((Flags(org=unseen), "--org"), (Flags(), "INFLUX_ORG")):
        assert refused(flags, tmp_path, {**environment, "INFLUX_ORG": unseen}) == (
            f"{source} has nothing but white space\n  hint: leave it out for every organisation"
        )


@pytest.mark.parametrize("unseen", INVISIBLE)
def test_an_organisation_with_what_no_server_trims_is_refused(tmp_path: Path, unseen: str) -> None:
    for text in (f"acme{unseen}", f"{unseen}acme", f" {unseen} "):
        assert refused(Flags(), tmp_path, {"INFLUX_TOKEN": SECRET, "INFLUX_ORG": text}).startswith(
            "INFLUX_ORG begins or"
        )
    assert refused(Flags(org="a\udcffb"), tmp_path, {"INFLUX_TOKEN": SECRET}) == "--org is not UTF-8 text"


def test_an_organisation_may_be_named_by_its_id(tmp_path: Path) -> None:
    environment = {"INFLUX_TOKEN": SECRET, "INFLUX_ORG_ID": ID.upper()}
    found = settled(Flags(), tmp_path, environment)
    assert (found.org, found.org_is_id) == (ID, True)
    found = settled(Flags(org="acme"), tmp_path, {**environment, "INFLUX_ORG": "edge"})
    assert (found.org, found.org_is_id) == ("acme", False)
    assert refused(Flags(), tmp_path, {**environment, "INFLUX_ORG": "acme"}) == (
        "INFLUX_ORG and INFLUX_ORG_ID are both set\n  hint: unset one of them, or say it with --org, which wins over both"
    )
    assert refused(Flags(), tmp_path, {**environment, "INFLUX_ORG_ID": "acme"}) == (
        "INFLUX_ORG_ID takes an id: 16 hex digits, as `tokenctl list --format json` shows"
    )


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
    assert f"cannot be used; it has {count(length, 'character')}\n" in said
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


def test_a_url_that_holds_a_secret_is_refused_without_it(tmp_path: Path) -> None:
    hint = "\n  hint: leave it out: plans and journals name the URL"
    other = "A" * 40 + "_" + "w" * 45
    for secret in (SECRET, SECRET[:-2], SECRET[3:-5], other, f"{other}%3D%3D"):
        said = refused(Flags(url=f"https://influx.example/{secret}/"), tmp_path, {"INFLUX_TOKEN": SECRET})
        assert said == f"the server's URL holds a secret{hint}"


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


def test_plain_http_shows_nothing_where_no_secret_would_be_sent(tmp_path: Path) -> None:
    flags = Flags(url="http://influx.example")
    found, lacking = without_token(flags, {}, tmp_path, BytesIO())
    assert (found.endpoint.url, found.endpoint.secret.reveal()) == ("http://influx.example", "")
    assert str(lacking).startswith("there is no token to sign in with")
    with pytest.raises(UsageError, match="would show your token"):
        without_token(flags, {"INFLUX_EXTRA_HTTP_HEADER": "X-Gate: of-the-gate"}, tmp_path, BytesIO())


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
