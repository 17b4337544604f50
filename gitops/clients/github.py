"""GitHub's pull requests (Enterprise's too): opened or brought up to date, one comment of ours on each.

GitHub's REST API (docs.github.com/en/rest), version 2022-11-28: pulls, issue comments, rate limits.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from gitops.clients.codecommit import PullRequest
from gitops.errors import GitopsError
from gitops.hidden import remember, without

if TYPE_CHECKING:
    import urllib3

VERSION = "2022-11-28"
"""Of the API, sent with each request."""

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 30.0
"""Seconds."""

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer; a page of a hundred comments has some megabytes at most."""

_ADDRESS = re.compile(r"(?:https?://(?:[^/@]*@)?|ssh://(?:[^/@]*@)?|(?:[\w.-]+@)(?=[^/]+:))([\w.-]+)(?::\d+)?[:/]+(.+)")
_OTHERS = re.compile(r"gitlab|bitbucket|dev\.azure|visualstudio")
"""Hosts behind a connection that are certainly not GitHub."""


@dataclass(frozen=True)
class GitHubRepository:
    """Where a repository's pull requests are asked for."""

    api: str
    """Base URL of the API, without a slash at its end."""
    name: str
    """owner/name."""
    token: str


def github_repository(address: str, environment: Mapping[str, str] = os.environ) -> GitHubRepository:
    """What `environment` and the git address of a repository say of it. Raises `GitopsError`.

    The API is `GITHUB_API_URL`, else the host's own. github.com's token is never sent to another host, unless
    `GITHUB_API_URL` names that one.
    """
    match = _ADDRESS.fullmatch(address)
    host, name = (match[1].lower(), match[2].strip("/").removesuffix(".git")) if match else ("", "")
    if not re.fullmatch(r"(?!\.)[\w.-]+/(?!\.)[\w.-]+", name) or _OTHERS.search(host):
        problem = "is not a repository of GitHub, where pull requests are opened besides CodeCommit's"
        raise GitopsError(address, problem, "push the bump, or open one by hand")
    named = environment.get("GITHUB_API_URL", "").rstrip("/")
    public = host == "github.com" or host.endswith(".ghe.com")
    if named and not re.match(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)", named):
        raise GitopsError("GITHUB_API_URL", f"is '{named}', where a token would go unprotected", "use https")
    api = named or (f"https://api.{host}" if public else f"https://{host}/api/v3")
    names = ["GH_TOKEN", "GITHUB_TOKEN"] if public or named else ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
    return GitHubRepository(api, name, _token(names, environment, name))


def is_github(address: str) -> bool:
    """Whether the git address is one of github.com, or of GitHub Enterprise's own domain."""
    match = _ADDRESS.fullmatch(address)
    return bool(match and re.fullmatch(r"(.+\.)?(github|ghe)\.com", match[1].lower()))


def _token(names: list[str], environment: Mapping[str, str], repository: str) -> str:
    for name in names:
        if token := environment.get(name, "").strip():
            if not re.fullmatch(r"[\x21-\x7e]+", token):
                raise GitopsError(name, "holds no token, but several words", "export the token alone")
            remember((token,))
            return token
    hint = f"export {names[0]}, with the right to write pull requests"
    raise GitopsError(repository, f"needs a token to open a pull request ({' or '.join(names)} is not set)", hint)


