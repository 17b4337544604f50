"""CloudFormation's changes in our words: what is created, updated, replaced, deleted, kept; and what loses data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOLDS_DATA = frozenset(
    {
        "AWS::CodeCommit::Repository",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
    }
)
"""Types whose deletion loses what people put into them."""

ORDER = ("replace", "may replace", "delete", "update", "create", "adopt", "keep")
"""Actions, the most dangerous first."""


@dataclass(frozen=True)
class ResourceChange:
    """One resource of a stack that changes.

    `action` is one of `ORDER`: `adopt` takes an existing resource in, `keep` lets go of one and leaves it as it is.
    """

    action: str
    id: str
    type: str
    name: str = ""
    """What it is called in AWS, where it exists."""
    properties: tuple[str, ...] = ()
    """The properties that change."""
    loses_data: bool = False


def read_changes(changes: Iterable[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """The changes of a change set (`Changes` of DescribeChangeSet), the most dangerous first."""
    read = [_read(change["ResourceChange"]) for change in changes if change.get("Type", "Resource") == "Resource"]
    return tuple(sorted(read, key=lambda change: (not change.loses_data, ORDER.index(change.action), change.id)))


def _read(change: Mapping[str, Any]) -> ResourceChange:
    action = _action(change)
    kind = change["ResourceType"]
    kept = change.get("PolicyAction") in ("Retain", "ReplaceAndRetain")
    details = change.get("Details", [])
    targets = [detail["Target"] for detail in details if detail.get("Target")]
    properties = [target.get("Name") or target.get("Attribute", "") for target in targets]
    return ResourceChange(
        action,
        change["LogicalResourceId"],
        kind,
        change.get("PhysicalResourceId", ""),
        tuple(dict.fromkeys(name for name in properties if name)),
        loses_data=kind in HOLDS_DATA and action in ("delete", "replace", "may replace") and not kept,
    )


def _action(change: Mapping[str, Any]) -> str:
    if change["Action"] == "Modify":
        return {"True": "replace", "Conditional": "may replace"}.get(change.get("Replacement", "False"), "update")
    if change["Action"] == "Remove":
        return "keep" if change.get("PolicyAction") == "Retain" else "delete"
    return {"Add": "create", "Import": "adopt"}[change["Action"]]


def all_created(document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """What a first creation of the template `document` makes."""
    return tuple(ResourceChange("create", name, each["Type"]) for name, each in document["Resources"].items())


def all_deleted(resources: Iterable[Mapping[str, Any]], document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """What the deletion of a stack does with its `resources` (of ListStackResources), by its template `document`."""
    there = [
        _deleted(resource, document["Resources"].get(resource["LogicalResourceId"], {}))
        for resource in resources
        if resource["ResourceStatus"] != "DELETE_COMPLETE" and resource.get("LogicalResourceId")
    ]
    return tuple(sorted(there, key=lambda change: (ORDER.index(change.action), change.id)))


def kept(document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """What a deleted stack of the template `document` has left behind."""
    return tuple(
        ResourceChange("keep", name, each["Type"], given_name(each))
        for name, each in document["Resources"].items()
        if each.get("DeletionPolicy") == "Retain"
    )


def _deleted(resource: Mapping[str, Any], template: Mapping[str, Any]) -> ResourceChange:
    action = "keep" if template.get("DeletionPolicy") == "Retain" else "delete"
    kind = resource["ResourceType"]
    name = given_name(template) or resource.get("PhysicalResourceId", "")
    return ResourceChange(
        action, resource["LogicalResourceId"], kind, name, loses_data=action == "delete" and kind in HOLDS_DATA
    )


def given_name(template: Mapping[str, Any]) -> str:
    """The name that a resource's template gives it; empty where AWS makes one up. (CodeCommit's Ref is no name.)"""
    properties = template.get("Properties", {})
    names = (properties.get(key) for key in ("RepositoryName", "BucketName", "LogGroupName"))
    return next((name for name in names if isinstance(name, str)), "")


def summary(changes: Sequence[ResourceChange]) -> str:
    """How many of each: "2 create, 1 replace"; "no change" where there is none."""
    counts = [(action, sum(change.action == action for change in changes)) for action in ORDER]
    return ", ".join(f"{count} {action}" for action, count in counts if count) or "no change"
