"""What runs, what it logged, and what is said on pull requests: strict fakes, made from botocore's service models.

moto has none of GetPipelineState, ListActionExecutions, or CodeCommit's pull requests.
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from gitops.cli import run
from gitops.clients import aws
from gitops.stacks.pipelines import LIMIT, MARKER, report
from tests.support.configs import ONE_ENVIRONMENT

NOW = datetime.datetime(2026, 11, 24, 10, 30, tzinfo=datetime.UTC)
COMMIT = "3f9c2ab8" * 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gitops.yaml").write_text(ONE_ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def stubbed(monkeypatch: pytest.MonkeyPatch, **answers: list[tuple[str, dict[str, Any], Any]]) -> Iterator[None]:
    """AWS clients that expect exactly these calls: service -> operation, answer, expected parameters."""
    stubs = {}
    for service, calls in answers.items():
        made: Any = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
        stubs[service] = Stubber(made)
        for operation, answer, expected in calls:
            if "Code" in answer:
                stubs[service].add_client_error(operation, answer["Code"], answer.get("Message", ""))
            else:
                stubs[service].add_response(operation, answer, expected)
        stubs[service].activate()
    monkeypatch.setattr(aws, "client", lambda service, region: stubs[service].client)
    for module in ("codepipeline", "codebuild", "codecommit"):
        monkeypatch.setattr(f"gitops.clients.{module}.client", lambda service, region: stubs[service].client)
    yield
    for stub in stubs.values():
        stub.assert_no_pending_responses()


def stage(name: str, status: str, execution: str, **action: Any) -> dict[str, Any]:
    latest = {"status": status, "lastStatusChange": NOW, **action}
    return {
        "stageName": name,
        "actionStates": [{"actionName": name, "latestExecution": latest}],
        "latestExecution": {"pipelineExecutionId": execution, "status": status},
    }


def execution(pipeline: str, number: str, artifact: str, **variables: str) -> list[tuple[str, dict[str, Any], Any]]:
    run = {
        "pipelineName": pipeline,
        "pipelineExecutionId": number,
        "status": "Succeeded",
        "artifactRevisions": [{"name": artifact, "revisionId": COMMIT}],
    }
    detail = {"actionName": "Build", "stageName": "Build", "output": {"outputVariables": variables}}
    asked = {"pipelineName": pipeline, "pipelineExecutionId": number}
    filtered = {"pipelineName": pipeline, "filter": {"pipelineExecutionId": number}}
    return [
        ("get_pipeline_execution", {"pipelineExecution": run}, asked),
        ("list_action_executions", {"actionExecutionDetails": [detail]}, filtered),
    ]


ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def test_status_shows_each_stage_with_its_revision_and_images(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"errorDetails": {"code": "JobFailed", "message": "Build terminated with state: FAILED"}}
    source = {"stageStates": [stage("Source", "Succeeded", ONE), stage("Build", "Failed", ONE, **failed)]}
    manifests = {"stageStates": [stage("Source", "Succeeded", TWO), {"stageName": "Prod", "actionStates": []}]}
    calls = [
        ("get_pipeline_state", source, {"name": "shop-source"}),
        *execution("shop-source", ONE, "Source", IMAGES="web:3f9c2ab"),
        ("get_pipeline_state", manifests, {"name": "shop-manifests"}),
        *execution("shop-manifests", TWO, "Manifests"),
    ]
    with stubbed(monkeypatch, codepipeline=calls):
        assert run(["pipeline", "status"]) == 0
    assert (
        capsys.readouterr().out
        == """\
shop-source
  STAGE   STATUS     SINCE        REVISION  IMAGES
  Source  succeeded  11-24 10:30  3f9c2ab   web:3f9c2ab
  Build   failed     11-24 10:30  3f9c2ab   web:3f9c2ab
    Build terminated with state: FAILED
shop-manifests
  STAGE   STATUS     SINCE        REVISION  IMAGES
  Source  succeeded  11-24 10:30  3f9c2ab   -
  Prod    never run  -            -         -
