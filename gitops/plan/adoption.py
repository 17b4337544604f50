"""Objects that were applied client-side before: their fields become ours, so that what we lack goes away."""

from collections.abc import Mapping
from typing import Any

from gitops.objects import MANAGER, KubeObject
from gitops.plan.fields import applied_fields, managers, removed, union, without

CLIENT_SIDE = (
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-replace",
    "before-first-apply",
    "kubectl",
    "kapp",
)
"""Managers that write whole objects from files, as we do. Controllers, and edits by hand, are none."""


def adoptable(live: KubeObject) -> tuple[str, ...]:
    """Managers whose fields we take over with our first apply; none once we have applied."""
    if applied_fields(live):
        return ()
    found = {name for name, operation, _ in managers(live) if name in CLIENT_SIDE and operation == "Update"}
    return tuple(sorted(found))


def adopted(live: KubeObject, names: tuple[str, ...]) -> KubeObject:
    """`live` with the fields of the managers `names` recorded as applied by us."""
    entries = list(live.metadata.get("managedFields") or [])
    taken = [entry for entry in entries if _is_taken(entry, names)]
    ours = {
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": taken[0]["apiVersion"],
        "time": taken[0].get("time"),
        "fieldsType": "FieldsV1",
        "fieldsV1": union(entry.get("fieldsV1") or {} for entry in taken),
    }
    return live.with_metadata(managedFields=[ours, *(entry for entry in entries if not _is_taken(entry, names))])


def without_orphans(live: KubeObject, merged: KubeObject, names: tuple[str, ...]) -> KubeObject:
    """What `merged` (a dry run over `live`) will be once the fields of `names` are ours: without those we lack."""
    theirs = union(fields for name, operation, fields in managers(live) if name in names and operation == "Update")
    others = union(fields for name, _, fields in managers(merged) if name not in names)
    orphans = without(theirs, others)
    metadata = {"managedFields": merged.metadata.get("managedFields")}
    body: Mapping[str, Any] = removed(merged.body, orphans)
    return KubeObject({**body, "metadata": {**body["metadata"], **metadata}}, merged.origin)


def _is_taken(entry: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return entry.get("manager") in names and entry.get("operation") == "Update" and not entry.get("subresource")
