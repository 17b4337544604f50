"""Checks that what an object refers to is there: in its overlay, or in one that its cluster gets besides."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, selects
from gitops.validate.sources import Path

BUILT_IN_CLASSES = {"system-node-critical", "system-cluster-critical"}
BUILT_IN_CONFIG_MAPS = {"kube-root-ca.crt"}


def check_references(overlay: Overlay) -> Iterator[Finding]:
    """Findings in what pods, disruption budgets, StatefulSets and policies' bindings refer to."""
    for pod in overlay.pods():
        yield from _account(overlay, pod)
        yield from _volumes(overlay, pod)
        for path, container in pod.containers:
            yield from _environment(overlay, pod, path, container)
    for obj in overlay.of_kind("PodDisruptionBudget"):
        selector = (obj.body.get("spec") or {}).get("selector")
        pods = overlay.pods(overlay.everything)
        if selector and not any(p.owner.namespace == obj.namespace and selects(selector, p.labels) for p in pods):
            yield overlay.finding("F004", obj, ("spec", "selector"), "no pod here has these labels")

    for obj in overlay.of_kind("StatefulSet"):
        name = (obj.body.get("spec") or {}).get("serviceName")
        if name and not _defined(overlay, "Service", obj.namespace, name):
            yield overlay.finding("F013", obj, ("spec", "serviceName"), f"nothing defines Service {name}")
    for obj in overlay.of_kind("ValidatingAdmissionPolicyBinding"):
        name = (obj.body.get("spec") or {}).get("policyName")
        if name and not _defined(overlay, "ValidatingAdmissionPolicy", "", name):
            yield overlay.finding("F014", obj, ("spec", "policyName"), f"nothing defines the policy {name}")


def _defined(overlay: Overlay, kind: str, namespace: str, name: str) -> Any:
    for obj in overlay.everything:
        if (obj.kind, obj.namespace, obj.name) == (kind, namespace, name):
            return obj
    return None


def _account(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    name = pod.spec.get("serviceAccountName")
    if name and name != "default" and not _defined(overlay, "ServiceAccount", pod.owner.namespace, str(name)):
        path = (*pod.path, "serviceAccountName")
        yield overlay.finding("F003", pod.owner, path, f"nothing defines ServiceAccount {name}")
    priority = pod.spec.get("priorityClassName")
    if priority and priority not in BUILT_IN_CLASSES and not _defined(overlay, "PriorityClass", "", str(priority)):
        path = (*pod.path, "priorityClassName")
        yield overlay.finding("F005", pod.owner, path, f"nothing defines PriorityClass {priority}")


def _volumes(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    names = set()
    for position, volume in enumerate(pod.spec.get("volumes") or []):
        names.add(volume.get("name"))
        path: Path = (*pod.path, "volumes", position)
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim and not _defined(overlay, "PersistentVolumeClaim", pod.owner.namespace, claim):
            where = (*path, "persistentVolumeClaim", "claimName")
            yield overlay.finding("F008", pod.owner, where, f"nothing defines PersistentVolumeClaim {claim}")
        for field, key, kind in (("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret")):
            yield from _source(overlay, pod, (*path, field, key), kind, volume.get(field) or {}, key)
        for number, source in enumerate((volume.get("projected") or {}).get("sources") or []):
            for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                where = (*path, "projected", "sources", number, field, "name")
                yield from _source(overlay, pod, where, kind, source.get(field) or {}, "name")
    if pod.owner.kind == "StatefulSet":
        claims = (pod.owner.body.get("spec") or {}).get("volumeClaimTemplates") or []
        names |= {(claim.get("metadata") or {}).get("name") for claim in claims}
    for path, container in pod.containers:
        for position, mount in enumerate(container.get("volumeMounts") or []):
            if mount.get("name") not in names:
                where = (*path, "volumeMounts", position, "name")
                yield overlay.finding("F006", pod.owner, where, f"no volume is called {mount.get('name')}")


def _environment(overlay: Overlay, pod: Pod, path: Path, container: Mapping[str, Any]) -> Iterator[Finding]:
    for position, source in enumerate(container.get("envFrom") or []):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            where = (*path, "envFrom", position, field, "name")
            yield from _source(overlay, pod, where, kind, source.get(field) or {}, "name")
    for position, entry in enumerate(container.get("env") or []):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            source = (entry.get("valueFrom") or {}).get(field) or {}
            where = (*path, "env", position, "valueFrom", field, "name")
            yield from _source(overlay, pod, where, kind, source, "name")


def _source(
    overlay: Overlay, pod: Pod, path: Path, kind: str, source: Mapping[str, Any], field: str
) -> Iterator[Finding]:
    name = source.get(field)
    if not name or source.get("optional") or (kind == "ConfigMap" and name in BUILT_IN_CONFIG_MAPS):
        return
    found = _defined(overlay, kind, pod.owner.namespace, str(name))
    if found is None:
        code = "F001" if kind == "ConfigMap" else "F002"
        yield overlay.finding(code, pod.owner, path, f"nothing defines {kind} {name}")
        return
    keys = set(found.body.get("data") or {}) | set(found.body.get("binaryData") or {})
    keys |= set(found.body.get("stringData") or {})
    wanted = [source["key"]] if source.get("key") else [item.get("key") for item in source.get("items") or []]
    for key in wanted:
        if key not in keys:
            yield overlay.finding("F009", pod.owner, path, f"{kind} {name} has no key {key}")
