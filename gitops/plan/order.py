"""In which order objects are applied: levels, each of which waits for those below it."""

from collections.abc import Mapping, Sequence

from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef

DEPENDS_ON = "gitops/depends-on"
"""Annotation: `Kind/name` or `Kind/namespace/name`, comma-separated. Those are ready before this object is applied."""

NAMESPACE, DEFINITION, ACCESS, CONFIG, OTHER, WORKLOAD, AROUND, ADMISSION = range(8)
_RANKS = {
    NAMESPACE: "Namespace",
    DEFINITION: "CustomResourceDefinition PriorityClass StorageClass RuntimeClass IngressClass",
    ACCESS: "ServiceAccount Role ClusterRole RoleBinding ClusterRoleBinding LimitRange ResourceQuota NetworkPolicy",
    CONFIG: "ConfigMap Secret PersistentVolume PersistentVolumeClaim Service Endpoints EndpointSlice",
    WORKLOAD: "Deployment StatefulSet DaemonSet ReplicaSet ReplicationController Job CronJob Pod",
    AROUND: "HorizontalPodAutoscaler PodDisruptionBudget Ingress APIService",
    ADMISSION: "ValidatingWebhookConfiguration MutatingWebhookConfiguration ValidatingAdmissionPolicy"
    " ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
}
_RANK = {kind: rank for rank, kinds in _RANKS.items() for kind in kinds.split()}


def rank(kind: str) -> int:
    """When a kind is applied, by what usually needs what. Kinds that are not known come before workloads."""
    return _RANK.get(kind, OTHER)


def levels(objects: Sequence[KubeObject]) -> dict[ObjectRef, int]:
    """The level of each object: above its kind's rank, and above all that it depends on.

    Raises `GitopsError` for a dependency that is not in the overlay, and for a cycle.
    """
    by_ref = {each.ref: each for each in objects}
    needs = {each.ref: _dependencies(each, by_ref) for each in objects}
    levels: dict[ObjectRef, int] = {}
    for ref in by_ref:
        _visit(ref, needs, levels, ())
    return levels


def dependencies(objects: Sequence[KubeObject]) -> frozenset[ObjectRef]:
    """The objects that others wait for by annotation."""
    by_ref = {each.ref: each for each in objects}
    return frozenset(needed for each in objects for needed in _dependencies(each, by_ref))


def _visit(
    ref: ObjectRef, needs: Mapping[ObjectRef, list[ObjectRef]], levels: dict[ObjectRef, int], way: tuple[ObjectRef, ...]
) -> int:
    if ref in way:
        circle = " -> ".join(map(str, (*way[way.index(ref) :], ref)))
        raise GitopsError(str(ref), f"depends on itself: {circle}", f"take one {DEPENDS_ON} annotation away")
    if ref not in levels:
        below = [_visit(needed, needs, levels, (*way, ref)) + 1 for needed in needs[ref]]
        levels[ref] = max([rank(ref.kind), *below])
    return levels[ref]


def _dependencies(needing: KubeObject, objects: Mapping[ObjectRef, KubeObject]) -> list[ObjectRef]:
    found = []
    for text in filter(None, map(str.strip, needing.annotations.get(DEPENDS_ON, "").split(","))):
        match = next((ref for ref in objects if _means(text, ref, needing.namespace)), None)
        if match is None:
            raise GitopsError(
                str(needing.ref), f"depends on {text}, which the overlay does not have", f"check its {DEPENDS_ON}"
            )
        found.append(match)
    return found


def _means(text: str, ref: ObjectRef, namespace: str) -> bool:
    kind, *rest = text.split("/")
    if len(rest) == 1:
        return (kind, rest[0]) == (ref.kind, ref.name) and ref.namespace in ("", namespace)
    return len(rest) == 2 and (kind, *rest) == (ref.kind, ref.namespace, ref.name)
