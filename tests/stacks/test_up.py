"""Stacks in every state that CloudFormation leaves them in: a strict fake, made from botocore's own service model.

botocore's Stubber checks each request and answer against CloudFormation's model; a call that is not expected fails.
"""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from gitops.clients.artifacts import ArtifactBucket
from gitops.clients.cloudformation import CloudFormation, StackEvent
from gitops.errors import GitopsError
from gitops.stacks.up import Ends, StackPlan, bring_up, plan_stack
from gitops.template.stacks import Stack

STACK = Stack(
    "shop-access", "111122223333", "eu-west-1", "cfn/access.yaml", "Resources: {}\n",
    {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}},
)  # fmt: skip
NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
ID = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/gitops-1/0"


class Fake:
    """CloudFormation, told what will be asked of it and what it answers."""

    def __init__(self) -> None:
        self.cloudformation = CloudFormation("eu-west-1", sleep=lambda _: None)
        self.stub = Stubber(self.cloudformation._client)
        self.ends = Ends(lambda _: self.cloudformation, ArtifactBucket("b", "eu-west-1", "111122223333"), "gitops-1")

    def state(self, status: str | None, times: int = 1) -> None:
        for _ in range(times):
            if status is None:
                self.stub.add_client_error("describe_stacks", "ValidationError", "Stack shop-access does not exist")
            else:
                stack = {"StackName": "shop-access", "StackId": "id", "CreationTime": NOW, "StackStatus": status}
                self.stub.add_response("describe_stacks", {"Stacks": [stack]})

    def events(self, *events: tuple[str, str, str]) -> None:
        """Newest first: resource, status, reason."""
        listed = [
            {
                "StackId": "id",
                "EventId": f"{resource}-{status}",
                "StackName": "shop-access",
                "Timestamp": NOW,
                "LogicalResourceId": resource,
                "ResourceType": "AWS::IAM::Role",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for resource, status, reason in events
        ]
        self.stub.add_response("describe_stack_events", {"StackEvents": listed})

    def change_set(self, kind: str, *changes: dict[str, Any], failed: str = "") -> None:
        expected = {
            "StackName": "shop-access",
            "ChangeSetName": "gitops-1",
            "ChangeSetType": kind,
            "TemplateBody": "Resources: {}\n",
            "Parameters": [],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "ImportExistingResources": True,
        }
        self.stub.add_response("create_change_set", {"Id": ID, "StackId": "id"}, expected)
        status = {"Status": "FAILED", "StatusReason": failed} if failed else {"Status": "CREATE_COMPLETE"}
        self.stub.add_response("describe_change_set", status)
        if not failed:
            self.stub.add_response("describe_change_set", {**status, "Changes": list(changes)})

    def discarded(self) -> None:
        self.stub.add_response("delete_change_set", {}, {"ChangeSetName": ID, "StackName": "shop-access"})

    def executed(self) -> None:
        self.stub.add_response("execute_change_set", {}, {"ChangeSetName": ID, "StackName": "shop-access"})


@pytest.fixture
def aws() -> Iterator[Fake]:
    fake = Fake()
    with fake.stub:
        yield fake
        fake.stub.assert_no_pending_responses()


def added(name: str = "Role") -> dict[str, Any]:
    change = {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::IAM::Role"}
    return {"Type": "Resource", "ResourceChange": change}


def finished(steps: list[StackPlan | StackEvent]) -> list[str]:
    return [f"{step.resource} {step.status}" for step in steps if isinstance(step, StackEvent)]


def test_a_first_creation_is_planned_without_leaving_anything(aws: Fake) -> None:
    aws.state(None)
    assert plan_stack(STACK, aws.ends, {}).action == "create"


def test_what_is_shown_is_what_is_carried_out(aws: Fake) -> None:
    aws.state(None, times=2)
    aws.change_set("CREATE", added())
    aws.events()
    aws.executed()
    aws.state("CREATE_IN_PROGRESS")
    aws.events(("Role", "CREATE_IN_PROGRESS", ""))
    aws.state("CREATE_COMPLETE")
    aws.events(("Role", "CREATE_COMPLETE", ""), ("Role", "CREATE_IN_PROGRESS", ""))
    steps = list(bring_up(STACK, aws.ends, {}))
    assert isinstance(steps[0], StackPlan)
    assert steps[0].changes[0].id == "Role"
    assert finished(steps) == ["Role CREATE_IN_PROGRESS", "Role CREATE_COMPLETE"]


def test_a_leftover_of_a_creation_that_was_only_looked_at_is_gone_on_with(aws: Fake) -> None:
    aws.state("REVIEW_IN_PROGRESS", times=2)
    aws.change_set("CREATE", added())
    aws.events()
    aws.executed()
    aws.state("CREATE_COMPLETE")
    aws.events(("Role", "CREATE_COMPLETE", ""))
    assert finished(list(bring_up(STACK, aws.ends, {}))) == ["Role CREATE_COMPLETE"]


def test_a_plan_that_is_not_wanted_takes_its_change_set_away(aws: Fake) -> None:
    aws.state("CREATE_COMPLETE", times=2)
    aws.change_set("UPDATE", added())
    aws.discarded()
    aws.state("CREATE_COMPLETE")
    steps = bring_up(STACK, aws.ends, {})
    assert isinstance(next(steps), StackPlan)
    steps.close()


def test_no_change_is_no_change(aws: Fake) -> None:
    aws.state("UPDATE_COMPLETE", times=2)
    aws.change_set("UPDATE", failed="The submitted information didn't contain changes.")
    aws.discarded()
    aws.state("UPDATE_COMPLETE")
    assert [step.action for step in bring_up(STACK, aws.ends, {}) if isinstance(step, StackPlan)] == ["keep"]


def test_a_change_that_cloudformation_refuses_says_why(aws: Fake) -> None:
    aws.state("UPDATE_COMPLETE", times=2)
    aws.change_set("UPDATE", failed="No export named shop-key found.")
    aws.discarded()
    aws.state("UPDATE_COMPLETE")
    with pytest.raises(GitopsError, match="shop-access: CloudFormation refuses the change: No export named shop-key"):
        list(bring_up(STACK, aws.ends, {}))


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_what_a_failed_creation_left_is_deleted_and_made_again(aws: Fake, status: str) -> None:
    aws.state(status)
    aws.events(("Role", "DELETE_COMPLETE", ""))
    aws.state(status)
    aws.stub.add_response("delete_stack", {}, {"StackName": "shop-access"})
    aws.state("DELETE_IN_PROGRESS")
    aws.events(("Role", "DELETE_COMPLETE", ""))
    aws.state(None)
    aws.events(("Role", "DELETE_COMPLETE", ""))
    aws.state(None)
    aws.change_set("CREATE", added())
    aws.events()
    aws.executed()
    aws.state("CREATE_COMPLETE")
    aws.events(("Role", "CREATE_COMPLETE", ""))
    plans = [step.action for step in bring_up(STACK, aws.ends, {}) if isinstance(step, StackPlan)]
    assert plans == ["recreate", "create"]


def test_a_rollback_that_failed_is_finished_first(aws: Fake) -> None:
    aws.state("UPDATE_ROLLBACK_FAILED")
    aws.events()
    aws.stub.add_response("continue_update_rollback", {}, {"StackName": "shop-access"})
    aws.state("UPDATE_ROLLBACK_COMPLETE")
    aws.events()
    aws.state("UPDATE_ROLLBACK_COMPLETE", times=2)
    aws.change_set("UPDATE", failed="didn't contain changes")
    aws.discarded()
    aws.state("UPDATE_ROLLBACK_COMPLETE")
    assert [step.action for step in bring_up(STACK, aws.ends, {}) if isinstance(step, StackPlan)] == ["keep"]


def test_what_somebody_else_started_is_waited_for(aws: Fake) -> None:
    aws.state("UPDATE_IN_PROGRESS", times=2)
    aws.events(("Role", "UPDATE_IN_PROGRESS", ""))
    aws.state("UPDATE_COMPLETE")
    aws.events(("Role", "UPDATE_COMPLETE", ""), ("Role", "UPDATE_IN_PROGRESS", ""))
    aws.state("UPDATE_COMPLETE", times=2)
    aws.change_set("UPDATE", failed="didn't contain changes")
    aws.discarded()
    aws.state("UPDATE_COMPLETE")
    assert finished(list(bring_up(STACK, aws.ends, {}))) == ["Role UPDATE_IN_PROGRESS", "Role UPDATE_COMPLETE"]


def test_a_plan_of_a_stack_that_is_changing_does_not_wait(aws: Fake) -> None:
    aws.state("UPDATE_IN_PROGRESS")
    assert "is being changed right now" in plan_stack(STACK, aws.ends, {}).note


def test_a_failure_names_the_resource_and_the_reason_of_aws(aws: Fake) -> None:
    aws.state("UPDATE_COMPLETE", times=2)
    aws.change_set("UPDATE", added())
    aws.events()
    aws.executed()
    aws.state("UPDATE_ROLLBACK_COMPLETE")
    aws.events(
        ("Other", "CREATE_FAILED", "Resource creation cancelled"),
        ("Role", "CREATE_FAILED", "Role with name shop-build already exists."),
    )
    steps = bring_up(STACK, aws.ends, {})
    with pytest.raises(GitopsError) as caught:
        list(steps)
    assert str(caught.value) == (
        "shop-access: Role (AWS::IAM::Role): failed: Role with name shop-build already exists.\n"
        "  try: mend what AWS says, then run it again"
    )
