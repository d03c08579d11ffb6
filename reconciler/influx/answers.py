"""The error for an answer that is not the one hoped for: what it means and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from reconciler.core.endpoint import Endpoint
from reconciler.core.live import HEX_ID, RIGHTS, Status, UserId
from reconciler.core.secrets import masked
from reconciler.errors import AuthError, FailureKind, Problem, TokenctlError, TransientError, UnreachableError
from reconciler.influx import network, wire
from reconciler.influx.body import check_whole
from reconciler.influx.decoding import WireError, decode
from reconciler.influx.transport import Answer

_Value = TypeVar("_Value")
FAILURE_KINDS: Mapping[int, FailureKind] = {
    429: FailureKind.PASSING,
    500: FailureKind.FAULT,
    502: FailureKind.PASSING,
    503: FailureKind.PASSING,
    504: FailureKind.PASSING,
}
"""The statuses after which asking again may help."""
PASSING_READS = network.PASSING | FAILURE_KINDS.keys()
"""The statuses after which a request that changes nothing is asked again."""
_MESSAGE_LENGTH = 200
_NO_PATH = "path not found"
_CHECK_URL = "check that the URL (--url, INFLUX_HOST) is that of an InfluxDB v2 server, path included"
_UNAUTHORIZED = re.compile(rf"(read|write):(?:orgs/{HEX_ID}/)?([a-zA-Z]+)\S* is unauthorized")


def decoded(answer: Answer, decode: Callable[..., _Value], *, status: int = 200) -> _Value:
    """What `decode` makes of the body of an answer with that status, and of the endpoint's secrets.

    Raises AuthError or UnreachableError, by what any other answer means.
    """
    if answer.status != status:
        raise error(answer)
    try:
        check_whole(answer.headers)
        return decode(answer.body, *answer.endpoint.secrets)
    except WireError as fault:
        if foreign := _product(answer, ""):
            raise _other_product(foreign, answer.endpoint) from None
        raise unusable(answer, str(fault)) from None


def user(body: bytes, *secrets: str) -> UserId:
    """The id of a user; raises WireError when it is none."""
    return UserId(masked(wire.text_of(decode(body), "id"), *secrets))


def is_active(body: bytes, *secrets: str) -> bool:
    """Whether a user is active, as it is where nothing is said of that; raises WireError when it is no user."""
    user(body, *secrets)
    return wire.text_of(decode(body), "status", Status.ACTIVE.value) == Status.ACTIVE.value


def failure(body: bytes, *secrets: str) -> tuple[str, str]:
    """Code and message of an error answer, both empty when it is no InfluxDB v2 error; the message is cut short."""
    try:
        document = decode(body)
    except WireError:
        return "", ""
    code, message = document.get("code"), document.get("message")
    if type(code) is not str or type(message) is not str:
        return "", ""
    message = masked(message, *secrets)
    return code, message if len(message) <= _MESSAGE_LENGTH else message[: _MESSAGE_LENGTH - 1] + "…"


def check_product(answer: Answer) -> None:
    """Raise UnreachableError unless an answer that needs no credentials may well be an InfluxDB v2 server's."""
    if foreign := _product(answer, ""):
        raise _other_product(foreign, answer.endpoint)
    if answer.status >= 300:
        raise error(answer)


def missing_right(answer: Answer) -> str:
    """The server's words for the right that these credentials lack, "" if the answer says nothing of the kind."""
    message = _code_and_message(answer)[1] if answer.status in (401, 403) else ""
    return message if _UNAUTHORIZED.fullmatch(message) else ""


def conflict(answer: Answer) -> bool:
    """Return whether an InfluxDB v2 server says that what was to be made exists already."""
    return answer.status == 422 and _code_and_message(answer)[0] == "conflict"


def not_found(answer: Answer) -> str:
    """What an InfluxDB v2 server says it did not find, "" if the answer says nothing of the kind."""
    message = _code_and_message(answer)[1] if answer.status == 404 else ""
    return "" if message == _NO_PATH else message