"""
    )


def test_status_of_what_was_never_made_says_how_to_make_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [("get_pipeline_state", {"Code": "PipelineNotFoundException"}, None)]
    with stubbed(monkeypatch, codepipeline=calls):
        assert run(["pipeline", "status"]) == 1
    assert capsys.readouterr().err == "shop-source: there is no such pipeline\n  try: make it: gitops pipeline up\n"


def build(status: str, **phase: Any) -> tuple[str, dict[str, Any], Any]:
    phases = [{"phaseType": "BUILD", **phase}] if phase else []
    logs = {"groupName": "/aws/codebuild/shop-build", "streamName": "1"}
    found = {"id": "shop-build:1", "buildStatus": status, "phases": phases, "logs": logs}
    return "batch_get_builds", {"builds": [found]}, {"ids": ["shop-build:1"]}


def test_logs_follow_a_build_and_end_with_what_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gitops.clients.codebuild.POLL_SECONDS", 0.01)
    asked = {"projectName": "shop-build", "sortOrder": "DESCENDING"}
    failed = {"phaseStatus": "FAILED", "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit 1"}]}
    builds = [
        ("list_builds_for_project", {"ids": ["shop-build:1"]}, asked),
        build("IN_PROGRESS"),
        build("IN_PROGRESS"),
        build("FAILED", **failed),
        build("FAILED", **failed),
    ]
    page = {"logGroupName": "/aws/codebuild/shop-build", "logStreamName": "1", "startFromHead": True}
    logs: list[tuple[str, dict[str, Any], Any]] = [
        ("get_log_events", {"events": [{"message": "one\n"}], "nextForwardToken": "a"}, page),
        ("get_log_events", {"events": [], "nextForwardToken": "a"}, {**page, "nextToken": "a"}),
        ("get_log_events", {"events": [{"message": "two\n"}], "nextForwardToken": "b"}, {**page, "nextToken": "a"}),
        ("get_log_events", {"events": [], "nextForwardToken": "b"}, {**page, "nextToken": "b"}),
    ]
    with stubbed(monkeypatch, codebuild=builds, logs=logs):
        assert run(["pipeline", "logs", "build", "--follow"]) == 1
    said = capsys.readouterr()
    assert said.out == "one\ntwo\n"
    assert said.err == "shop-build:1: failed in phase BUILD: exit 1\n"


def test_logs_of_an_unknown_build_name_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pipeline", "logs", "deploy-prd"]) == 2
    assert "there is no build 'deploy-prd'\n  try: did you mean 'deploy-prod'?" in capsys.readouterr().err


REVIEW = ["--pull-request", "7", "--source", "a" * 40, "--destination", "b" * 40]
ASKED = {
    "pullRequestId": "7",
    "repositoryName": "shop-manifests",
    "beforeCommitId": "b" * 40,
    "afterCommitId": "a" * 40,
}


def review(approval: str, comments: list[dict[str, Any]], posts: tuple[str, dict[str, Any], Any]) -> Any:
    listed = {"commentsForPullRequestData": [{"comments": comments}]}
    state = {"pullRequestId": "7", "revisionId": "r1", "approvalState": approval}
    return [
        ("get_comments_for_pull_request", listed, ASKED),
        posts,
        ("get_pull_request", {"pullRequest": {"pullRequestId": "7", "revisionId": "r1"}}, {"pullRequestId": "7"}),
        ("update_pull_request_approval_state", {}, state),
    ]


def test_a_good_pull_request_gets_the_plan_and_an_approval(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "plans").mkdir()
    (folder / "plans" / "prod.md").write_text("1 update")
    text = report([("prod", "1 update")], passed=True, build_url="")
    posted = ("post_comment_for_pull_request", {"comment": {"commentId": "c"}}, {**ASKED, "content": text})
    with stubbed(monkeypatch, codecommit=review("APPROVE", [], posted)):
        assert run(["pipeline", "report", "--plans", "plans", "--passed", "1", *REVIEW]) == 0


def test_a_password_in_a_plan_is_not_posted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "plans").mkdir()
    (folder / "plans" / "prod.md").write_text("+ url: db://app:hunter22@db.invalid")
    text = report([("prod", "+ url: db://app:***@db.invalid")], passed=True, build_url="")
    posted = ("post_comment_for_pull_request", {"comment": {"commentId": "c"}}, {**ASKED, "content": text})
    with stubbed(monkeypatch, codecommit=review("APPROVE", [], posted)):
        assert run(["pipeline", "report", "--plans", "plans", "--passed", "1", *REVIEW]) == 0


def test_a_bad_one_is_refused_in_the_same_comment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"commentId": "c", "content": f"something\n\n{MARKER}"}
    updated = ("update_comment", {"comment": {"commentId": "c"}}, {"commentId": "c", "content": ANY})
    with stubbed(monkeypatch, codecommit=review("REVOKE", [{"commentId": "x", "content": "hm"}, old], updated)):
        assert run(["pipeline", "report", "--plans", "plans", "--passed", "0", *REVIEW]) == 0


def test_a_long_report_is_cut_to_what_codecommit_takes() -> None:
    text = report([("prod", "x" * 20_000)], passed=True, build_url="https://example.com/log")
    assert len(text) == LIMIT
    assert text.endswith(MARKER)
    assert "the rest is in the log" in text
