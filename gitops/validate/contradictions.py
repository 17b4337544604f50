"""Fields that do not go together: each is right by itself, and the API server refuses the object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, selects, value_at
from gitops.validate.sources import Path

_ENDS = {"Job", "CronJob"}
_STAYS = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"}


def check_contradictions(overlay: Overlay) -> Iterator[Finding]:
    """Findings in workloads, services and disruption budgets."""
    for pod in overlay.pods():
        yield from _restarts(overlay, pod)
        yield from _twice_in_pod(overlay, pod)
    for obj in overlay.of_kind("Deployment"):
        yield from _strategy(overlay, obj)
    for obj in overlay.of_kind("PodDisruptionBudget"):
        if {"minAvailable", "maxUnavailable"} <= set(obj.body.get("spec") or {}):
            yield overlay.finding("O014", obj, ("spec", "minAvailable"), "minAvailable and maxUnavailable")
    for obj in overlay.of_kind("Service"):
        yield from _service(overlay, obj)
    yield from _shared_pods(overlay)


def _restarts(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    policy = pod.spec.get("restartPolicy", "Always")
    if pod.owner.kind in _ENDS and policy == "Always":
        path = (*pod.path, "restartPolicy") if "restartPolicy" in pod.spec else pod.path
        yield overlay.finding("O014", pod.owner, path, "restartPolicy of a Job must be Never or OnFailure")
    if pod.owner.kind in _STAYS and policy != "Always":
        path = (*pod.path, "restartPolicy")
        yield overlay.finding("O014", pod.owner, path, f"restartPolicy of a {pod.owner.kind} must be Always")


def _twice_in_pod(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    named = [(path, container.get("name")) for path, container in pod.containers]
    yield from _twice(overlay, pod.owner, named, "container")
    yield from _twice(overlay, pod.owner, _keys((*pod.path, "volumes"), pod.spec.get("volumes"), "name"), "volume")
    for path, container in pod.containers:
        for field, key, what in (
            ("env", "name", "variable"),
            ("ports", "name", "port"),
            ("volumeMounts", "mountPath", "mount at"),
        ):
            yield from _twice(overlay, pod.owner, _keys((*path, field), container.get(field), key), what)


def _keys(path: Path, items: Any, key: str) -> list[tuple[Path, Any]]:
    return [((*path, position), item.get(key)) for position, item in enumerate(items or []) if item.get(key)]


def _twice(overlay: Overlay, obj: KubeObject, keys: Iterable[tuple[Path, Any]], what: str) -> Iterator[Finding]:
    seen = set()
    for path, key in keys:
        if key in seen:
            yield overlay.finding("O014", obj, path, f"{what} {key} is there twice")
        seen.add(key)


def _strategy(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    strategy = value_at(obj.body, ("spec", "strategy")) or {}
    rolling: Mapping[str, Any] = strategy.get("rollingUpdate") or {}
    path = ("spec", "strategy", "rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling:
        yield overlay.finding("O014", obj, path, "Recreate and rollingUpdate")
    if all(str(rolling.get(field, "25%")) in ("0", "0%") for field in ("maxSurge", "maxUnavailable")):
        yield overlay.finding("O014", obj, path, "maxSurge and maxUnavailable are both 0: no pod can be replaced")


def _service(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    ports = value_at(obj.body, ("spec", "ports")) or []
    for position, port in enumerate(ports if len(ports) > 1 else []):
        if not port.get("name"):
            yield overlay.finding("O014", obj, ("spec", "ports", position), "several ports, and this has no name")
    numbers = [
        (("spec", "ports", position), f"{port.get('port')}/{port.get('protocol', 'TCP')}")
        for position, port in enumerate(ports)
    ]
    yield from _twice(overlay, obj, numbers, "port")


def _shared_pods(overlay: Overlay) -> Iterator[Finding]:
    """Workloads that select the pods of another: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector."""
    pods = [pod for pod in overlay.pods() if pod.owner.kind in _STAYS - {"ReplicationController"}]
    for number, pod in enumerate(pods):
        selector = value_at(pod.owner.body, ("spec", "selector"))
        for other in pods[:number]:
            if other.owner.namespace == pod.owner.namespace and selects(selector, other.labels):
                what = f"it selects the pods of {other.owner.ref} too"
                yield overlay.finding("O015", pod.owner, ("spec", "selector"), what)
