"""The error of a socket in, what it means and what to do about it out."""

from __future__ import annotations

import re
import socket
import ssl

_URL = "check the URL (--url, INFLUX_HOST)"
_CLOCK = "have it renewed, or set this machine's clock"
_UNKNOWN = ("its certificate comes from an authority that is not known here", "name the authority's own with --ca-file")
_OTHER_HOST = ("its certificate is for another host", f"{_URL}: its host has to be one that the certificate names")
_CLIENT = "give one that it trusts with --client-cert and --client-key"
_TOO_OLD = ("it speaks no TLS of version 1.2 or later", "update it, or what stands before it")
_NO_TLS = ("it does not speak TLS", "check whether the URL should begin with http://")

# By the X509_V_ERR_ numbers of OpenSSL.
_CERTIFICATE = {
    9: ("its certificate is not valid yet", _CLOCK),
    10: ("its certificate has expired", _CLOCK),
    18: ("its certificate is self-signed", "if you trust it, name it with --ca-file"),
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
# By the part of OpenSSL's reason that versions and protocols have in common.
_TLS = {
    "CERTIFICATE_REQUIRED": ("it wants a client certificate", _CLIENT),
    "ALERT_UNKNOWN_CA": ("it does not trust the client certificate", _CLIENT),
    "CERTIFICATE_EXPIRED": ("it says that the client certificate has expired", _CLIENT),
    "CERTIFICATE": ("it refuses the client certificate, or that there is none", _CLIENT),
    "HANDSHAKE_FAILURE": ("it breaks off the TLS handshake", f"if it wants a client certificate, {_CLIENT}"),
    "PROTOCOL_VERSION": _TOO_OLD,
    "UNSUPPORTED_PROTOCOL": _TOO_OLD,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
}
_ALERT = re.compile(r"^(ssl|tls)v[0-9]+ alert ")


def may_pass(error: BaseException) -> bool:
    """Whether another try may get a connection: TLS that fails will fail again, unless it was only broken off."""
    cause = _cause(error)
    return not isinstance(cause, ssl.SSLError) or isinstance(cause, ssl.SSLEOFError)


def reason(error: BaseException) -> tuple[str, str]:
    """Why there is no connection, and a hint, from the first error of the operating system or of TLS behind `error`.

    Holds none of the exception's own text but a certificate's fault and the system's word for an error number.
    """
    cause = _cause(error)
    match cause:
        case ssl.SSLCertVerificationError():
            other = f"its certificate is not trusted: {cause.verify_message}"
            return _CERTIFICATE.get(cause.verify_code, (other, _UNKNOWN[1]))
        case ssl.SSLError():
            return _tls(getattr(cause, "reason", "") or "")
        case socket.gaierror() | UnicodeError():
            return "the host name is not known", f"{_URL} and the name service"
        case ConnectionRefusedError():
            return "nothing listens there", f"{_URL} and that the server runs"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset", "look at the server and at what stands between: a proxy, a firewall"
        case OSError(strerror=str(words)):
            return words.lower(), f"{_URL} and the network"
    return "the connection failed", f"{_URL} and the network"


def _cause(error: BaseException) -> OSError | UnicodeError | None:
    cause: BaseException | None = error
    while cause and not isinstance(cause, OSError | UnicodeError):
        cause = cause.__cause__ or cause.__context__  # httpcore raises some of its errors `from None`
    return cause if isinstance(cause, OSError | UnicodeError) else None


def _tls(name: str) -> tuple[str, str]:
    for part, said in _TLS.items():
        if part in name:
            return said
    words = _ALERT.sub("", name.lower().replace("_", " ")) or "the connection was closed"
    return f"TLS failed: {words}", "look at the server's TLS settings, and at what stands between: a proxy, a firewall"
