"""Which objects an autoscaler sizes: their `replicas` is left to it."""

from collections.abc import Iterable, Mapping
from typing import Any

from gitops.objects import KubeObject, ObjectRef

AUTOSCALERS = (("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"))
REPLICAS_MANAGER = "gitops-replicas"
"""Field manager that holds `replicas` from when we let go of it until the autoscaler sets it: a field that nobody
holds falls back to its default of 1."""


def autoscaled(autoscalers: Iterable[KubeObject]) -> frozenset[ObjectRef]:
    """What the autoscalers among the objects target."""
    targets = set()
    for each in autoscalers:
        if (each.group, each.kind) in AUTOSCALERS:
            target = spec_of(each).get("scaleTargetRef")
            if not isinstance(target, Mapping):
                continue
            group = str(target.get("apiVersion", "apps/v1")).rpartition("/")[0]
            targets.add(
                ObjectRef(group, str(target.get("kind", "Deployment")), each.namespace, str(target.get("name")))
            )
    return frozenset(targets)


def without_replicas(desired: KubeObject) -> KubeObject:
    """`desired` that says nothing of its size."""
    if "replicas" not in spec_of(desired):
        return desired
    spec = {key: value for key, value in spec_of(desired).items() if key != "replicas"}
    return KubeObject({**desired.body, "spec": spec}, desired.origin)


def spec_of(each: KubeObject) -> Mapping[str, Any]:
    """Its spec; nothing where that is no mapping, which the server refuses."""
    spec = each.body.get("spec")
    return spec if isinstance(spec, Mapping) else {}
