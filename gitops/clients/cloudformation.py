"""CloudFormation: a stack's state, change sets, what happens while they are carried out, deletion."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitops.clients.aws import AwsRefused, aws_errors, client
from gitops.errors import GitopsError

POLL_SECONDS = 3.0
LONGEST_WAIT = 3600.0
"""Seconds that one stack may take: no resource of ours takes longer, and CloudFormation itself gives up on most."""

NO_CHANGES = ("didn't contain changes", "No updates are to be performed", "no changes")


@dataclass(frozen=True)
class StackState:
    """A stack as CloudFormation has it."""

    name: str
    status: str
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether something is being done to it right now."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def failed(self) -> bool:
        """Whether the last thing that was done to it failed."""
        return "ROLLBACK" in self.status or self.status.endswith("FAILED")


@dataclass(frozen=True)
class ChangeSet:
    """A change set that can be carried out; `changes` as DescribeChangeSet gives them."""

    id: str
    stack: str
    changes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StackEvent:
    """Something that happened to a resource of a stack."""

    id: str
    time: datetime
    resource: str
    type: str
    status: str
    reason: str = ""


class CloudFormation:
    """The stacks of one region."""

    def __init__(self, region: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.region = region
        self._sleep = sleep
        self._client = client("cloudformation", region)

    def state(self, name: str) -> StackState | None:
        """The stack `name`, or None where there is none (a deleted one counts as none)."""
        try:
            with aws_errors(name):
                stack = self._client.describe_stacks(StackName=name)["Stacks"][0]
        except AwsRefused as error:
            if error.code == "ValidationError" and "does not exist" in error.problem:
                return None
            raise
        if stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        return StackState(
            name,
            stack["StackStatus"],
            stack.get("StackStatusReason", ""),
            {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])},
        )

    def prepare(
        self, name: str, template: Mapping[str, str], parameters: Mapping[str, str], label: str
    ) -> ChangeSet | None:
        """Make a change set called `label`, or None where nothing would change. Existing resources are adopted.

        `template` is TemplateBody or TemplateURL. Raises `GitopsError` where CloudFormation refuses it.
        """
        state = self.state(name)
        creates = state is None or state.status == "REVIEW_IN_PROGRESS"
        arguments = {
            "StackName": name,
            "ChangeSetName": label,
            "ChangeSetType": "CREATE" if creates else "UPDATE",
            **template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "ImportExistingResources": True,
        }
        try:
            with aws_errors(name):
                made = self._client.create_change_set(**arguments)
        except AwsRefused as error:
            if any(phrase in error.problem for phrase in NO_CHANGES):
                return None
            raise
        return self._ready(name, made["Id"])

    def _ready(self, name: str, change_set: str) -> ChangeSet | None:
        for _ in self._ticks(name, "the change set is not ready"):
            with aws_errors(name):
                found = self._client.describe_change_set(ChangeSetName=change_set, StackName=name)
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "no reason given")
                self.discard(name, change_set)
                if any(phrase in reason for phrase in NO_CHANGES):
                    return None
                raise GitopsError(name, f"CloudFormation refuses the change: {reason}", "gitops template, then again")
            if found["Status"] == "CREATE_COMPLETE":
                changes = list(self._all_changes(name, change_set))
                if not changes:
                    self.discard(name, change_set)
                    return None
                return ChangeSet(change_set, name, changes)
        raise AssertionError("_ticks ends by raising")

    def _all_changes(self, name: str, change_set: str) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with aws_errors(name):
                page = self._client.describe_change_set(ChangeSetName=change_set, StackName=name, **token)
            yield from page.get("Changes", [])
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def discard(self, name: str, change_set: str) -> None:
        """Delete a change set that is not carried out, and the empty stack that a first one leaves."""
        with aws_errors(name):
            self._client.delete_change_set(ChangeSetName=change_set, StackName=name)
        state = self.state(name)
        if state and state.status == "REVIEW_IN_PROGRESS":
            with aws_errors(name):
                self._client.delete_stack(StackName=name)

    def execute(self, change: ChangeSet) -> Iterator[StackEvent]:
        """Carry out exactly `change`, an event a resource. Raises `GitopsError` that names the resource that failed."""
        seen = self._seen(change.stack)
        with aws_errors(change.stack):
            self._client.execute_change_set(ChangeSetName=change.id, StackName=change.stack)
        yield from self.follow(change.stack, seen)

    def delete(self, name: str) -> Iterator[StackEvent]:
        """Delete the stack, an event a resource. Raises `GitopsError` that names the resource that stays."""
        seen = self._seen(name)
        with aws_errors(name):
            stack = self._client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
            self._client.delete_stack(StackName=name)
        yield from self.follow(stack, seen, deletes=True)

    def continue_rollback(self, name: str) -> Iterator[StackEvent]:
        """Finish a rollback that failed (UPDATE_ROLLBACK_FAILED)."""
        seen = self._seen(name)
        with aws_errors(name):
            self._client.continue_update_rollback(StackName=name)
        yield from self.follow(name, seen, recovers=True)

    def follow(self, name: str, seen: set[str], deletes: bool = False, recovers: bool = False) -> Iterator[StackEvent]:
        """What happens to the stack until nothing more does. Events in `seen` are old."""
        failure: StackEvent | None = None
        for _ in self._ticks(name, "the stack is still changing"):
            state = self.state(name)
            for event in reversed(self._events(name)):
                if event.id in seen:
                    continue
                seen.add(event.id)
                if event.status.endswith("FAILED") and failure is None and "cancelled" not in event.reason.lower():
                    failure = event
                yield event
            if state is None or (state.status == "DELETE_COMPLETE"):
                return
            if not state.busy:
                if state.status == "DELETE_FAILED" or (state.failed and not recovers):
                    raise self._failure(state, failure, deletes)
                return

    def _failure(self, state: StackState, event: StackEvent | None, deletes: bool) -> GitopsError:
        if event is None:
            return GitopsError(state.name, f"{state.status}: {state.reason or 'no reason given'}")
        what = "could not be deleted" if deletes else "failed"
        hint = "mend what AWS says, then run it again"
        return GitopsError(f"{state.name}: {event.resource} ({event.type})", f"{what}: {event.reason}", hint)

    def resources(self, name: str) -> list[Mapping[str, Any]]:
        """The stack's resources (StackResourceSummaries of ListStackResources)."""
        with aws_errors(name):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
            return [resource for page in pages for resource in page["StackResourceSummaries"]]

    def _seen(self, name: str) -> set[str]:
        try:
            return {event.id for event in self._events(name)}
        except AwsRefused as error:
            if "does not exist" in error.problem:
                return set()
            raise

    def _events(self, name: str) -> list[StackEvent]:
        """The newest events, newest first."""
        with aws_errors(name):
            found = self._client.describe_stack_events(StackName=name)["StackEvents"]
        return [
            StackEvent(
                event["EventId"],
                event["Timestamp"],
                event.get("LogicalResourceId", ""),
                event.get("ResourceType", ""),
                event.get("ResourceStatus", ""),
                event.get("ResourceStatusReason", ""),
            )
            for event in found
        ]

    def _ticks(self, name: str, problem: str) -> Iterator[int]:
        for tick in range(int(LONGEST_WAIT / POLL_SECONDS)):
            if tick:
                self._sleep(POLL_SECONDS)
            yield tick
        raise GitopsError(name, f"{problem} after {LONGEST_WAIT / 60:.0f} minutes", "look at it in the console")
