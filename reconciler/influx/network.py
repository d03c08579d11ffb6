"""The error of a socket in, what it means and what to do about it out."""

from __future__ import annotations

import socket
import ssl

_URL = "check the URL (--url, INFLUX_HOST)"


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
            return (
                f"its certificate is not trusted: {cause.verify_message}",
                "if the server has a certificate of your own authority, name that with --ca-file",
            )
        case ssl.SSLError():
            words = (getattr(cause, "reason", "") or "the connection was closed").lower().replace("_", " ")
            return (
                f"TLS failed: {words}",
                "check whether the URL should begin with http://, and whether the server wants a client certificate",
            )
        case socket.gaierror():
            return "the host name is not known", f"{_URL} and the name service"
        case ConnectionRefusedError():
            return "nothing listens there", f"{_URL} and that the server runs"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset", "look at the server and at what stands between: a proxy, a firewall"
        case OSError(strerror=str(words)):
            return words.lower(), f"{_URL} and the network"
    return "the connection failed", f"{_URL} and the network"


def _cause(error: BaseException) -> OSError | None:
    cause: BaseException | None = error
    while cause and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__  # httpcore raises some of its errors `from None`
    return cause if isinstance(cause, OSError) else None
