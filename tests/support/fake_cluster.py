"""A cluster in memory with the semantics that deploys rest on: server-side apply with managed fields and conflicts,
resource versions, uids, generations, immutable fields, finalizers of namespaces, watches. The contract tests run the
same on this and on a real API server."""

import copy
import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.clients.cluster import ApiError, Conflict, Expired, Invalid, Kind, Kinds, Listing, WatchEvent
from gitops.objects import MANAGER, FieldConflict, KubeObject, ObjectRef
from gitops.plan.fields import item_at, removed, union, without
from gitops.plan.mask import LAST_APPLIED

METADATA = ("apiVersion", "kind", "metadata")
VERBS = frozenset({"get", "list", "watch", "create", "update", "patch", "delete"})


def _kind(api_version: str, kind: str, plural: str, namespaced: bool = True) -> Kind:
    group, _, version = api_version.rpartition("/")
    return Kind(group, version, kind, plural, namespaced, VERBS)


KINDS = (
    _kind("v1", "Namespace", "namespaces", False),
    _kind("v1", "ConfigMap", "configmaps"),
    _kind("v1", "Secret", "secrets"),
    _kind("v1", "Service", "services"),
    _kind("v1", "ServiceAccount", "serviceaccounts"),
    _kind("v1", "Pod", "pods"),
    _kind("v1", "Event", "events"),
    _kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    _kind("apps/v1", "Deployment", "deployments"),
    _kind("apps/v1", "ReplicaSet", "replicasets"),
    _kind("apps/v1", "StatefulSet", "statefulsets"),
    _kind("apps/v1", "DaemonSet", "daemonsets"),
    _kind("apps/v1", "ControllerRevision", "controllerrevisions"),
    _kind("batch/v1", "Job", "jobs"),
    _kind("batch/v1", "CronJob", "cronjobs"),
    _kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    _kind("coordination.k8s.io/v1", "Lease", "leases"),
    _kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False),
    _kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    _kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False),
)
IMMUTABLE = {
    "Deployment": ("spec.selector",),
    "Job": ("spec.template", "spec.selector"),
    "Service": ("spec.clusterIP",),
    "PersistentVolumeClaim": ("spec.storageClassName", "spec.accessModes"),
}
LIST_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "imagePullSecrets": ("name",),
}
"""Lists whose items are told apart by keys; every other list is owned as a whole."""

Fields = dict[str, Any]
Entries = list[dict[str, Any]]


