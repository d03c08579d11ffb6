"""Each error of a socket or of TLS in its own words."""

from __future__ import annotations

import socket
import ssl

import pytest

from reconciler.influx.network import reason


def certificate_error(number: int = 0) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: X] long text")
    error.verify_code, error.verify_message = number, "certificate revoked"
    return error


def tls_error(name: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: X] long text")
    error.reason = name
    return error


UNKNOWN = "its certificate comes from an authority that is not known here"
REFUSED = "it refuses the client certificate, or that there is none"
CASES = {
    "certificate": (certificate_error(), "its certificate is not trusted: certificate revoked"),
    "early": (certificate_error(9), "its certificate is not valid yet"),
    "expired": (certificate_error(10), "its certificate has expired"),
    "self-signed": (certificate_error(18), "its certificate is self-signed"),
    "self-signed authority": (certificate_error(19), UNKNOWN),
    "no authority": (certificate_error(20), UNKNOWN),
    "no chain": (certificate_error(21), UNKNOWN),
    "name": (certificate_error(62), "its certificate is for another host"),
    "address": (certificate_error(64), "its certificate is for another host"),
    "client": (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants a client certificate"),
    "client authority": (tls_error("TLSV1_ALERT_UNKNOWN_CA"), "it does not trust the client certificate"),
    "client expired": (tls_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "it says that the client certificate has expired"),
    "client bad": (tls_error("SSLV3_ALERT_BAD_CERTIFICATE"), REFUSED),
    "handshake": (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "it breaks off the TLS handshake"),
    "too old": (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), "it speaks no TLS of version 1.2 or later"),
    "too old for us": (tls_error("UNSUPPORTED_PROTOCOL"), "it speaks no TLS of version 1.2 or later"),
    "plain": (tls_error("WRONG_VERSION_NUMBER"), "it does not speak TLS"),
    "plain, OpenSSL 3.2": (tls_error("RECORD_LAYER_FAILURE"), "it does not speak TLS"),
    "alert": (tls_error("TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed: internal error"),
    "tls": (ssl.SSLError(1, "text"), "TLS failed: the connection was closed"),
    "no name": (socket.gaierror(-2, "text"), "the host name is not known"),
    "no name at all": (UnicodeError("SENTINEL"), "the host name is not known"),
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
    assert hint.startswith(("check ", "look ", "if ", "have ", "name ", "give ", "update "))


def test_the_error_that_counts_is_the_one_behind() -> None:
    outer = ValueError()
    outer.__cause__ = ConnectionRefusedError()
    assert reason(outer)[0] == "nothing listens there"


def test_an_error_that_was_raised_from_none_is_found_too() -> None:
    outer = ValueError()
    outer.__context__ = ConnectionRefusedError()
    outer.__suppress_context__ = True
    assert reason(outer)[0] == "nothing listens there"
