"""A client of GitHub's REST API. Requests go to the API's own origin and nowhere else.

https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import Any, NoReturn
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from action.runner import ActionError

_LARGEST = 16 * 1024 * 1024  # bytes of an answer: a hundred of the longest comments have 26 MB only in theory
_PAGES, _TRIES, _PATIENCE_S, _TIMEOUT_S = 100, 3, 60, 30
_NEXT = re.compile(r'<([^<>]*)>;\s*rel="next"')
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")

_WORDS = {
    401: "the job's token is not accepted",
    403: "the job's token may not do this: give the job this permission. In a run for a pull request from a fork every "
    "token is read-only",
    404: "it is not there, or the job's token may not see it",
    410: "it was switched off in this repository",
    422: "GitHub refuses the values, such as a text that is too long",
}


class NotFoundError(ActionError):
    """What was asked for is not there, or hidden."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is an answer like any other: the token goes to no place that an answer names."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one repository, with the job's token; `sleep` waits that many seconds."""

    url: str
    repository: str
    token: str
    sleep: Callable[[float], None]

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if not (parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1")):
            raise ActionError("GITHUB_API_URL is no https:// URL")
        if not _REPOSITORY.fullmatch(self.repository):
            raise ActionError("GITHUB_REPOSITORY is no OWNER/NAME")

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make one request below the repository and give the answer's value.

        Raises NotFoundError for a 404, and ActionError, with what to do, for all that is no success.
        """
        return self._exchange(method, self._address(path), body)[0]

    def every(self, path: str, **query: str) -> Iterator[Any]:
        """Yield each item of a list below the repository, page by page; of an object, of its only list."""
        address: str | None = self._address(path) + "?" + urlencode({**query, "per_page": "100"})
        for _ in range(_PAGES):
            if address is None:
                return
            page, headers = self._exchange("GET", address, None)
            yield from _items(page)
            address = self._next(headers)
        raise ActionError(f"{path} has more than {_PAGES} pages")

    def _address(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/repos/{self.repository}{path}"

    def _next(self, headers: HTTPMessage) -> str | None:
        found = _NEXT.search(headers.get("Link", ""))
        if not found:
            return None
        here, there = urlsplit(self.url), urlsplit(found[1])
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ActionError("an answer names a next page on another host: it is not followed")
        return found[1]

    def _exchange(
        self, method: str, address: str, body: Mapping[str, Any] | None, tries: int = _TRIES
    ) -> tuple[Any, HTTPMessage]:
        try:
            return self._once(method, address, body)
        except HTTPError as error:
            wait = _wait(error, method)
            if wait is None or tries == 1:
                _explain(error, method, urlsplit(address).path)
            error.close()
        except (OSError, HTTPException) as error:
            reason = f"{method} {urlsplit(address).path}: no answer of GitHub's API ({type(error).__name__})"
            raise ActionError(reason) from error
        self.sleep(wait)
        return self._exchange(method, address, body, tries - 1)

    def _once(self, method: str, address: str, body: Mapping[str, Any] | None) -> tuple[Any, HTTPMessage]:
        request = Request(  # noqa: S310  # the scheme was checked
            address,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "tokenctl",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S) as answer:
            content = answer.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise ActionError(f"the answer is larger than {_LARGEST // 1024**2} MiB")
            try:
                return json.loads(content), answer.headers
            except ValueError as error:
                raise ActionError("the answer is not JSON: is this GitHub's API?") from error


def find_run(api: Api, sha: str, artifact: str) -> dict[str, str]:
    """Return the number of the pull request that became this commit, and the run that kept its newest plan; {} if none.

    Only a run for the last commit of the pull request counts, and only one of this repository: a fork's has no plan,
    and whatever it left would be its own.
    """
    merged = [each for each in api.every(f"/commits/{sha}/pulls") if each["merged_at"]]
    found = next((each for each in merged if each["merge_commit_sha"] == sha), None) or next(iter(merged), None)
    if not found:
        return {}
    head = found["head"]["sha"]
    runs = [
        each
        for each in api.every("/actions/artifacts", name=artifact)
        if not each["expired"] and (each.get("workflow_run") or {}).get("head_sha") == head and _is_own(each)
    ]
    if not runs:
        return {"pull-request": str(found["number"])}
    newest = max(runs, key=lambda each: each["id"])
    return {"pull-request": str(found["number"]), "run": str(newest["workflow_run"]["id"])}


def find_approvals(api: Api, run: str, environment: str) -> dict[str, list[str]]:
    """Return who approved and who rejected that a run enters an environment, each by their login and once."""
    found: dict[str, list[str]] = {"approved": [], "rejected": []}
    for each in api.every(f"/actions/runs/{run}/approvals"):
        about = {entry["name"] for entry in each["environments"]}
        if environment in about and each["state"] in found and each["user"]["login"] not in found[each["state"]]:
            found[each["state"]].append(each["user"]["login"])
    return found


def _is_own(artifact: dict[str, dict[str, int]]) -> bool:
    run = artifact["workflow_run"]
    return run["head_repository_id"] == run["repository_id"]


def _items(page: Any) -> list[Any]:
    lists = [page] if isinstance(page, list) else [each for each in dict(page).values() if isinstance(each, list)]
    return list(lists[0]) if lists else []


def _wait(error: HTTPError, method: str) -> float | None:
    """Return how many seconds to wait before the same request may be made again; None when that does not help.

    A rate limit answers 403 or 429, with Retry-After or no requests remaining. A POST is not repeated after a 5xx, as
    it may have been carried out.
    """
    after = error.headers.get("Retry-After", "")
    limited = error.code in (403, 429) and (after or error.headers.get("X-RateLimit-Remaining") == "0")
    if limited:
        seconds = int(after) if after.isdecimal() else _PATIENCE_S
        return seconds if seconds <= _PATIENCE_S else None
    return 2 if error.code >= 500 and method != "POST" else None


def _explain(error: HTTPError, method: str, path: str) -> NoReturn:
    error.close()
    limited = error.code == 429 or error.headers.get("X-RateLimit-Remaining") == "0"
    words = "the rate limit is used up; run the job again later" if limited else _WORDS.get(error.code, "try again")
    kind = NotFoundError if error.code == 404 else ActionError
    raise kind(f"{method} {path}: GitHub answers {error.code}: {words}") from None