def error(answer: Answer, *, reading: bool = False) -> TokenctlError:
    """Return the error that an answer means whose status is not the expected one.

    `reading` says that the request changes nothing.
    """
    code, message = _code_and_message(answer)
    foreign = _product(answer, code)
    # A server error or a timeout that has no code may be a proxy's, behind which the request may still be under way.
    is_over = bool(code) or (400 <= answer.status < 500 and answer.status != 408)
    if foreign:
        return _other_product(foreign, answer.endpoint, is_over=is_over)
    said = f"{answer.status} {message}" if message else str(answer.status)
    if answer.status in (401, 403):
        return _auth(message, said, answer.endpoint)
    if message == _NO_PATH:
        hint = "leave the path out of the URL (--url, INFLUX_HOST), unless a proxy before the server wants it"
        return UnreachableError(f"the path of {answer.endpoint.url} leads nowhere: {said}", hint, is_over=is_over)
    problem = _problem(answer, said)
    # What a proxy took too long for may still be under way: a change is not sent again then.
    kind = FAILURE_KINDS.get(answer.status, FailureKind.PASSING if reading and answer.status in PASSING_READS else None)
    if kind:
        after = answer.headers.get("retry-after", "")
        return TransientError(problem, kind=kind, retry_after=after, is_over=is_over)
    return UnreachableError(problem, is_over=is_over)


def _problem(answer: Answer, said: str) -> Problem:
    if answer.status == 429:
        return Problem(f"{answer.endpoint.url} limits requests: {said}", "try again later")
    if _kind(answer) == "text/html" or answer.status in network.BY_PROXY:
        hint = "a proxy before the server cannot reach it: look at both"
        page = " with a web page" * (_kind(answer) == "text/html")
        return Problem(f"{answer.endpoint.url} answered {said}{page}", hint)
    hint = _CHECK_URL if answer.status == 404 else "look at the server's log, and try again"
    return Problem(f"{answer.endpoint.url} answered {said}", hint)


def unusable(answer: Answer, why: str) -> UnreachableError:
    """Return the error for an answer with the expected status and unusable content."""
    return UnreachableError(f"the answer of {answer.endpoint.url} is not InfluxDB v2's: {why}", _CHECK_URL)


def _code_and_message(answer: Answer) -> tuple[str, str]:
    return failure(answer.body, *answer.endpoint.secrets)


def _other_product(what: str, endpoint: Endpoint, *, is_over: bool = False) -> UnreachableError:
    hint = "tokenctl needs InfluxDB OSS 2.x, Cloud or Cloud Serverless: check the URL (--url, INFLUX_HOST)"
    return UnreachableError(f"{endpoint.url} is {what}", hint, is_over=is_over)


def _auth(message: str, said: str, endpoint: Endpoint) -> AuthError:
    length = len(endpoint.secret.reveal())
    match message:
        case "unauthorized access":
            what = f"{endpoint.url} does not know this token ({length} characters; InfluxDB's own have 88)"
            return AuthError(what, "check INFLUX_TOKEN, --token-file or the profile, and that it is for this server")
        case "token is inactive":
            hint = "activate it with another token, or use another one"
            return AuthError(f"the token that you sign in with is inactive on {endpoint.url}", hint)
        case "User is inactive":
            hint = "activate the user, or use another user's token"
            return AuthError(f"the owner of your token is inactive or deleted on {endpoint.url}", hint)
    if right := _UNAUTHORIZED.fullmatch(message):
        return AuthError(f"your token lacks `{right[1]}` on `{right[2]}`: {message}", RIGHTS)
    return AuthError(f"{endpoint.url} refuses these credentials: {said}", RIGHTS)


def _kind(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _product(answer: Answer, code: str) -> str:
    """Return what answers, "" unless it certainly is no InfluxDB v2."""
    headers = answer.headers
    if "cluster-uuid" in headers:
        return "InfluxDB 3, which has no v2 authorizations"
    version = headers.get("x-influxdb-version", "")
    if version.startswith("1."):
        return f"InfluxDB {version}, which has no v2 authorizations"
    if _kind(answer) == "text/html" and answer.status < 500 and answer.status not in PASSING_READS:
        return "a web page: the path of the URL is wrong, or a proxy answers"
    if not code and not version and answer.status in (200, 404):
        return "no InfluxDB v2: it does not know the authorizations API"
    return ""
