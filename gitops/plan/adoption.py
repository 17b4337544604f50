"""Objects that were applied client-side before: their fields become ours, so that what we lack goes away."""

from collections.abc import Collection, Mapping
from typing import Any

from gitops.objects import MANAGER, FieldConflict, KubeObject
from gitops.plan.fields import applied_fields, managers, paths, removed, union, without
from gitops.plan.mask import LAST_APPLIED

CLIENT_SIDE = (
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-replace",
    "before-first-apply",
    "kubectl",
    "kapp",
)
"""Managers that write whole objects from files, as we do. Controllers, and edits by hand, are none."""


DEPLOYERS = (
    *CLIENT_SIDE, "argocd-application-controller", "argocd-controller", "eksctl", "fleetagent", "flux", "HashiCorp",
    "helm", "helm-controller", "kapp-server", "kluctl", "kustomize-controller", "pulumi-kubernetes", "tanka",
    "Terraform", "werf",
)  # fmt: skip
"""The same of other tools, by whichever way they write. Who takes an object over from them takes all of it."""
BY_HAND = ("kubectl", "k9s", "node-fetch", "Mozilla")
"""What the managers of a person's changes begin with: kubectl-edit, kubectl-set; k9s; Lens; consoles in a browser. No
controller's does."""
PASSING = ("f:kubectl.kubernetes.io/restartedAt", "f:kubernetes.io/change-cause", f"f:{LAST_APPLIED}")
"""Annotations by which kubectl does its work, and that change nothing for long."""


def adoptable(live: KubeObject, undo: bool = False, take: bool = False) -> tuple[str, ...]:
    """Managers whose fields we take over with our first apply; once we have applied, what was changed by hand and is to
    be undone, and what is ours by an update that a run was cut off after. With `take`, those of deployment tools."""
    if applied_fields(live):
        found = {*(by_hand(live) if undo else ()), *({MANAGER} & updaters(live))}
    else:
        found = {name for name in updaters(live) if name in CLIENT_SIDE}
    if take:
        found |= {name for name, _, _ in managers(live) if name in DEPLOYERS or name.startswith("pulumi-kubernetes-")}
    return tuple(sorted(found))


def adoptions_left(live: KubeObject, names: Collection[str]) -> tuple[str, ...]:
    """Those of `names` who own fields of `live` that are not ours yet."""
    found = {name for name, operation, _ in managers(live) if _is_of(name, operation, names)}
    return tuple(sorted(found))


def _is_of(name: str, operation: str, names: Collection[str]) -> bool:
    """Whether what a manager owns is meant by `names`: what we applied is ours already."""
    return name in names and (name, operation) != (MANAGER, "Apply")


def updaters(live: KubeObject) -> set[str]:
    """Managers who own fields of an object without having applied them."""
    return {name for name, operation, _ in managers(live) if operation == "Update"}


def by_hand(live: KubeObject) -> tuple[str, ...]:
    """Managers of changes by hand to an object that we apply."""
    found = {name for name, operation, _ in managers(live) if name.startswith(BY_HAND) and operation == "Update"}
    return tuple(sorted(found))


def added_by_hand(live: KubeObject) -> Mapping[str, Any]:
    """Fields that somebody added by hand, and nobody else has. `replicas` that are not ours are an autoscaler's."""
    names = by_hand(live) if applied_fields(live) else ()
    theirs = union(fields for name, operation, fields in managers(live) if name in names and operation == "Update")
    others = union(fields for name, _, fields in managers(live) if name not in names)
    return without(_lasting(theirs), union([others, {"f:spec": {"f:replicas": {}}}]))


def in_the_way(live: KubeObject, names: Collection[str]) -> tuple[FieldConflict, ...]:
    """What the managers `names` have added to an object, and nobody else has."""
    others = union(fields for name, _, fields in managers(live) if name not in names)
    theirs = [(name, fields) for name, how, fields in managers(live) if name in names and how == "Update"]
    return tuple(
        FieldConflict(name, f".{path}") for name, fields in theirs for path in paths(_items(without(fields, others)))
    )


def _items(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A set of fields, with each item of a list that is in it as a whole as one."""
    return {
        key: {} if key.startswith("k:") and "." in inner else _items(inner)
        for key, inner in fields.items()
        if key != "."
    }


def _lasting(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: _lasting(inner) for key, inner in fields.items() if key not in PASSING}
    return {key: inner for key, inner in kept.items() if inner or not fields[key] or key == "."}


def adopted(live: KubeObject, names: tuple[str, ...]) -> KubeObject:
    """`live` with the fields of the managers `names` recorded as applied by us, beside what we applied before."""
    entries = list(live.metadata.get("managedFields") or [])
    taken = [entry for entry in entries if _is_taken(entry, names)]
    before = [entry for entry in entries if (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply")]
    ours = {
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": taken[0]["apiVersion"],
        "time": taken[0].get("time"),
        "fieldsType": "FieldsV1",
        "fieldsV1": union(entry.get("fieldsV1") or {} for entry in (*before, *taken)),
    }
    left = [entry for entry in entries if not _is_taken(entry, names) and entry not in before]
    return live.with_metadata(managedFields=[ours, *left])


def without_orphans(live: KubeObject, merged: KubeObject, names: tuple[str, ...]) -> KubeObject:
    """What `merged` (a dry run over `live`) will be once the fields of `names` are ours: without those we lack."""
    theirs = union(fields for name, how, fields in managers(live) if _is_of(name, how, names))
    others = union(fields for name, how, fields in managers(merged) if not _is_of(name, how, names))
    orphans = without(theirs, others)
    metadata = {"managedFields": merged.metadata.get("managedFields")}
    body: Mapping[str, Any] = removed(merged.body, orphans)
    return KubeObject({**body, "metadata": {**body["metadata"], **metadata}}, merged.origin)


def _is_taken(entry: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return _is_of(str(entry.get("manager")), str(entry.get("operation")), names) and not entry.get("subresource")


def in_version(live: KubeObject, api_version: str) -> KubeObject:
    """`live` with what each manager owns recorded as written in `api_version`. The API server converts an object to
    the version of each, and a field that a newer version of a custom kind brings fits into no older one."""
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for entry in live.metadata.get("managedFields") or []:
        who = tuple(str(entry.get(key)) for key in ("manager", "operation", "subresource"))
        known = kept.get(who, {})
        fields = union(each.get("fieldsV1") or {} for each in (known, entry))
        kept[who] = {**known, **entry, "apiVersion": api_version, "fieldsV1": fields}
    return live.with_metadata(managedFields=list(kept.values()))
