"""TLS through the commands: whom they trust, whom they show themselves to, and what they say when it fails."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
import truststore
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from reconciler.commands import doctor
from reconciler.commands import list as listing
from reconciler.core.endpoint import Endpoint, Secret
from reconciler.errors import ExitCode
from reconciler.influx import trust
from reconciler.influx.trust import Store
from reconciler.render.formats import ListFormat
from reconciler.settings import Flags
from tests.influx.raw_server import Connection, RawServer, answer, raw_server
from tests.shell import GRAFANA, Done, Shell

GOLDEN = Path(__file__).parent / "golden"
DAY = timedelta(days=1)
DESCRIBE = f'id: "{GRAFANA}", description: dashboard'


@dataclass(frozen=True)
class Certificates:
    """An authority, another that nobody trusts, and the PEM files that they have made."""

    authority: trustme.CA
    other: trustme.CA
    folder: Path

    def trusted(self) -> str:
        """The authority's own certificate."""
        self.authority.cert_pem.write_to_path(path := self.folder / "authority.pem")
        return str(path)

    def client(self, authority: trustme.CA, **dates: Any) -> str:
        """A client certificate with its key in one file."""
        authority.issue_cert("ci@influx.example", **dates).private_key_and_cert_chain_pem.write_to_path(
            path := self.folder / "client.pem"
        )
        return str(path)

    def parts(self) -> tuple[str, str]:
        """A client certificate and its key in two files."""
        made, paths = (
            self.authority.issue_cert("ci@influx.example"),
            (self.folder / "cert.pem", self.folder / "key.pem"),
        )
        made.cert_chain_pems[0].write_to_path(paths[0])
        made.private_key_pem.write_to_path(paths[1])
        return str(paths[0]), str(paths[1])

    def server(self, *names: str, authority: trustme.CA | None = None, **dates: Any) -> ssl.SSLContext:
        """A server with a certificate for these names, by itself for this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (authority or self.authority).issue_cert(*(names or ("127.0.0.1",)), **dates).configure_cert(context)
        return context

    def choosy(self) -> ssl.SSLContext:
        """A server that wants a client certificate of the authority."""
        context = self.server()
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(trustme.CA(), trustme.CA(), tmp_path)


@contextmanager
def fronted(shell: Shell, context: ssl.SSLContext) -> Iterator[RawServer]:
    """A server with TLS before the shell's sandbox, which becomes the one that commands talk to."""
    host = shell.sandbox.url.removeprefix("http://")

    def script(_: Connection) -> Iterator[bytes]:
        head, body = server.requests[-1].split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        method, target = first.split(" ")[:2]
        inner = http.client.HTTPConnection(host)
        inner.request(method, target, body, dict(line.split(": ", 1) for line in lines))
        given = inner.getresponse()
        content = given.read()
        inner.close()
        names = ("Content-Type", "X-Influxdb-Build", "X-Influxdb-Version")
        yield answer(given.status, content, **{name: given.headers[name] for name in names if name in given.headers})

    with raw_server(script=script, tls=context) as server:
        shell.environment["INFLUX_HOST"] = server.url
        yield server


def listed(shell: Shell, **flags: str) -> Done:
    """Run `list`."""
    return shell.call(partial(listing.run, listing.ListRequest(), Flags(**flags)))  # type: ignore[arg-type]


def test_the_commands_work_with_an_authority_and_a_client_certificate_of_ones_own(
    shell: Shell, certificates: Certificates
) -> None:
    shell.here = True
    shell.declare(DESCRIBE)
    cert, key = certificates.parts()
    flags = ("--ca-file", certificates.trusted(), "--client-cert", cert, "--client-key", key)
    with fronted(shell, certificates.choosy()) as server:
        runs = [shell.run(*command.split(), *flags) for command in ("list", "plan", "apply --yes", "doctor")]
        assert [(done.code, done.err) for done in runs] == [(0, "12 of 12 tokens, 2 inactive\n"), *[(0, "")] * 3]
        assert shell.patches() == [GRAFANA]
        assert "URL answers, its certificate is trusted by --ca-file\n" in runs[3].out
        assert len(server.requests) == 1 + 1 + 3 + 5


def test_variables_say_whom_to_trust_but_never_where_to_write_the_keys(
    shell: Shell, certificates: Certificates, tmp_path: Path
) -> None:
    trusted = certificates.trusted()
    keys = tmp_path / "keys.txt"
    with fronted(shell, certificates.server()):
        assert shell.run("list", SSL_CERT_FILE=trusted, SSLKEYLOGFILE=str(keys)).code == 0
        assert shell.run("list", SSL_CERT_FILE="", SSLKEYLOGFILE=str(keys)).code == 7
        shell.environment["SSL_CERT_FILE"] = str(tmp_path / "none.pem")
        assert listed(shell, ca_file=trusted).code == 0
    assert not keys.exists()


