"""A server on a socket that answers as GitHub's REST API does, as far as the action asks it.

https://docs.github.com/en/rest, version 2022-11-28: pages with Link headers, errors with a `message`, `422` for a text
that is too long, `403` for a token without the right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "FAKE-job-token"
REPOSITORY = "acme/tokens"


@dataclass
class GitHub:
    """The state of one repository; `answers` are given instead of what is asked for, one each, as (status, headers)."""

    port: int = 0
    writable: bool = True
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    next_host: str = ""

    @property
    def url(self) -> str:
        """What GITHUB_API_URL would be."""
        return f"http://127.0.0.1:{self.port}"

    def add_comment(self, body: str | None, author: str = "github-actions[bot]") -> dict[str, Any]:
        """A comment by somebody, the newest one."""
        made = {"id": len(self.comments) + 1, "user": {"login": author} if author else None, "body": body}
        made |= {"created_at": self._now()}
        self.comments.append(made | {"html_url": f"https://github.example/comment/{made['id']}"})
        return self.comments[-1]

    def add_review(self, state: str, author: str = "mira") -> None:
        """A review of the pull request by somebody."""
        self.reviews.append({"state": state, "user": {"login": author}, "submitted_at": self._now()})

    def _now(self) -> str:
        """A second later than ever before."""
        return f"2026-01-01T00:00:{len(self.comments) + len(self.reviews):02}Z"

    def add_issue(self, body: str | None, author: str = "github-actions[bot]") -> dict[str, Any]:
        """An open issue by somebody."""
        number = len(self.issues) + 1
        made = {"number": number, "state": "open", "user": {"login": author}, "body": body, "title": ""}
        self.issues.append(made | {"html_url": f"https://github.example/issues/{number}"})
        return self.issues[-1]

    def lists(self, path: str, query: dict[str, list[str]]) -> list[dict[str, Any]] | None:
        """The items at a path, in the API's own order."""
        if re.fullmatch(r"/issues/7/comments", path):
            return self.comments
        if path == "/pulls/7/reviews":
            return self.reviews
        if found := re.fullmatch(r"/actions/runs/(\d+)/approvals", path):
            return [each for each in self.approvals if each["run"] == int(found[1])]
        if path == "/issues":
            return [each for each in reversed(self.issues) if each["state"] == query["state"][0]]
        if re.fullmatch(r"/commits/[0-9a-f]+/pulls", path):
            return self.pulls
        if path == "/actions/artifacts":
            return [each for each in reversed(self.artifacts) if each["name"] == query["name"][0]]
        return None

    def write(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What a POST or a PATCH does."""
        if not self.writable:
            return 403, {"message": "Resource not accessible by integration"}
        if len(body.get("body", "")) >= 65_536:
            return 422, {"message": "Validation Failed", "errors": [{"message": "body is too long"}]}
        if (method, path) == ("POST", "/issues/7/comments"):
            return 201, self.add_comment(body["body"])
        if (method, path) == ("POST", "/issues"):
            made = self.add_issue(body["body"])
            made["title"] = body["title"]
            return 201, made
        collection = self.comments if path.startswith("/issues/comments/") else self.issues
        number = int(path.rpartition("/")[2])
        for each in collection:
            if method == "PATCH" and number in (each.get("id"), each.get("number")):
                each.update(body)
                return 200, each
        return 404, {"message": "Not Found"}


class _Handler(BaseHTTPRequestHandler):
    github: GitHub
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        """Answer any request."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        github, target = self.github, urlsplit(self.path)
        github.requests.append(f"{self.command} {self.path}")
        if github.answers:
            status, headers, text = github.answers.pop(0)
            return self._answer(status, text, headers)
        if self.headers["Authorization"] != f"Bearer {TOKEN}" or self.headers["X-GitHub-Api-Version"] != "2022-11-28":
            return self._json(401, {"message": "Bad credentials"})
        path = target.path.removeprefix(f"/repos/{REPOSITORY}")
        if self.command != "GET":
            return self._json(*github.write(self.command, path, json.loads(content)))
        query = parse_qs(target.query)
        items = github.lists(path, query) if path != target.path else None
        if items is None:
            return self._json(404, {"message": "Not Found"})
        return self._page(items, query)

    do_GET = do_POST = do_PATCH = handle_request  # noqa: N815  # http.server looks for these names

    def _page(self, items: list[dict[str, Any]], query: dict[str, list[str]]) -> None:
        size, number = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        page = items[(number - 1) * size : number * size]
        headers = {}
        if number * size < len(items):
            host = self.github.next_host or self.github.url
            path = re.sub(r"&page=\d+", "", self.path)
            headers["Link"] = f'<{host}{path}&page={number + 1}>; rel="next", <{host}{path}&page=9>; rel="last"'
        wrapped = {"total_count": len(items), "artifacts": page} if "artifacts" in self.path else page
        self._answer(200, json.dumps(wrapped).encode(), headers)

    def _json(self, status: int, value: Any) -> None:
        self._answer(status, json.dumps(value).encode(), {})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@contextmanager
def fake_github() -> Iterator[GitHub]:
    """A running server."""
    github = GitHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"github": github}))
    github.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
