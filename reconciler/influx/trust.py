"""Makes TLS contexts: whose certificates a run trusts, and which one it shows."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from reconciler.core.endpoint import Endpoint
from reconciler.errors import Problem, UsageError

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the name by which OpenSSL finds a certificate in a folder
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PLAIN = (".pem", ".crt", ".cer")


class Store(NamedTuple):
    """Where a system may have its authorities: files with all of them, of which the first counts, and folders."""

    files: Sequence[str]
    folders: Sequence[str]

    def places(self) -> Iterator[dict[str, str]]:
        """Yield what exists of it, as arguments for OpenSSL; a folder counts when it was made for OpenSSL."""
        yield from [{"cafile": file} for file in self.files if Path(file).is_file()][:1]
        yield from ({"capath": folder} for folder in self.folders if _is_hashed(folder))


_COMPILED = ssl.get_default_verify_paths()
SYSTEM = Store(
    files=(
        "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
        "/etc/ssl/ca-bundle.pem",  # SUSE
        "/etc/ssl/cert.pem",  # BSD, Alpine without the package
        _COMPILED.openssl_cafile,
    ),
    folders=("/etc/ssl/certs", _COMPILED.openssl_capath),
)


def context(endpoint: Endpoint, environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context for the server, with the client certificate if there is one; raises UsageError for bad files."""
    made = authorities(endpoint, environment)
    if endpoint.client_cert:
        try:
            # Without a password OpenSSL would ask for one on the terminal, of all places in a pipeline.
            made.load_cert_chain(endpoint.client_cert, endpoint.client_key or None, password=lambda: b"")
        except OSError as error:
            if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
                problem = Problem("--client-key is not the key of --client-cert", "name the two that belong together")
            else:
                hint = "--client-cert and --client-key name PEM files, the key without a password"
                problem = Problem("the client certificate cannot be used", hint)
            raise UsageError(problem) from None
    return made


def authorities(endpoint: Endpoint, environment: Mapping[str, str], store: Store = SYSTEM) -> ssl.SSLContext:
    """Return a context that trusts --ca-file, else SSL_CERT_FILE and SSL_CERT_DIR, else the system's authorities.

    A system without any has those of Mozilla. The context speaks TLS 1.2 and later. Raises UsageError for files that
    cannot be used.
    """
    given = _given(endpoint, environment)
    # Not `ssl.create_default_context`: that one writes the keys of every session to where SSLKEYLOGFILE says.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if given else _SYSTEMS.get(os.uname().sysname, of_files)(store)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    for source, path in given.items():
        try:
            if source == "SSL_CERT_DIR":
                _load_folders(made, path)
            else:
                made.load_verify_locations(cafile=path)
        except OSError:
            what = "folder with certificates" if source == "SSL_CERT_DIR" else "PEM file with certificates"
            raise UsageError(f"{source} `{path}` is no {what}") from None
    return made


def of_files(store: Store) -> ssl.SSLContext:
    """Return a context that trusts the authorities in the system's files, else those of Mozilla."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import certifi

    for place in [*store.places()] or [{"cafile": certifi.where()}]:
        with suppress(OSError):  # a broken file of the system; without it nobody may be known, which is told then
            made.load_verify_locations(**place)
    return made


def of_keychain(_: Store) -> ssl.SSLContext:
    """Return a context that asks macOS, which has its authorities in no file."""
    # On Linux it would read all of them again for each connection, and let one connection wait for another.
    import truststore

    made: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return made


_SYSTEMS = {"Darwin": of_keychain}


def nobody() -> ssl.SSLContext:
    """Return a context that trusts nobody: for a handshake that only has to show whether there is TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def whoever_is_named(endpoint: Endpoint, environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context for a handshake after which nothing is sent: it verifies a certificate, but not its names."""
    made = authorities(endpoint, environment)
    made.check_hostname = False
    return made


def trusted(endpoint: Endpoint, environment: Mapping[str, str], store: Store = SYSTEM) -> str:
    """Return what says whom to trust, for a sentence: a flag, variables, the system, or Mozilla."""
    if given := _given(endpoint, environment):
        return " and ".join(given)
    has_some = os.uname().sysname in _SYSTEMS or any(store.places())
    return "this system" if has_some else "Mozilla, as this system has no list"


def _given(endpoint: Endpoint, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the flag, else the variables, that say whom to trust, with their paths."""
    if endpoint.ca_file:
        return {"--ca-file": endpoint.ca_file}
    return {name: path for name in _AUTHORITIES if (path := environment.get(name, ""))}


def _load_folders(made: ssl.SSLContext, paths: str) -> None:
    """Trust what is in these folders, a list as OpenSSL and Go read it; raises OSError if none of them exists.

    OpenSSL finds certificates by names that are their hashes; a folder without any such name is read as Go reads it.
    """
    folders = [path for path in paths.split(os.pathsep) if path and Path(path).is_dir()]
    if not folders:
        raise NotADirectoryError
    for folder in folders:
        made.load_verify_locations(capath=folder)
        for file in sorted(Path(folder).iterdir()) if not _is_hashed(folder) else ():
            if file.suffix.lower() in _PLAIN:
                with suppress(OSError):
                    made.load_verify_locations(cafile=file)


def _is_hashed(folder: str) -> bool:
    with suppress(OSError):
        return any(_HASHED.fullmatch(each.name) for each in Path(folder).iterdir())
    return False
