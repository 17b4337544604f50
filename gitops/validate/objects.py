"""Checks of every object: its API, its name, its namespace."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from gitops.plan.definitions import defined
from gitops.plan.structural import misfits
from gitops.validate.finding import Finding
from gitops.validate.schema import check_object
from gitops.validate.scope import TEMPLATES, Overlay, selects, value_at

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*"
PATH_SEGMENT = r"(?!\.{1,2}$)[^/%]+"
"""What names may look like (Kubernetes' docs, "Object Names and IDs"). A path segment is the least of every kind."""
NAMED_BY_LABEL = {"Namespace", "Service"}
NAMED_BY_SUBDOMAIN = {
    "ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job", "LimitRange",
    "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "PriorityClass",
    "ReplicaSet", "ResourceQuota", "Secret", "ServiceAccount", "StatefulSet", "StorageClass",
}  # fmt: skip

MISFITS = {"unknown": "O001", "type": "O002", "missing": "O003"}
BUILT_IN_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}


@cache
def served() -> dict[str, dict[str, Any]]:
    """group -> resource -> what the API server says of it (kind, namespaced, verbs)."""
    result: dict[str, dict[str, Any]] = json.loads(files("gitops.validate").joinpath("resources.json").read_bytes())
    return result


@cache
def _namespaced() -> dict[tuple[str, str], bool]:
    return {
        (group, entry["kind"]): entry["namespaced"]
        for group, resources in served().items()
        for name, entry in resources.items()
        if "/" not in name
    }


def check_objects(overlay: Overlay) -> Iterator[Finding]:
    """Objects that are not of the cluster's API. Every other check is given what is left of them after this one."""
    custom = defined(overlay.everything)
    for obj in overlay.objects:
        if obj.kind == "PodSecurityPolicy":
            yield overlay.finding("P005", obj, ("kind",), "PodSecurityPolicy was removed in 1.25")
            continue
        for code, path, what in check_object(obj, overlay.version, frozenset(custom)):
            yield overlay.finding(code, obj, path, what)
        if definition := custom.get((obj.group, obj.kind)):
            for misfit in misfits(obj.body, definition.schemas.get(obj.version, {})):
                yield overlay.finding(MISFITS[misfit.kind], obj, misfit.path, misfit.problem)


def check_places(overlay: Overlay) -> Iterator[Finding]:
    """Namespaces that are missing, names that are none, and selectors that do not match their own pods."""
    made = {obj.name for obj in overlay.everything if obj.kind == "Namespace"} | BUILT_IN_NAMESPACES
    for obj in overlay.objects:
        if _namespaced().get((obj.group, obj.kind)):
            if not obj.namespace:
                yield overlay.finding("O009", obj, ("metadata",), "no namespace is given")
            elif obj.namespace not in made:
                yield overlay.finding("O010", obj, ("metadata", "namespace"), f"nothing makes {obj.namespace}")
        yield from _selector(overlay, obj)
        yield from _name(overlay, obj)


def _name(overlay: Overlay, obj: Any) -> Iterator[Finding]:
    rule = SUBDOMAIN if obj.kind in NAMED_BY_SUBDOMAIN else LABEL if obj.kind in NAMED_BY_LABEL else PATH_SEGMENT
    if not re.fullmatch(rule, obj.name):
        yield overlay.finding("O012", obj, ("metadata", "name"), f"'{obj.name}'")


def _selector(overlay: Overlay, obj: Any) -> Iterator[Finding]:
    selector = value_at(obj.body, ("spec", "selector"))
    if obj.kind in ("Deployment", "StatefulSet", "DaemonSet") and isinstance(selector, dict):
        labels = value_at(obj.body, (*TEMPLATES[obj.kind][:-1], "metadata", "labels")) or {}
        if not selects(selector, labels):
            yield overlay.finding("O011", obj, ("spec", "selector"), "its own pods do not have these labels")


def check_names(overlay: Overlay) -> Iterator[Finding]:
    """Documents without metadata.name, which kustomize would not render at all."""
    for document in overlay.sources.manifests(overlay.folder):
        body = document.body
        if not isinstance(body, dict) or body.get("kind") in (None, "List"):
            continue
        metadata = body.get("metadata")
        if not isinstance(metadata, dict) or not (metadata.get("name") or metadata.get("generateName")):
            where = " (name stands beside metadata)" if "name" in body else ""
            path = ("metadata",) if "metadata" in body else ()
            yield Finding(document.file, document.line(path), "O004", f"{body.get('kind')} has no metadata.name{where}")


def check_owners(overlays: list[Overlay]) -> Iterator[Finding]:
    """Objects that two overlays of one cluster have."""
    first: dict[Any, Overlay] = {}
    for overlay in overlays:
        for obj in overlay.objects:
            key = (overlay.cluster, obj.ref)
            if key in first and first[key] is not overlay:
                yield overlay.finding("O008", obj, ("metadata", "name"), f"{first[key].folder} has it too")
            first.setdefault(key, overlay)
