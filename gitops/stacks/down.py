"""Stacks away again, the last one first: planned, then done; what people put in stays, unless told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gitops.clients.artifacts import ArtifactBucket
from gitops.clients.cloudformation import CloudFormation, StackEvent
from gitops.clients.repositories import Repositories
from gitops.errors import count_of
from gitops.stacks.changes import ResourceChange, all_deleted, kept
from gitops.stacks.up import StackPlan
from gitops.template.stacks import Stack

REPOSITORIES = ("AWS::CodeCommit::Repository", "AWS::ECR::Repository")
LOG_GROUP, BUCKET = "AWS::Logs::LogGroup", "AWS::S3::Bucket"

STACK_GONE = "the stack is gone; this is left of it"


@dataclass(frozen=True)
class Keep:
    """What stays when the stacks go."""

    repositories: bool = True
    logs: bool = True


@dataclass(frozen=True)
class Removed:
    """Something that was deleted besides a stack."""

    what: str
    detail: str = ""


def plan_down(
    stack: Stack, cloudformation: CloudFormation, keep: Keep, bucket: ArtifactBucket, repositories: Repositories
) -> StackPlan | None:
    """What the deletion of `stack` would take away, or has still to where it was cut off; None where all is gone."""
    state = cloudformation.state(stack.name)
    if state:
        found = all_deleted(cloudformation.resources(stack.name), stack.document)
        note = f"an earlier deletion failed: {state.reason}" if state.status == "DELETE_FAILED" else ""
    else:
        found, note = kept(stack.document), STACK_GONE
    there = (change for change in found if change.type != BUCKET or bucket.exists())
    changes = tuple(_with(change, keep) for change in there)
    if state is None:
        changes = tuple(change for change in changes if change.type == BUCKET or _is_left(change, repositories))
    if state is None and all(change.action == "keep" for change in changes):
        return None
    return StackPlan(stack, "delete", changes, note)


def _is_left(change: ResourceChange, repositories: Repositories) -> bool:
    """Of a stack that is gone: what would be deleted may have been, too."""
    return change.action == "keep" or repositories.exists(change.type, change.name)


def _with(change: ResourceChange, keep: Keep) -> ResourceChange:
    """`change`, where what the stack would leave is deleted after it."""
    deleted = (
        change.type == BUCKET
        or (change.type in REPOSITORIES and not keep.repositories)
        or (change.type == LOG_GROUP and not keep.logs)
    )
    if change.action != "keep" or not deleted:
        return change
    return ResourceChange("delete", change.id, change.type, change.name, loses_data=change.type != BUCKET)


def take_down(
    plan: StackPlan, cloudformation: CloudFormation, bucket: ArtifactBucket, repositories: Repositories
) -> Iterator[StackEvent | Removed]:
    """Delete the stack of `plan`, then exactly what else `plan` deletes. Run again, it finishes what is left."""
    if cloudformation.state(plan.stack.name):
        yield from cloudformation.delete(plan.stack.name)
    deletes: dict[str, Callable[[str], bool]] = {
        "AWS::CodeCommit::Repository": repositories.delete_source,
        "AWS::ECR::Repository": repositories.delete_images,
        LOG_GROUP: repositories.delete_logs,
    }
    for change in plan.changes:
        if change.action != "delete" or not change.name:
            continue
        if change.type == BUCKET and change.name == bucket.name and bucket.exists():
            yield Removed(bucket.name, f"{count_of(bucket.delete(), 'version')} of artifacts")
        elif change.type in deletes and change.loses_data and deletes[change.type](change.name):
            yield Removed(change.name, change.type)