class GitHubPullRequests:
    """The pull requests of one repository. Named and used like `gitops.clients.codecommit.PullRequests`."""

    def __init__(self, where: GitHubRepository) -> None:
        self._where = where
        self._path = f"/repos/{where.name}"

    @cached_property
    def _http(self) -> "urllib3.PoolManager":
        import urllib3

        # Only what can be asked twice is (urllib3's default): a pull request is not opened again by a retry. A rate
        # limit may last an hour: that is told, not slept.
        retries = urllib3.Retry(
            total=3,
            connect=1,
            read=1,
            backoff_factor=0.2,
            status_forcelist=(502, 503, 504),
            respect_retry_after_header=False,
        )
        return urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT))

    def open_or_update(self, repository: str, source: str, destination: str, title: str, description: str) -> str:
        """The number of the one open pull request from branch `source` to `destination`, with this title and text."""
        found = self._open_between(source, destination)
        if not found:
            said = {"title": title, "body": description, "head": source, "base": destination}
            status, answer = self._ask("POST", f"{self._path}/pulls", said, may_be=(201, 422))
            if status == 201:
                return str(answer["number"])
            # Another run has opened it in this moment, or it is refused.
            found = self._open_between(source, destination)
            if not found:
                raise self._refusal(status, answer, {})
        self._ask("PATCH", f"{self._path}/pulls/{found}", {"title": title, "body": description})
        return found

    def _open_between(self, source: str, destination: str) -> str:
        owner = self._where.name.partition("/")[0]
        query = urlencode({"state": "open", "head": f"{owner}:{source}", "base": destination})
        found = next(self._pages(f"{self._path}/pulls?{query}"), None)
        return str(found["number"]) if found else ""

    def comment(self, request: PullRequest, text: str, marker: str) -> str:
        """Post `text`, or put it into our comment, which is known by `marker`. Returns its id."""
        text = without(text)
        comments = f"{self._path}/issues/{request.id}/comments"
        for comment in self._pages(f"{comments}?per_page=100"):
            if marker in (comment.get("body") or ""):
                self._ask("PATCH", f"{self._path}/issues/comments/{comment['id']}", {"body": text})
                return str(comment["id"])
        _, posted = self._ask("POST", comments, {"body": text}, may_be=(201,))
        return str(posted["id"])

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page as the Link headers lead."""
        url = self._where.api + path
        while url:
            answer = self._request("GET", url, None)
            data = self._document(answer)
            if answer.status != 200 or not isinstance(data, list):
                raise self._refusal(answer.status, data, answer.headers)
            yield from data
            following = re.search(r'<([^<>]+)>; *rel="next"', answer.headers.get("Link", ""))
            url = following[1] if following else ""
            if url and urlsplit(url)[:2] != urlsplit(self._where.api)[:2]:
                raise GitopsError(self._where.name, "sends its pages to another host", "check GITHUB_API_URL")

    def _ask(
        self, method: str, path: str, said: dict[str, str], may_be: tuple[int, ...] = (200,)
    ) -> tuple[int, dict[str, Any]]:
        answer = self._request(method, self._where.api + path, said)
        data = self._document(answer)
        if answer.status not in may_be or not isinstance(data, dict):
            raise self._refusal(answer.status, data, answer.headers)
        return answer.status, data

    def _request(self, method: str, url: str, said: dict[str, str] | None) -> Any:
        import urllib3

        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._where.token}",
            "User-Agent": "gitops",
            "X-GitHub-Api-Version": VERSION,
        }
        body = json.dumps(said).encode() if said is not None else None
        if body:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._http.request(method, url, headers=headers, body=body, preload_content=False)
            data = answer.read(SIZE_LIMIT + 1)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            reason = " ".join(str(getattr(error, "reason", None) or type(error).__name__).split())
            hint = "check the network and GITHUB_API_URL, then run it again"
            raise GitopsError(self._where.api, f"GitHub does not answer ({reason})", hint) from error
        return urllib3.HTTPResponse(data[:SIZE_LIMIT], answer.headers, answer.status)

    def _document(self, answer: Any) -> Any:
        try:
            return json.loads(answer.data)
        except ValueError:
            # Hidden before it is cut: half of a secret would not be known for one.
            return {"message": without(answer.data.decode("utf-8", "replace"))[:100].strip() or "no message"}

    def _refusal(self, status: int, data: Any, headers: Mapping[str, str]) -> GitopsError:
        """What an answer of `status` means, in our words."""
        said = _message(data)
        if status in (403, 429) and (headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers):
            return GitopsError(self._where.name, "GitHub's rate limit is reached", _when(headers))
        problem, hint = _MEANINGS.get(status, (f"GitHub answers {status}", ""))
        return GitopsError(self._where.name, f"{problem}: {said}", hint)


_MEANINGS = {
    200: ("GitHub answers with something else than was asked for", "check GITHUB_API_URL"),
    401: ("GitHub refuses the token", "make a new one, and export it"),
    403: ("GitHub forbids it", "give the token the right to read contents and to write pull requests"),
    404: ("GitHub knows no such repository, or hides it from this token", "check the URL, and what the token may see"),
    410: ("GitHub has pull requests or their comments turned off", "turn them on in the repository's settings"),
    422: ("GitHub refuses the pull request", "check the branches"),
}


def _message(data: Any) -> str:
    """GitHub's sentence, and each error's behind it, on one line."""
    if not isinstance(data, dict):
        return "no message"
    errors = [each for each in data.get("errors") or [] if isinstance(each, dict)]
    details = [str(each.get("message") or f"{each.get('field')} is {each.get('code')}") for each in errors]
    return " ".join(": ".join([str(data.get("message") or "no message"), *details]).split())[:300]


def _when(headers: Mapping[str, str]) -> str:
    """When the limit ends: in seconds, or at a time in seconds since 1970."""
    if (seconds := headers.get("Retry-After", "")).isdigit():
        return f"run it again in {seconds} s"
    if (moment := headers.get("X-RateLimit-Reset", "")).isdigit():
        return f"run it again after {datetime.fromtimestamp(int(moment), UTC):%H:%M:%S} UTC"
    return "run it again later"
