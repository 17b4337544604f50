"""One stack at a time: decide with a change set, show it, carry out exactly it. `plan` stops before the last step."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from gitops.clients.artifacts import ArtifactBucket
from gitops.clients.cloudformation import CloudFormation, StackEvent, StackState
from gitops.errors import GitopsError
from gitops.stacks.changes import ResourceChange, all_created, read_changes
from gitops.template.stacks import Stack

BODY_LIMIT = 51_200
"""Bytes that CloudFormation takes as a TemplateBody; what is longer goes through a bucket."""

NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
"""States of a stack whose creation or deletion failed: it can only be deleted, and made again."""

FIRST = ("Key", "KeyAlias", "ArtifactBucket", "ArtifactBucketPolicy")
"""What the access stack starts with, where its template is too long to be handed over without the bucket."""


@dataclass(frozen=True)
class StackPlan:
    """What is to be done with one stack: `create`, `recreate`, `update` or `keep`."""

    stack: Stack
    action: str
    changes: tuple[ResourceChange, ...] = ()
    note: str = ""

    @property
    def pending(self) -> bool:
        return self.action != "keep"

    @property
    def loses_data(self) -> bool:
        return any(change.loses_data for change in self.changes)


@dataclass(frozen=True)
class Ends:
    """What stacks are made with: CloudFormation of a stack's region, the artifact bucket, a label for change sets."""

    cloudformation: Callable[[str], CloudFormation]
    bucket: ArtifactBucket
    label: str


def mine(stacks: Sequence[Stack], account: str) -> tuple[list[Stack], list[Stack]]:
    """The stacks of `account`, and those of others, which need the credentials of theirs."""
    return [stack for stack in stacks if stack.account == account], [s for s in stacks if s.account != account]


def plan_stack(stack: Stack, ends: Ends, parameters: Mapping[str, str]) -> StackPlan:
    """What `bring_up` would do. Leaves nothing behind: a change set that was needed to know is deleted again."""
    cloudformation = ends.cloudformation(stack.region)
    state = cloudformation.state(stack.name)
    if state and state.busy:
        return StackPlan(stack, "keep", note=f"is being changed right now ({state.status}); plan again when it is done")
    if state is None or state.status == "REVIEW_IN_PROGRESS":
        return StackPlan(stack, "create", all_created(stack.document))
    if state.status in NEVER_CREATED:
        return StackPlan(stack, "recreate", all_created(stack.document), _why_recreated(state))
    with closing(bring_up(stack, ends, parameters)) as steps:
        return next(step for step in steps if isinstance(step, StackPlan))


def bring_up(stack: Stack, ends: Ends, parameters: Mapping[str, str]) -> Generator[StackPlan | StackEvent, None, None]:
    """Settle what an earlier run left, yield the plan, then carry it out, an event a resource.

    Stopped at the plan, it deletes the change set again. Raises `GitopsError` with the resource and AWS's reason.
    """
    cloudformation = ends.cloudformation(stack.region)
    state = yield from _settled(stack, cloudformation)
    if state is None and too_long(stack) and not ends.bucket.exists():
        yield from _start_small(stack, ends)
    note = _why_recreated(state) if state and state.status in NEVER_CREATED else ""
    if note:
        yield StackPlan(stack, "recreate", all_created(stack.document), note)
        yield from cloudformation.delete(stack.name)
        state = None
    change = cloudformation.prepare(stack.name, _template(stack, ends.bucket), parameters, ends.label)
    if change is None:
        yield StackPlan(stack, "keep")
        return
    try:
        yield StackPlan(stack, "update" if state else "create", read_changes(change.changes))
    except GeneratorExit:
        cloudformation.discard(stack.name, change.id)
        raise
    yield from cloudformation.execute(change)


def _settled(stack: Stack, cloudformation: CloudFormation) -> Generator[StackEvent, None, StackState | None]:
    """Wait for what is under way, and finish a rollback that failed. Returns the state then."""
    state = cloudformation.state(stack.name)
    if state and state.busy:
        yield from cloudformation.follow(stack.name, set(), recovers=True)
        state = cloudformation.state(stack.name)
    if state and state.status == "UPDATE_ROLLBACK_FAILED":
        yield from cloudformation.continue_rollback(stack.name)
        state = cloudformation.state(stack.name)
    if state and state.status == "REVIEW_IN_PROGRESS":
        return None
    return state


def _why_recreated(state: StackState) -> str:
    reason = f": {state.reason}" if state.reason else ""
    return f"is {state.status}{reason}; what is left of it is deleted, then it is made again"


def too_long(stack: Stack) -> bool:
    """Whether the template has to go through the bucket."""
    return len(_body(stack)) > BODY_LIMIT


def _body(stack: Stack) -> str:
    """The template as it is; without comments and spaces where that is needed to fit."""
    if len(stack.template.encode()) <= BODY_LIMIT:
        return stack.template
    return json.dumps(stack.document, separators=(",", ":"))


def _template(stack: Stack, bucket: ArtifactBucket) -> dict[str, str]:
    body = _body(stack)
    if not too_long(stack):
        return {"TemplateBody": body}
    if not bucket.exists():
        raise GitopsError(
            stack.path,
            f"has {len(body):,} bytes, over CloudFormation's {BODY_LIMIT:,}, and this account has no bucket for it",
            "fewer environments or images in one system",
        )
    key = f"templates/{stack.name}-{hashlib.sha256(stack.template.encode()).hexdigest()[:12]}.yaml"
    bucket.upload(key, stack.template.encode())
    return {"TemplateURL": bucket.address(key)}


def _start_small(stack: Stack, ends: Ends) -> Iterator[StackEvent]:
    """Make the access stack with its key and bucket alone; the rest follows through that bucket."""
    if "ArtifactBucket" not in stack.document["Resources"]:
        return
    resources = {name: stack.document["Resources"][name] for name in FIRST}
    small = json.dumps({**stack.document, "Resources": resources}, separators=(",", ":"))
    cloudformation = ends.cloudformation(stack.region)
    change = cloudformation.prepare(stack.name, {"TemplateBody": small}, {}, f"{ends.label}-first")
    if change:
        yield from cloudformation.execute(change)
