"""A strict stand-in for CodeCommit's pull requests, over HTTP: AWS's own service model judges every word.

Requests and answers are validated against botocore's model of the service, unknown fields included; branches and
commits are those of a real bare repository. moto has none of these operations.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.support.loopback import LoopbackServer
from tests.support.manifests import git

COMMENT_LIMIT = 10240
"""Characters (API reference, PostCommentForPullRequest: content)."""


@cache
def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("codecommit", "service-2"), "codecommit")


class Refusal(Exception):
    """An error of the service."""


class CodeCommit:
    """The pull requests of one repository."""

    def __init__(self, name: str, bare: Path) -> None:
        self.name = name
        self.bare = bare
        self.requests: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one operation, both sides checked against the model."""
        model = service_model().operation_model(operation)
        assert model.input_shape
        assert model.output_shape
        self.asked.append(operation)
        problems = ParamValidator().validate(request, model.input_shape)
        assert not problems.has_errors(), problems.generate_report()
        answer: dict[str, Any] = getattr(self, operation)(request)
        problems = ParamValidator().validate(answer, model.output_shape)
        assert not problems.has_errors(), problems.generate_report()
        return answer

    def _repository(self, name: str) -> None:
        if name != self.name:
            raise Refusal("RepositoryDoesNotExistException")

    def _commit(self, reference: str) -> str:
        listed = git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{reference}")
        if not listed:
            raise Refusal("ReferenceDoesNotExistException")
        return listed

    def CreatePullRequest(self, request: dict[str, Any]) -> dict[str, Any]:
        [target] = request["targets"]
        self._repository(target["repositoryName"])
        source, destination = target["sourceReference"], target["destinationReference"]
        number = str(len(self.requests) + 1)
        self.requests[number] = {
            "pullRequestId": number,
            "title": request["title"],
            "description": request.get("description", ""),
            "pullRequestStatus": "OPEN",
            "creationDate": datetime.now(UTC),
            "revisionId": f"revision-{number}",
            "pullRequestTargets": [
                {
                    "repositoryName": self.name,
                    "sourceReference": f"refs/heads/{source}",
                    "destinationReference": f"refs/heads/{destination}",
                    "sourceCommit": self._commit(source),
                    "destinationCommit": self._commit(destination),
                }
            ],
        }
        return {"pullRequest": self.requests[number]}

    def _open(self, number: str) -> dict[str, Any]:
        if number not in self.requests:
            raise Refusal("PullRequestDoesNotExistException")
        return self.requests[number]

    def GetPullRequest(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"pullRequest": self._open(request["pullRequestId"])}

    def ListPullRequests(self, request: dict[str, Any]) -> dict[str, Any]:
        self._repository(request["repositoryName"])
        status = request.get("pullRequestStatus", "OPEN")
        found = [number for number, each in self.requests.items() if each["pullRequestStatus"] == status]
        start = int(request.get("nextToken", "0"))
        more = {"nextToken": str(start + 1)} if start + 1 < len(found) else {}
        return {"pullRequestIds": found[start : start + 1], **more}

    def UpdatePullRequestTitle(self, request: dict[str, Any]) -> dict[str, Any]:
        self._open(request["pullRequestId"])["title"] = request["title"]
        return self.GetPullRequest({"pullRequestId": request["pullRequestId"]})

    def UpdatePullRequestDescription(self, request: dict[str, Any]) -> dict[str, Any]:
        self._open(request["pullRequestId"])["description"] = request["description"]
        return self.GetPullRequest({"pullRequestId": request["pullRequestId"]})

    def PostCommentForPullRequest(self, request: dict[str, Any]) -> dict[str, Any]:
        self._repository(request["repositoryName"])
        self._open(request["pullRequestId"])
        for commit in (request["beforeCommitId"], request["afterCommitId"]):
            if git(self.bare, "cat-file", "-t", commit) != "commit":
                raise Refusal("CommitDoesNotExistException")
        if len(request["content"]) > COMMENT_LIMIT:
            raise Refusal("CommentContentSizeLimitExceededException")
        comment = {"commentId": f"comment-{len(self.comments) + 1}", "content": request["content"], "deleted": False}
        self.comments[comment["commentId"]] = {**request, "comment": comment}
        return {"comment": comment}

    def GetCommentsForPullRequest(self, request: dict[str, Any]) -> dict[str, Any]:
        self._open(request["pullRequestId"])
        keys = ("pullRequestId", "afterCommitId")
        data = [
            {"pullRequestId": each["pullRequestId"], "comments": [each["comment"]]}
            for each in self.comments.values()
            if all(each[key] == request[key] for key in keys if key in request)
        ]
        return {"commentsForPullRequestData": data}

    def UpdateComment(self, request: dict[str, Any]) -> dict[str, Any]:
        comment = self.comments[request["commentId"]]["comment"]
        comment["content"] = request["content"]
        return {"comment": comment}


@contextmanager
def served(service: CodeCommit) -> Iterator[str]:
    """`service` at an address, as AWS JSON 1.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, answer = 200, service.call(self.headers["X-Amz-Target"].rpartition(".")[2], body)
            except Refusal as error:
                status, answer = 400, {"__type": str(error), "message": "no"}
            data = json.dumps(answer, default=lambda moment: moment.timestamp()).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Tests are silent."""

    with LoopbackServer(Handler) as server:
        yield server.url
