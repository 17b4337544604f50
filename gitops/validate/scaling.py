"""Checks of HorizontalPodAutoscalers and of the Cluster Autoscaler."""

import re
from collections.abc import Iterator
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, value_at
from gitops.validate.sources import Path

CUTOFF = -10
"""Cluster Autoscaler's --expendable-pods-priority-cutoff."""


def check_scaling(overlay: Overlay) -> Iterator[Finding]:
    """Findings in autoscalers of pods and of nodes."""
    for obj in overlay.of_kind("HorizontalPodAutoscaler"):
        yield from _pods(overlay, obj)
    yield from _rivals(overlay)
    for obj in overlay.of_kind("PriorityClass"):
        value = obj.body.get("value")
        if isinstance(value, int) and value < CUTOFF:
            yield overlay.finding("A004", obj, ("value",), f"{value} is below {CUTOFF}")
    for pod in overlay.pods():
        for path, container in pod.containers:
            if "cluster-autoscaler" in str(container.get("image")):
                yield from _nodes(overlay, pod, path, container)


def _pods(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    spec = obj.body.get("spec") or {}
    if obj.version == "v1":
        yield overlay.finding("H004", obj, ("apiVersion",), "autoscaling/v1 knows CPU only, and no behavior")
    elif "behavior" not in spec:
        yield overlay.finding("H006", obj, ("spec",), "it has no behavior")
    if spec.get("minReplicas", 1) > spec.get("maxReplicas", 1):
        yield overlay.finding("H005", obj, ("spec", "minReplicas"), "minReplicas is above maxReplicas")
    target = spec.get("scaleTargetRef") or {}
    scaled = next(
        (
            other
            for other in overlay.everything
            if (other.kind, other.name, other.namespace) == (target.get("kind"), target.get("name"), obj.namespace)
        ),
        None,
    )
    if scaled is None:
        named = f"{target.get('kind')}/{obj.namespace}/{target.get('name')}"
        yield overlay.finding("H002", obj, ("spec", "scaleTargetRef", "name"), f"nothing defines {named}")
        return
    if value_at(scaled.body, ("spec", "replicas")) is not None:
        yield overlay.finding("H001", scaled, ("spec", "replicas"), f"{obj.ref} owns their number")
    yield from _requests(overlay, obj, scaled)


def _rivals(overlay: Overlay) -> Iterator[Finding]:
    first: dict[tuple[Any, ...], KubeObject] = {}
    for obj in overlay.of_kind("HorizontalPodAutoscaler"):
        target = value_at(obj.body, ("spec", "scaleTargetRef")) or {}
        key = (obj.namespace, target.get("kind"), target.get("name"))
        if first.setdefault(key, obj).ref != obj.ref:
            yield overlay.finding("H008", obj, ("spec", "scaleTargetRef", "name"), f"{first[key].ref} has it too")


def _requests(overlay: Overlay, obj: KubeObject, scaled: KubeObject) -> Iterator[Finding]:
    pod = next(overlay.pods((scaled,)), None)
    names = {container.get("name") for _, container in pod.containers} if pod else set()
    for position, metric in enumerate(value_at(obj.body, ("spec", "metrics")) or []):
        container = value_at(metric, ("containerResource", "container"))
        if pod and container and container not in names:
            path: Path = ("spec", "metrics", position, "containerResource", "container")
            yield overlay.finding("H007", obj, path, f"{scaled.ref} has no container {container}")
    for resource, only in _by_use(obj):
        for path, container in pod.containers if pod else []:
            if only in (None, container.get("name")) and resource not in _requested(container):
                what = f"{obj.ref} counts {resource}, and container {container.get('name')} requests none"
                yield overlay.finding("H003", scaled, (*path, "resources", "requests"), what)


def _by_use(obj: KubeObject) -> list[tuple[str, str | None]]:
    """(resource, container) that the autoscaler computes the use of; None is every container."""
    spec: Any = obj.body.get("spec") or {}
    if obj.version == "v1":
        return [("cpu", None)]
    result: list[tuple[str, str | None]] = []
    for metric in spec.get("metrics") or []:
        for field in ("resource", "containerResource"):
            entry = metric.get(field) or {}
            if (entry.get("target") or {}).get("type") == "Utilization":
                result.append((str(entry.get("name")), entry.get("container")))
    return result


def _requested(container: Any) -> set[str]:
    resources = container.get("resources") or {}
    return set(resources.get("requests") or {}) | set(resources.get("limits") or {})


def _nodes(overlay: Overlay, pod: Pod, path: Any, container: Any) -> Iterator[Finding]:
    if overlay.auto_mode:
        yield overlay.finding("A003", pod.owner, path, f"{overlay.cluster} runs in EKS Auto Mode")
    for field in ("command", "args"):
        for position, argument in enumerate(container.get(field) or []):
            where = (*path, field, position)
            if str(argument).startswith("--nodes="):
                yield overlay.finding("A001", pod.owner, where, str(argument))
            if re.match(r"--scale-down-enabled=[fF0]", str(argument)):
                yield overlay.finding("A005", pod.owner, where, str(argument))
            if str(argument).startswith("--node-group-auto-discovery=") and overlay.cluster:
                tags = str(argument).partition("tag=")[2].split(",")
                if f"k8s.io/cluster-autoscaler/{overlay.cluster}" not in tags:
                    yield overlay.finding("A002", pod.owner, where, f"no tag names {overlay.cluster}")