def test_variables_have_the_forms_that_openssl_and_go_take(shell: Shell, certificates: Certificates) -> None:
    shell.environment["SSL_CERT_FILE"] = ""
    folder = certificates.folder
    plain, empty, hashed = folder / "plain", folder / "empty", folder / "hashed"
    for each in (plain, empty, hashed):
        each.mkdir()
    trusted = Path(certificates.trusted()).read_text()
    for path in (plain / "a.crt", hashed / "a.crt"):
        path.write_text(trusted)
    (plain / "b.pem").write_text("no certificate")
    (plain / "c").write_text("nothing to read")
    (hashed / f"{'0' * 8}.0").write_text("no certificate")
    certificates.other.cert_pem.write_to_path(other := folder / "other.pem")
    with fronted(shell, certificates.server()):
        for directories, known in (
            (f"{plain}", True),
            (f"{folder}/none:{plain}", True),
            (f"{empty}::{plain}:", True),
            (f"{hashed}:{plain}", True),
            (f"{empty}", False),
            (f"{hashed}", False),
        ):
            shell.environment["SSL_CERT_DIR"] = directories
            assert listed(shell).code == (0 if known else 7), directories
        shell.environment.update(SSL_CERT_FILE=str(other), SSL_CERT_DIR=str(plain))
        done = shell.call(partial(doctor.run, (), Flags(), ListFormat.TEXT))
        assert "URL answers, its certificate is trusted by SSL_CERT_FILE and SSL_CERT_DIR\n" in done.out
        shell.environment.update(SSL_CERT_FILE=str(folder / "authority.pem"), SSL_CERT_DIR=str(empty))
        assert listed(shell).code == 0
        assert listed(shell, ca_file=str(other)).code == 7


def name_hash(path: str) -> str:
    """What OpenSSL calls a certificate in a folder by: a hash of its subject in lower case."""
    subject = x509.load_pem_x509_certificate(Path(path).read_bytes()).subject
    plain = [x509.NameAttribute(each.oid, str(each.value).lower()) for each in subject]
    parts = b"".join(x509.Name([each]).public_bytes()[2:] for each in plain)
    return f"{int.from_bytes(hashlib.sha1(parts, usedforsecurity=False).digest()[:4], 'little'):08x}"


def knows(context: ssl.SSLContext, server: RawServer) -> bool:
    """Whether the context trusts the server."""
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        try:
            context.wrap_socket(stream, server_hostname="127.0.0.1").close()
        except ssl.SSLCertVerificationError:
            return False
    return True


def test_the_authorities_of_the_system_are_trusted_where_nothing_else_is_named(certificates: Certificates) -> None:
    endpoint = Endpoint(url="https://influx.example", secret=Secret("FAKE"))
    trusted, folder = certificates.trusted(), certificates.folder
    certificates.other.cert_pem.write_to_path(other := folder / "other.pem")
    (broken := folder / "broken.pem").write_text("broken")
    (hashed := folder / "hashed").mkdir()
    (hashed / f"{name_hash(trusted)}.0").symlink_to(trusted)
    none = str(folder / "none")
    installed = Store((none, trusted, str(other)), ())
    with raw_server(answer(200), tls=certificates.server()) as server:
        for store, environment, ca_file, known in (
            (installed, {}, "", True),
            (Store((), (none, str(hashed))), {}, "", True),
            (Store((str(broken),), (str(hashed),)), {}, "", True),
            (Store((str(other), trusted), ()), {}, "", False),
            (Store((), (str(folder),)), {}, "", False),
            # Whoever names some trusts no others.
            (installed, {}, str(other), False),
            (installed, {"SSL_CERT_FILE": str(other)}, "", False),
            (installed, {"SSL_CERT_DIR": str(folder)}, "", True),
            (Store((str(other),), ()), {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}, trusted, True),
        ):
            context = trust.authorities(endpoint._replace(ca_file=ca_file), environment, store)
            assert knows(context, server) is known, (store, environment, ca_file)
    assert (
        trust.trusted(endpoint, {}, installed)
        == trust.trusted(endpoint, {}, Store((), (str(hashed),)))
        == "this system"
    )
    assert trust.trusted(endpoint, {"SSL_CERT_DIR": none}, installed) == "SSL_CERT_DIR"
    assert trust.trusted(endpoint, {}, Store((none,), (none,))) == "Mozilla, as this system has no list"
    assert len(trust.authorities(endpoint, {}, Store((), ())).get_ca_certs()) > 50


def test_the_authorities_of_macos_are_asked_of_it() -> None:
    context = trust.of_keychain(Store((), ()))
    assert isinstance(context, truststore.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def encrypted(made: Certificates) -> str:
    """A certificate with a key that has a password."""
    path = made.folder / "encrypted.pem"
    leaf = made.authority.issue_cert("ci@influx.example")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    sealing = serialization.BestAvailableEncryption(b"SENTINEL")
    sealed = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)
    path.write_bytes(leaf.cert_chain_pems[0].bytes() + sealed)
    return str(path)


NO_CLIENT = (
    "the client certificate cannot be used\n"
    "  hint: --client-cert and --client-key name PEM files, the key without a password\n"
)


