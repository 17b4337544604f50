"""CodePipeline: what runs in each stage, and of which revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitops.clients.aws import AwsRefused, aws_errors, client
from gitops.errors import GitopsError


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline: its newest execution, and what its actions say."""

    name: str
    status: str
    execution: str = ""
    changed: datetime | None = None
    message: str = ""


@dataclass(frozen=True)
class Execution:
    """A run of a pipeline: which commit of each repository, and what its actions gave on as variables."""

    id: str
    status: str
    revisions: Mapping[str, str] = field(default_factory=dict)
    """Artifact -> commit."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """`Action.NAME` -> value."""


class Pipelines:
    """The pipelines of one region."""

    def __init__(self, region: str) -> None:
        self._client = client("codepipeline", region)

    def stages(self, name: str) -> Sequence[Stage]:
        """The stages of pipeline `name`, in order. Raises `GitopsError` where there is no such pipeline."""
        try:
            with aws_errors(name):
                state = self._client.get_pipeline_state(name=name)
        except AwsRefused as error:
            if error.code == "PipelineNotFoundException":
                raise GitopsError(name, "there is no such pipeline", "make it: gitops pipeline up") from error
            raise
        return [_stage(stage) for stage in state["stageStates"]]

    def execution(self, name: str, execution: str) -> Execution:
        """One run of pipeline `name`."""
        with aws_errors(name):
            found = self._client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
            actions = self._client.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": execution})
        run = found["pipelineExecution"]
        variables = {
            f"{detail['actionName']}.{key}": value
            for detail in actions["actionExecutionDetails"]
            for key, value in detail.get("output", {}).get("outputVariables", {}).items()
        }
        revisions = {
            each["name"]: each["revisionId"] for each in run.get("artifactRevisions", []) if "revisionId" in each
        }
        return Execution(execution, run["status"], revisions, variables)


def _stage(state: Mapping[str, Any]) -> Stage:
    latest = state.get("latestExecution", {})
    runs = [action["latestExecution"] for action in state.get("actionStates", []) if "latestExecution" in action]
    changed = max((run["lastStatusChange"] for run in runs if "lastStatusChange" in run), default=None)
    failed = [run["errorDetails"].get("message", "") for run in runs if run.get("errorDetails")]
    waiting = [run.get("summary", "") for run in runs if run.get("status") == "InProgress"]
    return Stage(
        state["stageName"],
        latest.get("status", "NeverRun"),
        latest.get("pipelineExecutionId", ""),
        changed,
        next(iter([*failed, *waiting]), ""),
    )
