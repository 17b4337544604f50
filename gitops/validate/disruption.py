"""Checks that pods can leave a node and spread over nodes: budgets, grace, topology."""

import re
from collections.abc import Iterator
from math import ceil
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, Pod, pods_of, selects, value_at
from gitops.validate.sources import Path

_GRACE = 30
"""Seconds, where a pod says nothing else."""

_OLD_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "node-role.kubernetes.io/master": "node-role.kubernetes.io/control-plane",
}
"""https://kubernetes.io/docs/reference/labels-annotations-taints/"""


def check_disruption(overlay: Overlay) -> Iterator[Finding]:
    """Findings in disruption budgets, and in how pods are placed and stopped."""
    for obj in overlay.of_kind("PodDisruptionBudget"):
        yield from _budget(overlay, obj)
    for pod in overlay.pods():
        yield from _grace(overlay, pod)
        yield from _spread(overlay, pod)
        for key in pod.spec.get("nodeSelector") or {}:
            yield from _old_label(overlay, pod, (*pod.path, "nodeSelector", key), key)


def _budget(overlay: Overlay, obj: KubeObject) -> Iterator[Finding]:
    spec = obj.body.get("spec") or {}
    count = _count(overlay, obj.namespace, spec.get("selector"))
    if str(spec.get("maxUnavailable")) in ("0", "0%"):
        yield overlay.finding("W010", obj, ("spec", "maxUnavailable"), "maxUnavailable is 0")
    elif "minAvailable" in spec and _asks_all(str(spec["minAvailable"]), count):
        of = f" of {count}" if count else ""
        yield overlay.finding("W010", obj, ("spec", "minAvailable"), f"minAvailable is {spec['minAvailable']}{of}")


def _asks_all(least: str, count: int | None) -> bool:
    if least == "100%":
        return True
    if not count:
        return False
    number = ceil(count * int(least[:-1]) / 100) if re.fullmatch(r"\d+%", least) else least
    return int(number) >= count if str(number).isdecimal() else False


def _count(overlay: Overlay, namespace: str, selector: Any) -> int | None:
    """How many pods a selector covers at the fewest; None where that cannot be known."""
    result = 0
    for pod in pods_of(overlay.everything):
        if pod.owner.namespace != namespace or not selects(selector, pod.labels):
            continue
        if pod.owner.kind not in ("Deployment", "StatefulSet"):
            return None
        result += _replicas(overlay, pod.owner)
    return result


def _replicas(overlay: Overlay, workload: KubeObject) -> int:
    for obj in overlay.everything:
        target = value_at(obj.body, ("spec", "scaleTargetRef")) if obj.kind == "HorizontalPodAutoscaler" else None
        if target and (target.get("kind"), target.get("name"), obj.namespace) == (
            workload.kind, workload.name, workload.namespace,
        ):  # fmt: skip
            return int(value_at(obj.body, ("spec", "minReplicas")) or 1)
    replicas = value_at(workload.body, ("spec", "replicas"))
    return 1 if replicas is None else int(replicas)


def _grace(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    grace = pod.spec.get("terminationGracePeriodSeconds", _GRACE)
    for path, container in pod.containers:
        seconds = value_at(container, ("lifecycle", "preStop", "sleep", "seconds"))
        if isinstance(seconds, int) and seconds >= grace:
            where = (*path, "lifecycle", "preStop", "sleep", "seconds")
            yield overlay.finding("W013", pod.owner, where, f"preStop takes {seconds} s of {grace} s of grace")


def _spread(overlay: Overlay, pod: Pod) -> Iterator[Finding]:
    for position, constraint in enumerate(pod.spec.get("topologySpreadConstraints") or []):
        path = (*pod.path, "topologySpreadConstraints", position)
        yield from _old_label(overlay, pod, (*path, "topologyKey"), constraint.get("topologyKey"))
        selector = constraint.get("labelSelector")
        if selector and not selects(selector, pod.labels):
            yield overlay.finding("W011", pod.owner, (*path, "labelSelector"), "these labels are not its own pods'")
    for kind in ("podAffinity", "podAntiAffinity"):
        for when in (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
        ):
            path = (*pod.path, "affinity", kind, when)
            for position, term in enumerate(value_at(pod.spec, ("affinity", kind, when)) or []):
                inner = ("podAffinityTerm", "topologyKey") if "podAffinityTerm" in term else ("topologyKey",)
                yield from _old_label(overlay, pod, (*path, position, *inner), value_at(term, inner))


def _old_label(overlay: Overlay, pod: Pod, path: Path, key: Any) -> Iterator[Finding]:
    if key in _OLD_LABELS:
        yield overlay.finding("W012", pod.owner, path, f"{key} is deprecated; use {_OLD_LABELS[key]}")