def test_files_that_are_no_certificates_are_refused(shell: Shell, certificates: Certificates) -> None:
    none, trusted = shell.write("nothing"), certificates.trusted()
    (cert, key), other = certificates.parts(), certificates.client(certificates.other)
    shell.environment["INFLUX_HOST"] = "https://influx.example"
    for flags, variables, said in (
        ({"ca_file": none}, {}, "--ca-file `DIR/tokens.yaml` is no PEM file with certificates\n"),
        ({"ca_file": key}, {}, "--ca-file `DIR/key.pem` is no PEM file with certificates\n"),
        ({}, {"SSL_CERT_FILE": "DIR/x"}, "SSL_CERT_FILE `DIR/x` is no PEM file with certificates\n"),
        ({}, {"SSL_CERT_DIR": "DIR/x"}, "SSL_CERT_DIR `DIR/x` is no folder with certificates\n"),
        ({"client_cert": none}, {}, NO_CLIENT),
        ({"client_cert": cert}, {}, NO_CLIENT),
        ({"client_cert": trusted, "client_key": trusted}, {}, NO_CLIENT),
        ({"client_cert": encrypted(certificates)}, {}, NO_CLIENT),
        (
            {"client_cert": cert, "client_key": other},
            {},
            "--client-key is not the key of --client-cert\n  hint: name the two that belong together\n",
        ),
    ):
        shell.environment.update({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""} | variables)
        assert listed(shell, **flags) == Done(ExitCode.USAGE, "", said), said


def self_signed(certificates: Certificates) -> ssl.SSLContext:
    """A server with a certificate that it made itself."""
    made, path = trustme.CA(), certificates.folder / "own.pem"
    path.write_bytes(made.cert_pem.bytes() + made.private_key_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def old(certificates: Certificates) -> ssl.SSLContext:
    """A server that speaks no TLS after 1.1."""
    context = certificates.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


def before(certificates: Certificates) -> ssl.SSLContext:
    """A server that asks for a client certificate as TLS 1.2 does."""
    context = certificates.choosy()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def long_ago() -> dict[str, Any]:
    """The dates of a certificate that has expired."""
    now = datetime.now(UTC)
    return {"not_before": now - 9 * DAY, "not_after": now - 3 * DAY}


def soon() -> dict[str, Any]:
    """The dates of a certificate that is not valid yet."""
    now = datetime.now(UTC)
    return {"not_before": now + 3 * DAY, "not_after": now + 9 * DAY}


Servers = Callable[[Certificates], ssl.SSLContext]
Clients = Callable[[Certificates], dict[str, str]]
FAILURES: dict[str, tuple[Servers, Clients]] = {
    "expired": (lambda made: made.server(**long_ago()), lambda made: {}),
    "not valid yet": (lambda made: made.server(**soon()), lambda made: {}),
    "another host": (lambda made: made.server("influx.example"), lambda made: {}),
    "another authority": (lambda made: made.server(authority=made.other), lambda made: {}),
    "no authority of ours": (lambda made: made.server(), lambda made: {"ca_file": ""}),
    "self-signed": (self_signed, lambda made: {}),
    "TLS 1.1": (old, lambda made: {}),
    "wants a client certificate": (lambda made: made.choosy(), lambda made: {}),
    "wants a client certificate, TLS 1.2": (before, lambda made: {}),
    "another client": (lambda made: made.choosy(), lambda made: {"client_cert": made.client(made.other)}),
    "an expired client": (lambda made: made.choosy(), lambda made: {"client_cert": made.client(made.authority, **long_ago())}),
}  # fmt: skip


def test_each_failure_has_its_own_words(
    shell: Shell, certificates: Certificates, golden: Callable[[Path, str], None]
) -> None:
    said = []
    for name, (server, client) in FAILURES.items():
        with fronted(shell, server(certificates)) as front:
            flags = {"ca_file": certificates.trusted()} | client(certificates)
            done = listed(shell, **flags)
            assert front.requests == []
        assert (done.code, done.out) == (ExitCode.UNREACHABLE, ""), name
        system = trust.trusted(Endpoint(url="https://influx.example", secret=Secret("FAKE")), {})
        said.append(f"# {name}\n{done.err.replace(system, 'SYSTEM')}")
    assert len({each.partition("\n")[2] for each in said}) >= len(said) - 1, "two authorities are unknown alike"
    golden(GOLDEN / "tls.txt", "\n".join(said))


def test_a_doctor_says_the_same_of_a_server_that_is_not_trusted(shell: Shell, certificates: Certificates) -> None:
    with fronted(shell, certificates.server()):
        done = shell.call(partial(doctor.run, (), Flags(), ListFormat.TEXT))
    assert (done.code, done.err) == (ExitCode.UNREACHABLE, "")
    assert done.out.startswith("fail  server     no connection to URL: its certificate comes from an authority that")


def test_a_token_goes_to_another_machine_over_plain_http_only_when_told(shell: Shell) -> None:
    shell.here = True
    shell.environment["INFLUX_HOST"] = "http://influx.example"
    for command in ("list", "plan", "apply --yes", "doctor"):
        shell.declare(DESCRIBE)
        done = shell.run(*command.split(), HTTP_PROXY=shell.sandbox.url)
        assert (done.code, done.out) == (64, ""), command
        assert done.err.startswith("URL would show your token to everybody on the way\n")
    assert shell.sent() == []
