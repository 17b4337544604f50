"""CodeCommit's pull requests: opened or brought up to date, one comment of ours on each, and our approval."""

from dataclasses import dataclass
from typing import Any

from gitops.clients.aws import aws_errors, client
from gitops.hidden import without


@dataclass(frozen=True)
class PullRequest:
    """A pull request at one revision of its source."""

    id: str
    repository: str
    source: str
    destination: str


class PullRequests:
    """The pull requests of one region's repositories."""

    def __init__(self, region: str) -> None:
        self._client = client("codecommit", region)

    def open_or_update(self, repository: str, source: str, destination: str, title: str, description: str) -> str:
        """The id of the one open pull request from branch `source` to `destination`, with this title and text."""
        found = self._open_between(repository, source, destination)
        with aws_errors(repository):
            if not found:
                target = {
                    "repositoryName": repository,
                    "sourceReference": source,
                    "destinationReference": destination,
                }
                opened = self._client.create_pull_request(title=title, description=description, targets=[target])
                return str(opened["pullRequest"]["pullRequestId"])
            self._client.update_pull_request_title(pullRequestId=found, title=title)
            self._client.update_pull_request_description(pullRequestId=found, description=description)
        return found

    def _open_between(self, repository: str, source: str, destination: str) -> str:
        """The id of the open pull request between two branches; empty where there is none."""
        with aws_errors(repository):
            pages = self._client.get_paginator("list_pull_requests").paginate(
                repositoryName=repository, pullRequestStatus="OPEN"
            )
            for request in (request for page in pages for request in page["pullRequestIds"]):
                found = self._client.get_pull_request(pullRequestId=request)["pullRequest"]
                for target in found["pullRequestTargets"]:
                    ends = (target["sourceReference"], target["destinationReference"])
                    if ends == (f"refs/heads/{source}", f"refs/heads/{destination}"):
                        return str(request)
        return ""

    def comment(self, request: PullRequest, text: str, marker: str) -> str:
        """Post `text`, or put it into our comment on this revision, which is known by `marker`. Returns its id."""
        text = without(text)
        for comment in self._comments(request):
            if marker in comment.get("content", "") and not comment.get("deleted"):
                with aws_errors(f"pull request {request.id}"):
                    self._client.update_comment(commentId=comment["commentId"], content=text)
                return str(comment["commentId"])
        with aws_errors(f"pull request {request.id}"):
            posted = self._client.post_comment_for_pull_request(
                pullRequestId=request.id,
                repositoryName=request.repository,
                beforeCommitId=request.destination,
                afterCommitId=request.source,
                content=text,
            )
        return str(posted["comment"]["commentId"])

    def _comments(self, request: PullRequest) -> list[dict[str, Any]]:
        with aws_errors(f"pull request {request.id}"):
            pages = self._client.get_paginator("get_comments_for_pull_request").paginate(
                pullRequestId=request.id,
                repositoryName=request.repository,
                beforeCommitId=request.destination,
                afterCommitId=request.source,
            )
            return [
                comment
                for page in pages
                for data in page["commentsForPullRequestData"]
                for comment in data.get("comments", [])
            ]

    def approve(self, request: PullRequest, approved: bool) -> None:
        """Approve the pull request's newest revision, or take our approval back."""
        with aws_errors(f"pull request {request.id}"):
            found = self._client.get_pull_request(pullRequestId=request.id)["pullRequest"]
            self._client.update_pull_request_approval_state(
                pullRequestId=request.id,
                revisionId=found["revisionId"],
                approvalState="APPROVE" if approved else "REVOKE",
            )
