"""Each error of a socket or of TLS in its own words."""

from __future__ import annotations

import socket
import ssl

import pytest

from reconciler.influx.network import reason


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: X] long text")
    error.verify_message = "certificate has expired"
    return error


CASES = {
    "certificate": (certificate_error(), "its certificate is not trusted: certificate has expired"),
    "tls": (ssl.SSLError(1, "text"), "TLS failed: the connection was closed"),
    "name": (socket.gaierror(-2, "text"), "the host name is not known"),
    "refused": (ConnectionRefusedError(), "nothing listens there"),
    "reset": (ConnectionResetError(), "the connection was reset"),
    "pipe": (BrokenPipeError(), "the connection was reset"),
    "other": (OSError(113, "No route to host"), "no route to host"),
    "bare": (OSError(), "the connection failed"),
    "foreign": (ValueError("SENTINEL"), "the connection failed"),
}


@pytest.mark.parametrize(("error", "words"), CASES.values(), ids=CASES)
def test_an_error_is_worded_and_gets_a_hint(error: Exception, words: str) -> None:
    said, hint = reason(error)
    assert said == words
    assert hint.startswith(("check ", "look ", "if the server"))


def test_the_error_that_counts_is_the_one_behind() -> None:
    outer = ValueError()
    outer.__cause__ = ConnectionRefusedError()
    assert reason(outer)[0] == "nothing listens there"


def test_an_error_that_was_raised_from_none_is_found_too() -> None:
    outer = ValueError()
    outer.__context__ = ConnectionRefusedError()
    outer.__suppress_context__ = True
    assert reason(outer)[0] == "nothing listens there"