class FakeCluster:
    """`Cluster` in memory. `broken` groups are served by an API server that does not answer."""

    name = "fake"

    def __init__(self) -> None:
        self.objects: dict[ObjectRef, dict[str, Any]] = {}
        self.broken: set[str] = set()
        self.log: list[tuple[str, ObjectRef]] = []
        """Every write, in order: "apply", "create", "replace" or "delete", and the object."""
        self.pod_logs: dict[tuple[str, str], str] = {}
        self.controlled = True
        """Whether Deployments become ready as soon as they are written."""
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._history: list[tuple[int, str, ObjectRef, dict[str, Any]]] = []
        self._changed = threading.Condition(threading.RLock())
        for name in ("default", "kube-system"):
            self.create(KubeObject({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        self.log.clear()

    # --- reading

    def kinds(self, refresh: bool = False) -> Kinds:
        with self._changed:
            specs = [b["spec"] for ref, b in self.objects.items() if ref.kind == "CustomResourceDefinition"]
        found = [
            Kind(s["group"], v["name"], s["names"]["kind"], s["names"]["plural"], s["scope"] == "Namespaced", VERBS)
            for s in specs
            for v in s["versions"]
        ]
        served = [kind for kind in (*KINDS, *found) if kind.group not in self.broken]
        return Kinds(served, self.broken)

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        with self._changed:
            body = self.objects.get(ref)
            served = self.kinds().find(ref.group, ref.kind, version)
            return KubeObject(copy.deepcopy(body)) if body and served else None

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
        brief: bool = False,
    ) -> Listing:
        with self._changed:
            if self.kinds().find(group, kind, version) is None:
                return Listing((), "")
            found = [
                KubeObject(copy.deepcopy({key: body[key] for key in METADATA} if brief else body))
                for ref, body in sorted(self.objects.items())
                if (ref.group, ref.kind) == (group, kind)
                and namespace in ("", ref.namespace)
                and _selected(body, fields)
            ]
            return Listing(tuple(found), str(self._version()))

    def watch(
        self,
        group: str,
        kind: str,
        namespace: str,
        resource_version: str,
        seconds: float,
        fields: Mapping[str, str] | None = None,
    ) -> Iterator[WatchEvent]:
        seen, deadline = int(resource_version), time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._changed:
                news = [entry for entry in self._history if entry[0] > seen]
                if not news:
                    self._changed.wait(min(0.05, max(0.0, deadline - time.monotonic())))
            for version, what, ref, body in news:
                seen = version
                here = (ref.group, ref.kind) == (group, kind) and namespace in ("", ref.namespace)
                if here and _selected(body, fields):
                    yield WatchEvent(what, KubeObject(copy.deepcopy(body)))

    def logs(self, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
        return "\n".join(self.pod_logs.get((pod, container), "").splitlines()[-lines:])

    def preview(self, desired: KubeObject, force: bool = False) -> KubeObject:
        with self._changed:
            return KubeObject(self._merge(desired, force, MANAGER), desired.origin)

    def preview_update(self, body: KubeObject) -> KubeObject:
        with self._changed:
            return KubeObject(self._replaced(body))

    def rehearse(self, desired: KubeObject, namespace: str) -> None:
        placed = desired.with_metadata(namespace=namespace)
        with self._changed:
            self._check(placed)
            if placed.ref in self.objects:
                raise ApiError(str(desired.ref), "already exists", status=409, reason="AlreadyExists")

    # --- writing

    def apply(self, desired: KubeObject, force: bool = False, manager: str = MANAGER) -> KubeObject:
        with self._changed:
            merged = self._merge(desired, force, manager)
            self.log.append(("apply", desired.ref))
            return KubeObject(copy.deepcopy(self._store(desired.ref, merged)))

    def create(self, body: KubeObject) -> KubeObject:
        with self._changed:
            self._check(body)
            if body.ref in self.objects:
                raise ApiError(str(body.ref), "already exists", status=409, reason="AlreadyExists")
            self.log.append(("create", body.ref))
            return KubeObject(copy.deepcopy(self._store(body.ref, copy.deepcopy(dict(body.body)))))

    def replace(self, body: KubeObject) -> KubeObject:
        with self._changed:
            new = self._replaced(body)
            self.log.append(("replace", body.ref))
            return KubeObject(copy.deepcopy(self._store(body.ref, new)))

    def delete(self, ref: ObjectRef, uid: str = "", propagation: str = "Background") -> bool:
        with self._changed:
            live = self.objects.get(ref)
            if live is None or (uid and live["metadata"]["uid"] != uid):
                return False
            self.log.append(("delete", ref))
            if live["metadata"].get("finalizers"):
                metadata = {**live["metadata"], "deletionTimestamp": "2026-11-24T00:00:00Z"}
                self._store(ref, {**copy.deepcopy(live), "metadata": metadata})
                return True
            self._remove(ref)
            if ref.kind == "Namespace":
                for inner in [each for each in self.objects if each.namespace == ref.name]:
                    self._remove(inner)
            return True

    # --- as others would

    def update(self, ref: ObjectRef, change: Mapping[str, Any], manager: str = "kubectl-edit") -> None:
        """Merge `change` into an object as a client that updates does: no conflicts, and the fields become its own."""
        with self._changed:
            body = copy.deepcopy(self.objects[ref])
            _deep_merge(body, change)
            managed = [entry for entry in body["metadata"].get("managedFields", []) if entry["manager"] != manager]
            fields = _fields_of({key: value for key, value in change.items() if key != "metadata"})
            for entry in managed:
                entry["fieldsV1"] = without(entry["fieldsV1"], fields)
            managed.append(_entry(manager, "Update", body["apiVersion"], fields))
            body["metadata"]["managedFields"] = managed
            self._store(ref, body)

    def client_side_apply(self, desired: KubeObject) -> None:
        """What `kubectl apply` of old leaves: its own manager, and the annotation with all that was applied."""
        with self._changed:
            text = json.dumps(desired.body)
            body = _defaulted(copy.deepcopy(dict(desired.with_annotations({LAST_APPLIED: text}).body)))
            content = {k: v for k, v in body.items() if k not in ("apiVersion", "kind", "metadata")}
            fields = _fields_of(content) | {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}}}}
            body["metadata"]["managedFields"] = [
                _entry("kubectl-client-side-apply", "Update", desired.api_version, fields)
            ]
            self._store(desired.ref, body)

    def set_status(self, ref: ObjectRef, **status: Any) -> None:
        """What a controller writes into an object's status."""
        with self._changed:
            body = copy.deepcopy(self.objects[ref])
            body["status"] = {**body.get("status", {}), **status}
            self._store(ref, body)

    # --- within

    def _version(self) -> int:
        return self._history[-1][0] if self._history else 0

    def _check(self, body: KubeObject) -> None:
        if self.kinds().find(body.group, body.kind, body.version) is None:
            raise ApiError(str(body.ref), f"fake serves no {body.api_version} {body.kind}", status=404)
        if body.namespace and ObjectRef("", "Namespace", "", body.namespace) not in self.objects:
            raise ApiError(str(body.ref), f'namespaces "{body.namespace}" not found', status=404, reason="NotFound")

    def _replaced(self, body: KubeObject) -> dict[str, Any]:
        live = self.objects.get(body.ref)
        if live is None:
            raise ApiError(str(body.ref), "not found", status=404, reason="NotFound")
        wanted = body.metadata.get("resourceVersion")
        if wanted and wanted != live["metadata"]["resourceVersion"]:
            raise Conflict(str(body.ref), "the object has been modified")
        new: dict[str, Any] = _defaulted(copy.deepcopy(dict(body.body)))
        new["metadata"].setdefault("managedFields", live["metadata"].get("managedFields", []))
        new.setdefault("status", live["status"]) if "status" in live else None
        return new

    def _merge(self, desired: KubeObject, force: bool, manager: str) -> dict[str, Any]:
        self._check(desired)
        live = copy.deepcopy(self.objects.get(desired.ref))
        content: dict[str, Any] = _defaulted(copy.deepcopy({k: v for k, v in desired.body.items() if k != "status"}))
        metadata = {k: v for k, v in content["metadata"].items() if k not in ("name", "namespace", "creationTimestamp")}
        ours = _fields_of({k: v for k, v in content.items() if k not in ("apiVersion", "kind", "metadata")})
        if inner := _fields_of({k: v for k, v in metadata.items() if v}):
            ours["f:metadata"] = inner
        if live is None:
            content["metadata"]["managedFields"] = [_entry(manager, "Apply", desired.api_version, ours)]
            return content
        managed = live["metadata"].get("managedFields", [])
        self._refuse_conflicts(desired, live, managed, ours, content, force, manager)
        before: Fields = next(
            (e["fieldsV1"] for e in managed if (e["manager"], e["operation"]) == (manager, "Apply")), {}
        )
        others = [e for e in managed if (e["manager"], e["operation"]) != (manager, "Apply")]
        kept = union([e["fieldsV1"] for e in others])
        merged: dict[str, Any] = removed(live, without(without(before, ours), kept))
        _apply_fields(merged, content)
        self._refuse_immutable(desired.ref, self.objects[desired.ref], merged)
        merged["metadata"]["managedFields"] = [*others, _entry(manager, "Apply", desired.api_version, ours)]
        return merged

    def _refuse_conflicts(
        self,
        desired: KubeObject,
        live: dict[str, Any],
        managed: Entries,
        ours: Fields,
        content: dict[str, Any],
        force: bool,
        manager: str,
    ) -> None:
        found = []
        for entry in managed:
            if entry["manager"] == manager and entry["operation"] == "Apply":
                continue
            for path in _shared(entry["fieldsV1"], ours):
                if _value(live, path) != _value(content, path):
                    if force:
                        entry["fieldsV1"] = without(entry["fieldsV1"], _nested(path))
                    else:
                        found.append(FieldConflict(entry["manager"], "".join(map(_printed, path))))
        if found:
            said = ", ".join(f"{conflict.manager} owns {conflict.field}" for conflict in sorted(set(found)))
            raise Conflict(str(desired.ref), said, "", tuple(found))

    def _refuse_immutable(self, ref: ObjectRef, live: dict[str, Any], merged: dict[str, Any]) -> None:
        for path in IMMUTABLE.get(ref.kind, ()):
            steps = tuple(f"f:{step}" for step in path.split("."))
            if _value(live, steps) != _value(merged, steps):
                raise Invalid(str(ref), f"{path}: Invalid value: field is immutable", "", (path,))

    def _store(self, ref: ObjectRef, body: dict[str, Any]) -> dict[str, Any]:
        live: dict[str, Any] | None = self.objects.get(ref)
        if live is not None and _content(live) == _content(body):
            return live
        metadata = body["metadata"]
        if live and live["metadata"].get("deletionTimestamp") and not metadata.get("finalizers"):
            self._remove(ref)
            return body
        metadata["uid"] = live["metadata"]["uid"] if live else f"uid-{next(self._uids)}"
        metadata["creationTimestamp"] = live["metadata"]["creationTimestamp"] if live else "2026-11-24T00:00:00Z"
        if ref.kind in ("Deployment", "StatefulSet", "DaemonSet", "CustomResourceDefinition", "Job"):
            old = live["metadata"].get("generation", 0) if live else 0
            metadata["generation"] = old + (1 if not live or live.get("spec") != body.get("spec") else 0)
        version = next(self._versions)
        metadata["resourceVersion"] = str(version)
        if ref.kind == "CustomResourceDefinition":
            body["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        if ref.kind == "Deployment" and self.controlled:
            body["status"] = _deployed(metadata["generation"], body["spec"].get("replicas", 1))
        if ref.kind == "Namespace":
            body["status"] = {"phase": "Active"}
        self.objects[ref] = body
        self._tell(version, "MODIFIED" if live else "ADDED", ref, body)
        return body

    def _remove(self, ref: ObjectRef) -> None:
        body = self.objects.pop(ref)
        self._tell(next(self._versions), "DELETED", ref, body)

    def _tell(self, version: int, what: str, ref: ObjectRef, body: dict[str, Any]) -> None:
        self._history.append((version, what, ref, copy.deepcopy(body)))
        self._changed.notify_all()


def _deployed(generation: int, replicas: int) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    rolled_out = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    conditions = [rolled_out, {"type": "Available", "status": "True"}]
    return {"observedGeneration": generation, **counts, "conditions": conditions}


def _selected(body: dict[str, Any], fields: Mapping[str, str] | None) -> bool:
    def value(path: str) -> Any:
        found: Any = body
        for step in path.split("."):
            found = found.get(step, {}) if isinstance(found, dict) else {}
        return found

    return all(value(path) == wanted for path, wanted in (fields or {}).items())


def _entry(manager: str, operation: str, api_version: str, fields: Fields) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": "2026-11-24T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _content(body: dict[str, Any]) -> dict[str, Any]:
    ignored = ("resourceVersion", "generation", "uid", "creationTimestamp")
    return {**body, "metadata": {key: value for key, value in body["metadata"].items() if key not in ignored}}


def _defaulted(value: Any) -> Any:
    """The one default that changes how fields are told apart: a port's protocol."""
    if isinstance(value, dict):
        return {
            key: [{"protocol": "TCP", **item} if "containerPort" in item else _defaulted(item) for item in inner]
            if key == "ports" and isinstance(inner, list) and all(isinstance(item, dict) for item in inner)
            else _defaulted(inner)
            for key, inner in value.items()
        }
    return [_defaulted(item) for item in value] if isinstance(value, list) else value


def _fields_of(value: Any, key: str = "") -> Fields:
    """The set of fields that a value has, in the form of managedFields."""
    if isinstance(value, dict) and value:
        return {f"f:{name}": _fields_of(inner, name) for name, inner in value.items()}
    if isinstance(value, list) and value and key in LIST_KEYS and all(isinstance(item, dict) for item in value):
        fields = {}
        for item in value:
            keys = {name: item[name] for name in LIST_KEYS[key] if name in item}
            fields["k:" + json.dumps(keys, separators=(",", ":"))] = {".": {}, **_fields_of(item)}
        return fields
    return {}


def _inner(fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if key != "."}


def _shared(theirs: Fields, ours: Fields, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key in _inner(theirs):
        if key in ours:
            if _inner(theirs[key]) and _inner(ours[key]):
                yield from _shared(theirs[key], ours[key], (*path, key))
            else:
                yield (*path, key)


def _nested(path: tuple[str, ...]) -> Fields:
    fields: Fields = {}
    for key in reversed(path):
        fields = {key: fields}
    return fields


def _printed(step: str) -> str:
    kind, _, name = step.partition(":")
    return f".{name}" if kind == "f" else f"[{name}]"


def _value(body: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f":
            body = body.get(name) if isinstance(body, dict) else None
        elif isinstance(body, list):
            index = item_at(body, step)
            body = None if index is None else body[index]
        if body is None:
            return None
    return body


def _apply_fields(live: dict[str, Any], desired: dict[str, Any]) -> None:
    for key, value in desired.items():
        if isinstance(value, dict) and isinstance(live.get(key), dict):
            _apply_fields(live[key], value)
        elif key in LIST_KEYS and isinstance(value, list) and isinstance(live.get(key), list):
            live[key] = _merged_items(live[key], value, LIST_KEYS[key])
        else:
            live[key] = value


def _merged_items(live: list[Any], desired: list[Any], keys: tuple[str, ...]) -> list[Any]:
    def identity(item: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(item.get(key) for key in keys)

    there = {identity(item): item for item in live}
    merged = []
    for item in desired:
        found = there.pop(identity(item), None)
        if found is not None:
            _apply_fields(found, item)
        merged.append(item if found is None else found)
    return [*merged, *there.values()]


def _deep_merge(body: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(body.get(key), dict):
            _deep_merge(body[key], value)
        else:
            body[key] = copy.deepcopy(value)


__all__ = ["Expired", "FakeCluster"]
