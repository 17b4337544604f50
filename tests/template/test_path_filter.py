"""The function that starts the source pipeline for what a push changed: run as Lambda runs it, from the template."""

import json
import os
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gitops.template.stacks import stacks
from tests.support.configs import other
from tests.support.templates import parse_template

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the monorepo's template says of the function, loaded."""
    template = parse_template(stacks(other("monorepo with ten images"))[-1].template)
    properties = template["Resources"]["PathFilter"]["Properties"]
    for name, value in properties["Environment"]["Variables"].items():
        monkeypatch.setenv(name, value)
    assert len(properties["Code"]["ZipFile"]) <= 4096, "Lambda takes no longer text in a template"
    module: dict[str, Any] = {}
    exec(compile(properties["Code"]["ZipFile"], "index.py", "exec"), module)
    return module


def event(old: str | None = OLD) -> dict[str, Any]:
    detail = {"repositoryName": "shop-app", "commitId": NEW, "referenceName": "main"}
    return {"detail": {**detail, **({"oldCommitId": old} if old else {})}}


def call(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch, pages: list[list[dict[str, Any]]], starts: str
) -> Any:
    """Call the handler: the push changed `pages` of differences, and the pipeline is expected to start for `starts`."""
    made: dict[str, Any] = {
        "codecommit": boto3.client("codecommit", region_name="eu-west-1"),
        "codepipeline": boto3.client("codepipeline", region_name="eu-west-1"),
    }
    stubs = {service: Stubber(client) for service, client in made.items()}
    for number, page in enumerate(pages):
        asked = {"repositoryName": "shop-app", "beforeCommitSpecifier": OLD, "afterCommitSpecifier": NEW}
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        token = {"NextToken": str(number)} if number else {}
        stubs["codecommit"].add_response("get_differences", {"differences": page, **more}, {**asked, **token})
    if starts:
        variables = [{"name": "images", "value": starts}]
        expected = {"name": "shop-source", "variables": variables}
        stubs["codepipeline"].add_response("start_pipeline_execution", {"pipelineExecutionId": "1"}, expected)
    monkeypatch.setattr(boto3, "client", made.__getitem__)
    for stub in stubs.values():
        stub.activate()
    images = function["handler"](event(OLD if pages else None), None)
    for stub in stubs.values():
        stub.assert_no_pending_responses()
    return images


def changed(path: str, side: str = "afterBlob") -> dict[str, Any]:
    return {side: {"path": path, "blobId": "1", "mode": "100644"}, "changeType": "M"}


def test_only_the_images_of_changed_folders_are_built(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [[changed("services/cart/main.py")], [changed("services/web/app.js", "beforeBlob"), changed("README.md")]]
    assert call(function, monkeypatch, pages, "web cart") == ["web", "cart"]


def test_a_push_beside_every_folder_starts_nothing(function: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(function, monkeypatch, [[changed("services/cartoon/x"), changed("docs/a.md")]], "") == []


def test_a_new_branch_builds_all(function: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(json.loads(os.environ["FOLDERS"]))
    assert call(function, monkeypatch, [], " ".join(names)) == names
    assert len(names) == 10
