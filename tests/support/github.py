"""A strict stand-in for GitHub's REST API on loopback: pulls and issue comments, as docs.github.com/en/rest has them.

Requests must carry the documented headers and no unknown key; heads and bases are branches of a real bare repository.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import LoopbackServer
from tests.support.manifests import git

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
BODY_LIMIT = 65536
"""Characters of a pull request's or a comment's text."""

Answer = tuple[int, Any, dict[str, str]]


class GitHub:
    """The pull requests and comments of one repository. `refusal` is answered instead of the next requests, if set."""

    def __init__(self, name: str, bare: Path) -> None:
        self.name = name
        self.bare = bare
        self.pulls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.refusal: Answer | None = None
        self.url = ""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        assert headers["Accept"] == "application/vnd.github+json"
        assert headers["X-GitHub-Api-Version"] == "2022-11-28"
        # "All API requests must include a valid User-Agent header."
        assert headers["User-Agent"] == "gitops"
        parts = urlsplit(target)
        self.asked.append(f"{method} {parts.path}")
        if self.refusal:
            return self.refusal
        if headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials", "status": "401"}, {}
        match = re.fullmatch(rf"/repos/{re.escape(self.name)}/(pulls|issues)(?:/([\w/]+))?", parts.path)
        if not match:
            return 404, {"message": "Not Found", "status": "404"}, {}
        said = json.loads(body) if body else {}
        route = f"{method} {match[1]}/" + re.sub(r"\d+", "#", match[2] or "")
        number = int((re.search(r"\d+", match[2] or "") or [0])[0])
        return self._route(route, number, {key: values[0] for key, values in parse_qs(parts.query).items()}, said)

    def _route(self, route: str, number: int, query: dict[str, str], said: dict[str, str]) -> Answer:
        if route == "GET pulls/":
            found = [each for each in self.pulls if each["state"] == query.get("state", "open")]
            found = [each for each in found if each["head"]["label"] == query["head"]]
            return self._page([each for each in found if each["base"]["ref"] == query["base"]], "pulls", query)
        if route == "POST pulls/":
            return self._open(said)
        if route == "PATCH pulls/#":
            assert set(said) <= {"title", "body", "state", "base", "maintainer_can_modify"}
            return self._changed(self.pulls, number, said)
        if route == "GET issues/#/comments":
            return self._page([each for each in self.comments if each["issue"] == number], "comments", query)
        if route == "POST issues/#/comments":
            assert set(said) == {"body"}
            assert len(said["body"]) <= BODY_LIMIT
            self.comments.append({"id": 1000 + len(self.comments), "issue": number, **said})
            return 201, self.comments[-1], {}
        assert route == "PATCH issues/comments/#", route
        assert set(said) == {"body"}
        return self._changed(self.comments, number, said)

    def _open(self, said: dict[str, str]) -> Answer:
        assert set(said) <= {"title", "body", "head", "base", "draft", "maintainer_can_modify", "head_repo", "issue"}
        for end in ("head", "base"):
            if not git(self.bare, "for-each-ref", f"refs/heads/{said[end]}"):
                return _invalid({"resource": "PullRequest", "field": end, "code": "invalid"})
        label = f"{self.name.partition('/')[0]}:{said['head']}"
        if any(each["head"]["label"] == label and each["state"] == "open" for each in self.pulls):
            message = f"A pull request already exists for {label}."
            return _invalid({"resource": "PullRequest", "code": "custom", "message": message})
        if git(self.bare, "rev-list", "--count", f"{said['base']}..{said['head']}") == "0":
            message = f"No commits between {said['base']} and {said['head']}"
            return _invalid({"resource": "PullRequest", "code": "custom", "message": message})
        number = len(self.pulls) + 1
        pull = {"number": number, "id": number, "state": "open", "title": said["title"], "body": said.get("body")}
        self.pulls.append({**pull, "head": {"label": label, "ref": said["head"]}, "base": {"ref": said["base"]}})
        return 201, self.pulls[-1], {}

    def _changed(self, items: list[dict[str, Any]], number: int, said: dict[str, str]) -> Answer:
        [item] = [each for each in items if number in (each["id"], each.get("number"))]
        item.update(said)
        return 200, item, {}

    def _page(self, items: list[dict[str, Any]], name: str, query: dict[str, str]) -> Answer:
        size, page = min(100, int(query.get("per_page", "30"))), int(query.get("page", "1"))
        more = len(items) > page * size
        number = items[0].get("issue", 0) if items else 0
        path = f"/repos/{self.name}/" + ("pulls" if name == "pulls" else f"issues/{number}/comments")
        following = f'<{self.url}{path}?per_page={size}&page={page + 1}>; rel="next", <{self.url}{path}>; rel="last"'
        return 200, items[(page - 1) * size : page * size], {"Link": following} if more else {}


def _invalid(error: dict[str, str]) -> Answer:
    return 422, {"message": "Validation Failed", "errors": [error], "status": "422"}, {}


@contextmanager
def served(service: GitHub) -> Iterator[str]:
    """Serve it on loopback; the URL to set as GITHUB_API_URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                status, document, headers = service.answer(self.command, self.path, self.headers, body)
            except (AssertionError, KeyError) as error:
                status, document, headers = 400, {"message": f"strict stand-in: {error!r}"}, {}
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Tests are silent."""

    with LoopbackServer(Handler) as server:
        service.url = server.url
        yield service.url
