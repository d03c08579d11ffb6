"""Whose certificates to trust and which one to show in, a TLS context out."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from reconciler.core.endpoint import Endpoint
from reconciler.errors import Problem, UsageError


def context(endpoint: Endpoint, environment: Mapping[str, str]) -> ssl.SSLContext:
    """A context for the server, with the client certificate if there is one; raises UsageError for unusable files."""
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


def authorities(endpoint: Endpoint, environment: Mapping[str, str]) -> ssl.SSLContext:
    """A context that trusts `--ca-file`, else SSL_CERT_FILE, else SSL_CERT_DIR, else the authorities of Mozilla.

    Speaks TLS 1.2 and later. Raises UsageError for files that cannot be used.
    """
    # Not `ssl.create_default_context`: that one writes the keys of every session to where SSLKEYLOGFILE says.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    source, path = authority_source(endpoint, environment)
    try:
        if source == "SSL_CERT_DIR":
            made.load_verify_locations(capath=_folder(path))
        else:
            made.load_verify_locations(cafile=path or certifi.where())
    except OSError:
        what = "folder with certificates" if source == "SSL_CERT_DIR" else "PEM file with certificates"
        raise UsageError(f"{source} `{path}` is no {what}") from None
    return made


def nobody() -> ssl.SSLContext:
    """A context that trusts nobody: for a handshake that only has to show whether there is TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def whoever_is_named(endpoint: Endpoint, environment: Mapping[str, str]) -> ssl.SSLContext:
    """A context for a handshake after which nothing is sent: it verifies a certificate, but not whom that names."""
    made = authorities(endpoint, environment)
    made.check_hostname = False
    return made


def authority_source(endpoint: Endpoint, environment: Mapping[str, str]) -> tuple[str, str]:
    """The flag or variable that says whom to trust, and its path; both "" for what comes with the program."""
    given = {"--ca-file": endpoint.ca_file, **{name: environment.get(name, "") for name in _VARIABLES}}
    return next(((source, path) for source, path in given.items() if path), ("", ""))


def _folder(path: str) -> str:
    """The path of a folder that is there: OpenSSL takes any."""
    next(Path(path).iterdir(), None)
    return path


_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
