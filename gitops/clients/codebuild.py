"""CodeBuild: the newest build of a project, and its log as it grows."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from gitops.clients.aws import AwsRefused, aws_errors, client
from gitops.errors import GitopsError

POLL_SECONDS = 3.0
LONGEST_FOLLOW = 3 * 3600.0
"""Seconds that a build's log is followed: longer than a build may queue and run."""


@dataclass(frozen=True)
class Build:
    """A build: its state, the phase that failed and why, where its log is."""

    id: str
    status: str
    failed_phase: str = ""
    reason: str = ""
    log_group: str = ""
    log_stream: str = ""

    @property
    def running(self) -> bool:
        return self.status == "IN_PROGRESS"


class Builds:
    """The builds of one region."""

    def __init__(self, region: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._codebuild = client("codebuild", region)
        self._logs = client("logs", region)
        self._sleep = sleep

    def latest(self, project: str) -> Build:
        """The newest build of `project`. Raises `GitopsError` where there is none."""
        try:
            with aws_errors(project):
                ids = self._codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
        except AwsRefused as error:
            if error.code == "ResourceNotFoundException":
                raise GitopsError(project, "there is no such project", "make it: gitops pipeline up") from error
            raise
        if not ids:
            raise GitopsError(project, "has not been built yet", "push something, or see: gitops pipeline status")
        return self.build(ids[0])

    def build(self, build: str) -> Build:
        """The build with the id `build`."""
        with aws_errors(build):
            found = self._codebuild.batch_get_builds(ids=[build])["builds"][0]
        failed = [
            phase for phase in found.get("phases", []) if phase.get("phaseStatus") in ("FAILED", "FAULT", "TIMED_OUT")
        ]
        contexts = failed[0].get("contexts", []) if failed else []
        logs = found.get("logs", {})
        return Build(
            found["id"],
            found["buildStatus"],
            failed[0]["phaseType"] if failed else "",
            "; ".join(context["message"] for context in contexts if context.get("message")),
            logs.get("groupName", ""),
            logs.get("streamName", ""),
        )

    def log(self, build: Build, follow: bool) -> Iterator[str]:
        """The lines of the build's log; with `follow` until the build has ended."""
        token: dict[str, str] = {}
        for _ in range(int(LONGEST_FOLLOW / POLL_SECONDS)):
            build = self.build(build.id) if build.running or not build.log_stream else build
            if build.log_stream:
                token = yield from self._pages(build, token)
            if not (follow and build.running):
                return
            self._sleep(POLL_SECONDS)
        raise GitopsError(build.id, "is still running after three hours", "look at it in the console")

    def _pages(self, build: Build, token: dict[str, str]) -> Generator[str, None, dict[str, str]]:
        """Every line after `token`; returns the token of what comes next."""
        while True:
            with aws_errors(build.log_group):
                page = self._logs.get_log_events(
                    logGroupName=build.log_group, logStreamName=build.log_stream, startFromHead=True, **token
                )
            yield from (event["message"].rstrip("\n") for event in page["events"])
            if page["nextForwardToken"] == token.get("nextToken"):
                return token
            token = {"nextToken": page["nextForwardToken"]}
